// What travels: limits, the reply, verdicts, problems. Whatever comes from outside is read here
// into types that the rest may trust; what is no reply of the protocol is no answer.

import * as v from 'valibot'

import { isScope } from './scope.ts'
import type { Outcome, Problem, Reply } from './limits.ts'

export * from './limits.ts'

const whole = v.pipe(v.number(), v.safeInteger())
const count = v.pipe(whole, v.minValue(0))
const u32 = v.pipe(count, v.maxValue(0xffffffff))
const hexDigits = (n: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${n}}$`)))
const mark = v.pipe(v.string(), v.regex(/^([0-9a-f]{16})?$/))
const record = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/))
const user = v.pipe(v.string(), v.regex(/^u[+-]?\d+$/))
const scope = v.pipe(v.string(), v.check(isScope))
const place = v.pipe(v.string(), v.check(text => isScope(text) && !text.includes('@')))
const texts = v.optional(v.array(v.string()))
const fields = v.record(v.string(), v.any())

const outcome = v.pipe(
  v.string(),
  v.transform((text): Outcome => (text === 'merged' || text === 'parked' || text === 'invalid' ? text : 'applied')),
)
const row = v.object({
  record,
  kind: v.string(),
  parent: v.nullish(record),
  rev: count,
  stamp: hexDigits(24),
  time: whole,
  clock: v.optional(v.picklist(['right', 'shifted', 'unknown'])),
  by: user,
  set: fields,
  conflicts: v.optional(v.record(v.string(), v.array(v.object({ value: v.any(), time: whole, by: user })))),
  abnormal: texts,
  flags: texts,
})
const feed = v.object({
  scope,
  cursor: count,
  more: v.boolean(),
  reset: v.optional(v.boolean()),
  view: v.string(),
  count,
  digest: hexDigits(16),
  lease: u32,
  own: v.optional(v.array(v.strictTuple([count, count, count]))),
  rows: v.optional(v.array(row)),
  exits: v.optional(v.array(v.object({ record, reason: v.string(), to: v.nullish(scope) }))),
})
export const heldPlace = v.object({
  place,
  name: v.string(),
  by_day: v.optional(v.boolean()),
  roles: v.array(v.string()),
})
const reply = v.object({
  protocol: u32,
  epoch: count,
  now: whole,
  schema: u32,
  policy: u32,
  ack: count,
  ack_mark: mark,
  durable: count,
  next_in: u32,
  verdicts: v.optional(
    v.array(
      v.object({
        seq: count,
        last: v.nullish(count),
        verdict: outcome,
        code: v.nullish(v.string()),
        path: v.nullish(v.string()),
        fields: texts,
        scope: v.nullish(scope),
      }),
    ),
  ),
  dropped: v.optional(v.array(v.object({ scope, reason: v.string() }))),
  grants: v.nullish(v.string()),
  places: v.nullish(v.array(heldPlace)),
  feeds: v.optional(v.array(feed)),
})
const problem = v.object({
  code: v.optional(v.string(), ''),
  expected: v.nullish(count),
  after: v.nullish(v.string()),
})
const enrolled = v.object({ device: u32, user })

/** Reads what claims to be a reply. */
export function readReply(value: unknown): Reply | null {
  const read = v.safeParse(reply, value)
  return read.success ? (read.output as Reply) : null
}

/** Reads a problem document; what cannot be read of it is left at nothing. */
export function readProblem(value: unknown): Problem {
  const read = v.safeParse(problem, value)
  if (!read.success) return { code: '', expected: null, after: null }
  return { code: read.output.code, expected: read.output.expected ?? null, after: read.output.after ?? null }
}

/** Reads the answer to an enrolment. */
export function readEnrolled(value: unknown): { device: number; user: string } | null {
  const read = v.safeParse(enrolled, value)
  return read.success ? read.output : null
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
