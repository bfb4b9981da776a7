// The confirmed rows by scope: where each is filed, how long it may stay, what the digest over
// them is, and what is swept when a scope was served anew. Nothing here ever touches a pending
// change.

import { add, minus, remove, type Digest } from './digest.ts'
import type { Replica } from './replica.ts'
import { compareScopes, dayIn, dayOf } from './scope.ts'
import { serverTime, type Moment } from './time.ts'
import type { Millis, RecordId, Rev, Row, Scope } from './limits.ts'

/** What the phone holds of a scope. */
export interface Holding {
  /** What to send next time; 0 before the first feed. */
  cursor: Rev
  /** The projection it was served under. */
  view: string
  /** The feed has more than fitted. */
  more: boolean
  /** Everything up to a snapshot is here. */
  complete: boolean
  /** It does not hold together: to be asked for from 0. */
  again: boolean
  /** How many times running it did not match after it had been served from 0. */
  doubt: number
  count: number
  digest: Digest
  /** Count and digest of the last feed that named it. */
  told: readonly [number, Digest] | null
  /** Wall time of the start of the request that renewed the lease. */
  renewed: Millis
  /** Seconds the rows may stay from then on. */
  lease: number
  /** The last attempt that asked for it and was answered. */
  asked: number
}

/** A confirmed row and where it is filed. */
export interface Filed {
  readonly scope: Scope
  /** Not sent again since the scope began to be served from 0. */
  stale: boolean
  readonly row: Row
}

/** The body of a record that has left a scope for another, until that one is complete. */
export interface Limbo {
  readonly to: Scope
  readonly row: Row
}

export function newHolding(): Holding {
  return {
    cursor: 0, view: '', more: false, complete: false, again: false, doubt: 0, count: 0, digest: 0n,
    told: null, renewed: 0, lease: 0, asked: 0,
  }
}

export function holding(self: Replica, scope: Scope): Holding {
  let held = self.holdings.get(scope)
  if (held === undefined) self.holdings.set(scope, (held = newHolding()))
  return held
}

/** Whether to ask at once rather than at the next regular time. */
export function isUrgent(held: Holding): boolean {
  return !held.complete && held.doubt < 2
}

/** Whether all of it is here, and proven. */
export function isCurrent(held: Holding): boolean {
  return held.complete && matchesWithout(held, [0, 0n])
}

/** Whether what is here, but for rows of this count and digest, is what the centre has. */
export function matchesWithout(held: Holding, [count, digest]: readonly [number, Digest]): boolean {
  if (held.again) return false
  if (held.told === null) return true
  return held.told[0] === Math.max(0, held.count - count) && held.told[1] === minus(held.digest, digest)
}

/**
 * The scopes to pull: of each held place, by day today's and yesterday's, and what is still here of
 * places no longer listed, so that the centre can drop it.
 */
export function wanted(self: Replica, wall: Millis): Scope[] {
  const today = days(self, wall)
  const scopes = new Set<Scope>()
  for (const held of self.places) {
    if (self.follow !== null && !self.follow.has(held.place)) continue
    if (held.by_day) for (const day of today) scopes.add(`${held.place}@${day}`)
    else scopes.add(held.place)
  }
  for (const scope of self.holdings.keys()) {
    const day = dayIn(scope)
    if (day === null || today.includes(day)) scopes.add(scope)
  }
  return [...scopes].filter(scope => !self.refused.has(scope)).sort(compareScopes)
}

/** The wanted scopes that are not complete, or not yet asked for in this round. */
export function due(self: Replica, moment: Moment): Scope[] {
  return wanted(self, moment.wall).filter(scope => {
    const held = self.holdings.get(scope)
    return held === undefined || isUrgent(held) || held.asked < self.pace.round
  })
}

/** Today and yesterday, by the date of the server's time. */
export function days(self: Replica, wall: Millis): string[] {
  const local = serverTime(self.eras, wall) + self.utcOffset * 60_000
  return [local, local - 86_400_000].map(dayOf).filter((day): day is string => day !== null)
}

/** Files a row, wherever it was before. */
export function file(self: Replica, scope: Scope, row: Row): void {
  unfile(self, row.record)
  self.limbo.delete(row.record)
  const held = holding(self, scope)
  held.count += 1
  held.digest = add(held.digest, row.record, row.rev)
  self.rows.set(row.record, { scope, stale: false, row })
}

/** Takes a row out of its scope. */
export function unfile(self: Replica, record: RecordId): Filed | null {
  const filed = self.rows.get(record)
  if (filed === undefined) return null
  self.rows.delete(record)
  const held = self.holdings.get(filed.scope)
  if (held !== undefined) {
    held.count = Math.max(0, held.count - 1)
    held.digest = remove(held.digest, record, filed.row.rev)
  }
  return filed
}

/**
 * Removes all bodies of a scope, and what was held of it. What a request under way was told of its
 * cursor and digest is no longer true: its answer for this scope counts for nothing.
 */
export function empty(self: Replica, scope: Scope): void {
  if (self.flight !== null) self.flight.asks = self.flight.asks.filter(([asked]) => asked !== scope)
  self.rows.retain(filed => filed.scope !== scope)
  self.limbo.retain(limbo => limbo.to !== scope)
  self.holdings.delete(scope)
}

/** Marks all rows of a scope as not yet sent again. */
export function doubtRows(self: Replica, scope: Scope): void {
  for (const [record, filed] of self.rows) {
    if (filed.scope !== scope || filed.stale) continue
    filed.stale = true
    self.rows.touch(record)
  }
}

/** Count and digest of the rows of a scope that were not sent again. */
export function staleIn(self: Replica, scope: Scope): readonly [number, Digest] {
  let count = 0
  let digest: Digest = 0n
  for (const [record, filed] of self.rows) {
    if (!filed.stale || filed.scope !== scope) continue
    count += 1
    digest = add(digest, record, filed.row.rev)
  }
  return [count, digest]
}

/** Removes the rows of these scopes that were not sent again. */
export function sweep(self: Replica, scopes: readonly Scope[]): void {
  const swept = [...self.rows].filter(([, filed]) => filed.stale && scopes.includes(filed.scope))
  for (const [record] of swept) unfile(self, record)
}

/** A lease ends after its time, and when the clock stands below the moment it began. */
export function endLeases(self: Replica, wall: Millis): void {
  for (const [scope, held] of [...self.holdings]) {
    const isAwaited = () => [...self.limbo.values()].some((body) => body.to === scope)
    if (held.cursor === 0 && held.count === 0 && !isAwaited()) continue
    if (wall < held.renewed || wall >= held.renewed + held.lease * 1_000) empty(self, scope)
  }
}
