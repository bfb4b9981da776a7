// What travels, as types, and its limits. Reading it from outside is `wire`'s work.

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
