// The definitions in force on this phone: the bundled ones until the centre has sent its own, then
// the newest that it sent, kept for use without a network.

import { signal, type ReadonlySignal } from '@preact/signals'

import type { Kind, Policy } from './kind.ts'
import type { Database } from '../store/db.ts'

type ByName = { readonly [name: string]: Kind }

export class Definitions {
  private readonly heldKinds = signal<ByName>({})
  private readonly heldPolicy = signal<Policy>({ version: 0, rule: [] })
  readonly kinds: ReadonlySignal<ByName> = this.heldKinds
  readonly policy: ReadonlySignal<Policy> = this.heldPolicy
  /** 0 while nothing has come: the centre takes that for its newest. */
  schema = 0
  policyVersion = 0
  /** The server's public key for rescue files, in hex. */
  rescueKey: string | null = null

  /** What was kept, or else the bundled ones, also where storage tells nothing. */
  async load(db: Database): Promise<void> {
    const kept = await db.read(store => store.get('phone', 'definitions')).catch(() => undefined)
    if (kept !== undefined) return this.take(kept as Kept)
    const { default: bundled } = await import('./bundled.json')
    if (this.schema > 0) return
    this.heldKinds.value = byName(bundled.kinds as unknown as Kind[])
    this.heldPolicy.value = bundled.policy as unknown as Policy
  }

  kept(): Kept {
    return {
      schema: this.schema,
      kinds: Object.values(this.heldKinds.value),
      policyVersion: this.policyVersion,
      policy: this.heldPolicy.value,
      rescueKey: this.rescueKey,
    }
  }

  take(kept: Kept): void {
    this.schema = kept.schema
    this.heldKinds.value = byName(kept.kinds)
    this.policyVersion = kept.policyVersion
    this.heldPolicy.value = kept.policy
    this.rescueKey = kept.rescueKey
  }
}

export interface Kept {
  schema: number
  kinds: readonly Kind[]
  policyVersion: number
  policy: Policy
  rescueKey: string | null
}

function byName(kinds: readonly Kind[]): ByName {
  return Object.fromEntries(kinds.map(kind => [kind.name, kind]))
}
