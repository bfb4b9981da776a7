// What travels: limits, the reply, verdicts, problems. Whatever comes from outside is read here
// into types that the rest may trust; what is no reply of the protocol is no answer.

import * as v from 'valibot'

import { isScope } from './scope.ts'
import type { Fields, Value } from './change.ts'

export type Millis = number
export type Rev = number
export type Seq = number
export type RecordId = string
export type Place = string
export type Scope = string

export const PROTOCOL = 1
export const MAX_CHANGES = 500
export const MAX_CHANGE_BYTES = 16 * 1024
export const MAX_MAP_ENTRIES = 256
export const MAX_BODY_BYTES = 256 * 1024
export const MAX_DEPTH = 16
export const MAX_PAGE_ROWS = 500
export const MAX_SCOPES = 64
export const MAX_CHANGES_AFTER_FAILURE = 32
export const MAX_BYTES_AFTER_FAILURE = 32 * 1024

export type Outcome = 'applied' | 'merged' | 'parked' | 'invalid'

export interface Verdict {
  readonly seq: Seq
  readonly last?: Seq | null
  readonly verdict: Outcome
  readonly code?: string | null
  readonly path?: string | null
  readonly fields?: readonly string[]
  readonly scope?: Scope | null
}

export interface HeldPlace {
  readonly place: Place
  readonly name: string
  readonly by_day?: boolean
  readonly roles: readonly string[]
}

export interface Conflict {
  readonly value: Value
  readonly time: Millis
  readonly by: string
}

export interface Row {
  readonly record: RecordId
  readonly kind: string
  readonly parent?: RecordId | null
  readonly rev: Rev
  readonly stamp: string
  readonly time: Millis
  readonly clock?: 'right' | 'shifted' | 'unknown'
  readonly by: string
  readonly set: Fields
  readonly conflicts?: { readonly [field: string]: readonly Conflict[] }
  readonly abnormal?: readonly string[]
  readonly flags?: readonly string[]
}

export interface Exit {
  readonly record: RecordId
  readonly reason: string
  readonly to?: Scope | null
}

export interface Feed {
  readonly scope: Scope
  readonly cursor: Rev
  readonly more: boolean
  readonly reset?: boolean
  readonly view: string
  readonly count: number
  readonly digest: string
  readonly lease: number
  readonly own?: readonly (readonly [Seq, Seq, Rev])[]
  readonly rows?: readonly Row[]
  readonly exits?: readonly Exit[]
}

export interface Reply {
  readonly protocol: number
  readonly epoch: Rev
  readonly now: Millis
  readonly schema: number
  readonly policy: number
  readonly ack: Seq
  readonly ack_mark: string
  readonly durable: Seq
  readonly next_in: number
  readonly verdicts?: readonly Verdict[]
  readonly dropped?: readonly { readonly scope: Scope; readonly reason: string }[]
  readonly grants?: string | null
  readonly places?: readonly HeldPlace[] | null
  readonly feeds?: readonly Feed[]
}

export interface Problem {
  readonly code: string
  readonly expected: Seq | null
  readonly after: string | null
}

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
