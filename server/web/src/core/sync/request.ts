// What to do next, and the body of the next request. A pack is numbered and frozen here, when its
// request is started; one sync is in flight at a time.

import { newAttempt } from './pace.ts'
import { digestText } from './digest.ts'
import { tokenHash, type Proof, type Token } from './enrol.ts'
import { markOf, type Mark } from './mark.ts'
import { entryOf, lostLine, markAt, packed, setMark, type EntryId } from './outbox.ts'
import { order } from './pack.ts'
import { tick, type Replica } from './replica.ts'
import { compareScopes } from './scope.ts'
import { due, wanted } from './rows.ts'
import { bytesOf } from './sha256.ts'
import type { Moment } from './time.ts'
import {
  MAX_BODY_BYTES, MAX_BYTES_AFTER_FAILURE, MAX_CHANGES, MAX_CHANGES_AFTER_FAILURE, MAX_PAGE_ROWS,
  MAX_SCOPES, PROTOCOL, type Millis, type Rev, type Scope, type Seq,
} from './limits.ts'

/** What the shell is to do. Moments to wait until are on the monotonic clock. */
export type Action =
  | { readonly action: 'send'; readonly attempt: number; readonly token: Token; readonly body: string; readonly mayCompress: boolean }
  | {
      readonly action: 'enrol'
      readonly attempt: number
      readonly tokenHash: string
      readonly proof: Proof
      /** The last change under the present number that the centre has acknowledged here. */
      readonly knew: Seq
      readonly knewMark: Mark | null
    }
  | { readonly action: 'ask_for_code'; readonly until: Millis | null }
  | { readonly action: 'blocked'; readonly until: Millis }
  | { readonly action: 'wait'; readonly until: Millis }
  | { readonly action: 'busy'; readonly attempt: number }

/** The request under way. */
export interface Flight {
  readonly attempt: number
  readonly moment: Moment
  readonly era: number
  /** The first number that it carries, or would. */
  readonly from: Seq
  /** The last that it carries; below `from` if none. */
  readonly last: Seq
  /** Bytes of its lines. */
  readonly bytes: number
  /** The scopes it asks for, with the cursors it sent. */
  asks: readonly (readonly [Scope, Rev])[]
  /** It asks whether the centre has a change whose body is lost here. */
  readonly asksForLost: boolean
  readonly mayCompress: boolean
  /** Whether it enrols rather than syncs. */
  readonly enrols: boolean
}

/** The cursor that was sent for a scope, if it was asked for. */
export function cursorIn(flight: Flight, scope: Scope): Rev | null {
  return flight.asks.find(([asked]) => asked === scope)?.[1] ?? null
}

/**
 * What to do next. Starting a request numbers what it carries: the replica is to be written to
 * storage before the request is sent.
 */
export function next(self: Replica, moment: Moment): Action {
  tick(self, moment)
  if (self.flight !== null) return { action: 'busy', attempt: self.flight.attempt }
  const until = self.pace.notBefore
  const early = moment.mono < until
  const { access } = self
  if (access.is === 'needs_code' && self.identity === null) return { action: 'ask_for_code', until: null }
  if (access.is === 'needs_code' && early) return { action: 'ask_for_code', until }
  if (access.is === 'blocked' && early) return { action: 'blocked', until }
  if (early) return { action: 'wait', until }
  if (access.is === 'enrolling') {
    const knew = self.ack
    const knewMark = markAt(self, knew)
    const attempt = startEnrolling(self, moment)
    return { action: 'enrol', attempt, tokenHash: tokenHash(access.token), proof: access.proof, knew, knewMark }
  }
  if (!hasWork(self, moment)) {
    if (moment.mono < self.pace.nextAt) return { action: 'wait', until: self.pace.nextAt }
    // A new round: every wanted scope is due once.
    self.pace.round = self.pace.attempt + 1
  }
  return start(self, moment)
}

/**
 * The entries whose lines the next request may carry and that are asleep: to be woken before
 * `next` is called, and to be called lost only if storage does not have them.
 */
export function wants(self: Replica): EntryId[] {
  if (self.access.is === 'needs_code' && self.identity === null) return []
  const most = Math.min(MAX_CHANGES, self.pace.mostChanges)
  const ids: EntryId[] = []
  for (let seq = self.settled + 1; seq <= packed(self) && ids.length < most; seq++) {
    const id = self.numbered.get(seq)
    if (id !== undefined) ids.push(id)
  }
  if (ids.length < most) ids.push(...order(self.outbox).slice(0, most - ids.length))
  return ids.filter(id => self.outbox.get(id)?.line === undefined)
}

/** Whether there is something to send, or to ask for in this round. */
export function hasWork(self: Replica, moment: Moment): boolean {
  if (self.settled < packed(self)) return true
  for (const entry of self.outbox.values()) if (entry.seq === null && !self.outbox.unplaced.has(entry.record)) return true
  return !self.pace.withoutPull && !self.muted && due(self, moment).length > 0
}

function startEnrolling(self: Replica, moment: Moment): number {
  const attempt = newAttempt(self.pace)
  self.flight = {
    attempt, moment, era: self.eras.era, from: 1, last: 0, bytes: 0, asks: [],
    asksForLost: false, mayCompress: false, enrols: true,
  }
  return attempt
}

