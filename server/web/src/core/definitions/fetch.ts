// Fetches the definitions that the centre has, and the key that rescue files are sealed for.

import * as v from 'valibot'

import type { Http } from '../net/http.ts'
import type { Database } from '../store/db.ts'
import { parseJson } from '../sync/wire.ts'
import type { Definitions, Kept } from './load.ts'

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

/** What is newer, and the rescue key while there is none. Says whether anything came. */
export async function fetchDefinitions(definitions: Definitions, http: Http, token: string, db: Database, newer: boolean): Promise<boolean> {
  const ask = async <T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> => {
    const answer = await http.exchange({ method: 'GET', path, token })
    if (answer === null || answer.status !== 200) return null
    const read = v.safeParse(schema, parseJson(answer.body))
    return read.success ? read.output : null
  }
  const before = definitions.kept()
  const kept: Kept = { ...before }
  if (newer) {
    const kinds = await ask('/v1/kinds', kindsReply)
    const policy = await ask('/v1/policy', policyReply)
    if (kinds !== null) Object.assign(kept, { schema: kinds.schema, kinds: kinds.kinds })
    if (policy !== null) Object.assign(kept, { policyVersion: policy.version, policy: policy.policy })
  }
  if (kept.rescueKey === null) kept.rescueKey = (await ask('/v1/rescue-key', rescueReply))?.key ?? null
  if (JSON.stringify(kept) === JSON.stringify(before)) return false
  await db.write([], tx => void tx.objectStore('phone').put(kept, 'definitions'))
  definitions.take(kept)
  return true
}
