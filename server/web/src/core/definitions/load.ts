// The definitions in force on this phone: the bundled ones until the centre has sent its own, then
// the newest that it sent, kept for use without a network.

import { signal, type ReadonlySignal } from '@preact/signals'

import first from 'bundled:first'

import type { Kind, Policy } from './kind.ts'

type ByName = { readonly [name: string]: Kind }

export class Definitions {
  private readonly heldKinds = signal<ByName>({})
  private readonly heldPolicy = signal<Policy>({ version: 0, rule: [] })
  readonly kinds: ReadonlySignal<ByName> = this.heldKinds
  readonly policy: ReadonlySignal<Policy> = this.heldPolicy
  /** 0 while nothing has come: the centre takes that for its newest. */
  schema = 0
  policyVersion = 0
  private isWhole = false
  /** The server's public key for rescue files, in hex. */
  rescueKey: string | null = null

  /** What was kept, or else the bundled ones, also where storage tells nothing. */
  load(kept: Kept | undefined): void {
    // Without a schema nothing but the rescue key has come yet.
    if (kept !== undefined && kept.schema > 0) return this.take(kept)
    if (kept !== undefined) this.rescueKey = kept.rescueKey
    if (this.schema > 0 || this.isWhole) return
    this.heldKinds.value = byName(first.kinds)
    this.heldPolicy.value = first.policy
  }

  /** The bundled kinds and rules that the first screen does without. */
  async complete(): Promise<void> {
    const { default: rest } = await import('bundled:rest')
    if (this.schema > 0 || this.isWhole) return
    this.isWhole = true
    this.heldKinds.value = { ...byName(rest.kinds), ...this.heldKinds.value }
    this.heldPolicy.value = { ...this.heldPolicy.value, rule: [...this.heldPolicy.value.rule, ...rest.rule] }
  }

  kept(): Kept {
    return {
      schema: this.schema,
      kinds: this.schema === 0 ? [] : Object.values(this.heldKinds.value),
      policyVersion: this.policyVersion,
      policy: this.heldPolicy.value,
      rescueKey: this.rescueKey,
    }
  }

  take(kept: Kept): void {
    this.rescueKey = kept.rescueKey
    if (kept.schema === 0) return
    this.schema = kept.schema
    this.heldKinds.value = byName(kept.kinds)
    this.policyVersion = kept.policyVersion
    this.heldPolicy.value = kept.policy
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
