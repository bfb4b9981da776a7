// The definitions in force on this phone: the bundled ones until the centre has sent its own, then
// the newest that it sent, kept for use without a network.

import { signal, type ReadonlySignal } from '@preact/signals'
import * as v from 'valibot'

import type { Kind, Policy } from './kind.ts'
import type { Http } from '../net/http.ts'
import type { Database } from '../store/db.ts'
import { parseJson } from '../sync/wire.ts'

const label = v.object({ zh: v.string(), en: v.string() })
const kindsReply = v.object({
  schema: v.number(),
  kinds: v.array(v.looseObject({ name: v.string(), label, field: v.array(v.looseObject({ name: v.string(), type: v.string(), label })) })),
})
const policyReply = v.object({
  version: v.number(),
  policy: v.looseObject({
    rule: v.optional(v.array(v.looseObject({ code: v.string(), kind: v.string(), level: v.string(), when: v.array(v.any()) })), []),
  }),
})
const rescueReply = v.object({ key: v.pipe(v.string(), v.regex(/^[0-9a-f]{130}$/)) })

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

  /** Fetches what is newer, and the rescue key while there is none. Says whether anything came. */
  async fetch(http: Http, token: string, db: Database, newer: boolean): Promise<boolean> {
    const ask = async <T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> => {
      const answer = await http.exchange({ method: 'GET', path, token })
      if (answer === null || answer.status !== 200) return null
      const read = v.safeParse(schema, parseJson(answer.body))
      return read.success ? read.output : null
    }
    const kept: Kept = { ...this.kept() }
    if (newer) {
      const kinds = await ask('/v1/kinds', kindsReply)
      const policy = await ask('/v1/policy', policyReply)
      if (kinds !== null) Object.assign(kept, { schema: kinds.schema, kinds: kinds.kinds })
      if (policy !== null) Object.assign(kept, { policyVersion: policy.version, policy: policy.policy })
    }
    if (this.rescueKey === null) kept.rescueKey = (await ask('/v1/rescue-key', rescueReply))?.key ?? null
    if (JSON.stringify(kept) === JSON.stringify(this.kept())) return false
    await db.write([], tx => void tx.objectStore('phone').put(kept, 'definitions'))
    this.take(kept)
    return true
  }

  private kept(): Kept {
    return {
      schema: this.schema,
      kinds: Object.values(this.heldKinds.value),
      policyVersion: this.policyVersion,
      policy: this.heldPolicy.value,
      rescueKey: this.rescueKey,
    }
  }

  private take(kept: Kept): void {
    this.schema = kept.schema
    this.heldKinds.value = byName(kept.kinds)
    this.policyVersion = kept.policyVersion
    this.heldPolicy.value = kept.policy
    this.rescueKey = kept.rescueKey
  }
}

interface Kept {
  schema: number
  kinds: readonly Kind[]
  policyVersion: number
  policy: Policy
  rescueKey: string | null
}

function byName(kinds: readonly Kind[]): ByName {
  return Object.fromEntries(kinds.map(kind => [kind.name, kind]))
}