function start(self: Replica, moment: Moment): Action {
  if (self.identity === null) return { action: 'ask_for_code', until: null }
  const { token } = self.identity
  const attempt = newAttempt(self.pace)
  // Without the mark before `from` the centre cannot know us: ask from the beginning, without
  // changes, and take the mark that it names.
  const blind = self.settled > 0 && markAt(self, self.settled) === null
  const from = blind ? 1 : self.settled + 1
  const asks = chooseAsks(self, moment)
  const envelope = envelopeOf(self, moment, from, asks)
  const envelopeBytes = bytesOf(envelope).length
  const taken = blind
    ? { lines: [], bytes: 0, asksForLost: false }
    : takeLines(self, Math.max(0, MAX_BODY_BYTES - (envelopeBytes + 1)))
  const { lines, asksForLost } = taken
  const body = `${[envelope, ...lines].join('\n')}\n`
  const mayCompress = !self.pace.plain
  self.flight = {
    attempt, moment, era: self.eras.era, from, last: from - 1 + lines.length, bytes: taken.bytes + 1, asks,
    asksForLost, mayCompress, enrols: false,
  }
  return { action: 'send', attempt, token, body, mayCompress }
}

function envelopeOf(self: Replica, moment: Moment, from: Seq, asks: readonly (readonly [Scope, Rev])[]): string {
  const members = [
    `"protocol":${PROTOCOL}`,
    `"epoch":${self.epoch}`,
    `"now":${moment.wall}`,
    `"era":${self.eras.era}`,
  ]
  if (self.eras.offsets.size > 0) {
    const eras = [...self.eras.offsets].map(([era, offset]) => [String(era), offset] as const)
    eras.sort(([a], [b]) => (a < b ? -1 : 1))
    members.push(`"eras":{${eras.map(([era, offset]) => `"${era}":${offset}`).join(',')}}`)
  }
  const pull = asks.map(([scope, cursor]) => {
    const held = self.holdings.get(scope)
    return [scope, cursor, held?.view ?? '', digestText(held?.digest ?? 0n)]
  })
  members.push(
    `"schema":${self.schema}`,
    `"policy":${self.policy}`,
    `"grants":${JSON.stringify(self.grants)}`,
    `"from":${from}`,
    `"after":"${markAt(self, from - 1) ?? ''}"`,
    `"pull":${JSON.stringify(pull)}`,
    `"limit":${MAX_PAGE_ROWS}`,
  )
  return `{${members.join(',')}}`
}

/**
 * The lines of the next request: first what has a number and no verdict, then what is packed now.
 * Stops at a change whose body is lost and which the centre was not yet asked about, and at one
 * that is asleep.
 */
function takeLines(self: Replica, room: number): { lines: string[]; bytes: number; asksForLost: boolean } {
  let mostChanges = Math.min(MAX_CHANGES, self.pace.mostChanges)
  let mostBytes = Math.min(room, self.pace.mostBytes)
  if (self.pace.small) {
    mostChanges = Math.min(mostChanges, MAX_CHANGES_AFTER_FAILURE)
    mostBytes = Math.min(mostBytes, MAX_BYTES_AFTER_FAILURE)
  }
  const lines: string[] = []
  let bytes = 0
  const take = (line: string): boolean => {
    const more = bytes + bytesOf(line).length + 1
    if (lines.length > 0 && (lines.length >= mostChanges || more > mostBytes)) return false
    bytes = more
    return true
  }
  for (let seq = self.settled + 1; seq <= packed(self); seq++) {
    const entry = entryOf(self, seq)
    let line = entry === undefined ? null : entry.line
    if (line === undefined) return { lines, bytes, asksForLost: false }
    if (line === null) {
      // Known not to be there: say so. The line is the same at every attempt.
      if (self.lostChecked === null || self.lostChecked >= seq) {
        return { lines, bytes, asksForLost: lines.length === 0 }
      }
      line = lostLine('storage')
      setMark(self, seq, markOf(seq, line))
    }
    if (!take(line)) return { lines, bytes, asksForLost: false }
    lines.push(line)
  }
  for (const id of order(self.outbox)) {
    const entry = self.outbox.get(id)!
    if (entry.line === undefined) break
    // Lost before it had a number: nobody can have it.
    const line = entry.line ?? lostLine('storage')
    if (!take(line)) break
    const seq = packed(self) + 1
    self.marks.push(markOf(seq, line))
    self.numbered.set(seq, id)
    entry.seq = seq
    entry.line = line
    self.outbox.touch(id)
    lines.push(line)
  }
  return { lines, bytes, asksForLost: false }
}

/** The scopes to ask for: those with more to come first, then those not complete, then those asked longest ago. */
function chooseAsks(self: Replica, moment: Moment): (readonly [Scope, Rev])[] {
  if (self.pace.withoutPull || self.muted) return []
  const rank = (scope: Scope): readonly [number, number, number] => {
    const held = self.holdings.get(scope)
    return [held?.more ? 0 : 1, held?.complete ? 1 : 0, held?.asked ?? 0]
  }
  const scopes = wanted(self, moment.wall).map(scope => ({ scope, rank: rank(scope) }))
  scopes.sort((a, b) => {
    for (let i = 0; i < 3; i++) if (a.rank[i] !== b.rank[i]) return a.rank[i]! - b.rank[i]!
    return compareScopes(a.scope, b.scope)
  })
  return scopes.slice(0, Math.min(MAX_SCOPES, self.pace.mostScopes)).map(({ scope }) => {
    const held = self.holdings.get(scope)
    return [scope, held === undefined || held.again ? 0 : held.cursor] as const
  })
}
