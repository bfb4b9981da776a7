// The steps that apply a reply: verdicts, rows, exits, cursors, grants, and `ack` last. Each may be
// repeated, and a program may end between any two: what was not acknowledged is sent again, what
// was not passed by a cursor is pulled again.

import { MAX_TOLD_WAIT_S, resume } from './pace.ts'
import { canonical, read, type Change, type Fields } from './change.ts'
import { readDigest } from './digest.ts'
import { changeOf, entryOf, letGo, markAt, setMark, unsettle } from './outbox.ts'
import type { Replica } from './replica.ts'
import { cursorIn } from './request.ts'
import {
  doubtRows, due, empty, file, holding, isCurrent, isUrgent, matchesWithout, staleIn, sweep, unfile, wanted,
} from './rows.ts'
import { measure, msOf, stampBy, type Moment } from './time.ts'
import type { Feed, Millis, RecordId, Reply, Rev, Row, Scope, Seq, Verdict } from './limits.ts'

export type Step = 'verdicts' | 'rows' | 'exits' | 'cursors' | 'grants' | 'ack'

/** All steps in their order. */
export const STEPS: readonly Step[] = ['verdicts', 'rows', 'exits', 'cursors', 'grants', 'ack']

/** A record was purged: nothing of it stays. */
const PURGED = 'purged'

/** Applies one step of the reply to the request under way. */
export function apply(self: Replica, step: Step, reply: Reply, moment: Moment): void {
  switch (step) {
    case 'verdicts': return applyVerdicts(self, reply)
    case 'rows': return applyRows(self, reply)
    case 'exits': return applyExits(self, reply)
    case 'cursors': return applyCursors(self, reply)
    case 'grants': return applyGrants(self, reply)
    case 'ack': return applyAck(self, reply, moment)
  }
}

/** What tells whether a reply moved anything. */
export function progress(self: Replica, moment: Moment): string {
  const cursors = [...self.holdings]
    .map(([scope, held]) => [scope, held.cursor, held.complete, held.again])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
  const known = markAt(self, self.settled) !== null
  return JSON.stringify([self.settled, self.ack, self.lostChecked, known, cursors, due(self, moment)])
}

function applyVerdicts(self: Replica, reply: Reply): void {
  const { flight } = self
  if (flight === null) return
  offsetUnmeasured(self, reply)
  const named = new Map<Seq, Verdict>()
  for (const verdict of reply.verdicts ?? []) {
    const last = Math.min(verdict.last ?? verdict.seq, flight.last)
    for (let seq = Math.max(verdict.seq, flight.from); seq <= last; seq++) named.set(seq, verdict)
  }
  for (let seq = flight.from; seq <= Math.min(flight.last, reply.ack); seq++) {
    const verdict = named.get(seq)
    if (verdict === undefined) {
      settle(self, seq, null, true)
      continue
    }
    // In a scope that is held but was not asked for now: that has news then, and the row comes
    // with it.
    const { scope } = verdict
    const unasked = scope !== null && scope !== undefined && cursorIn(flight, scope) === null
    const held = unasked ? self.holdings.get(scope) : undefined
    if (held !== undefined) held.complete = false
    else if (unasked) self.filedElsewhere.add(scope)
    settle(self, seq, verdict, held !== undefined)
  }
}

/**
 * From the first acknowledged change of an era that was never measured on, the offset is the one
 * that puts it no later than the reply.
 */
function offsetUnmeasured(self: Replica, reply: Reply): void {
  const { flight } = self
  if (flight === null) return
  const latest = new Map<number, number>()
  for (let seq = flight.from; seq <= Math.min(flight.last, reply.ack); seq++) {
    const entry = entryOf(self, seq)
    if (entry === undefined) continue
    latest.set(entry.era, Math.max(latest.get(entry.era) ?? 0, msOf(entry.stamp)))
  }
  for (const [era, ms] of latest) {
    if (era !== flight.era && !self.eras.offsets.has(era)) measure(self.eras, era, Math.min(reply.now - ms, 0))
  }
}

/** The verdict of one change: null for one that is applied and comes back. */
function settle(self: Replica, seq: Seq, verdict: Verdict | null, comes: boolean): void {
  const id = self.numbered.get(seq)
  const entry = id === undefined ? undefined : self.outbox.get(id)
  if (id === undefined || entry === undefined) return
  const outcome = verdict?.verdict ?? 'applied'
  const returns = comes || outcome === 'merged'
  const taken = outcome === 'applied' || outcome === 'merged'
  entry.shown = entry.shown !== 'hidden' && taken && returns ? 'awaiting' : 'hidden'
  self.outbox.touch(id)
  const { record, line } = entry
  if (taken && entry.whole) {
    // It carries every field: what was wrong before is mended.
    self.troubles.retain((trouble, other) => trouble.record !== record || other >= id)
  }
  if (verdict === null || outcome === 'applied') {
    if (self.troubles.has(id)) self.troubles.delete(id)
    return
  }
  const keep = outcome !== 'merged' && verdict.code !== PURGED
  self.troubles.set(id, {
    entry: id,
    record,
    kind: read(line)?.kind ?? null,
    verdict: outcome,
    code: verdict.code ?? null,
    path: verdict.path ?? null,
    fields: verdict.fields ?? [],
    scope: verdict.scope ?? null,
    line: keep ? (line ?? null) : null,
  })
}

function applyRows(self: Replica, reply: Reply): void {
  for (const feed of reply.feeds ?? []) {
    const asked = askedFor(self, feed.scope)
    if (asked === null) continue
    const anew = feed.reset === true || asked.cursor === 0
    if (anew) doubtRows(self, feed.scope)
    const held = holding(self, feed.scope)
    held.renewed = asked.renewed
    held.lease = feed.lease
    if (anew) held.again = false
    for (const [first, last, rev] of feed.own ?? []) applyOwn(self, feed, first, last, rev)
    for (const row of feed.rows ?? []) {
      settleOverlay(self, row.record, row.set)
      file(self, feed.scope, row)
    }
  }
}

/** The cursor sent for a scope and the start of the request, if it was asked for. */
function askedFor(self: Replica, scope: Scope): { cursor: Rev; renewed: Millis } | null {
  const cursor = self.flight === null ? null : cursorIn(self.flight, scope)
  return cursor === null ? null : { cursor, renewed: self.flight!.moment.wall }
}

/** Rows that are exactly what was sent, over what was on screen. */
function applyOwn(self: Replica, feed: Feed, first: Seq, last: Seq, rev: Rev): void {
  const { flight } = self
  if (flight === null) return
  const askAgain = () => {
    holding(self, feed.scope).again = true
  }
  for (let seq = Math.max(first, flight.from); seq <= Math.min(last, flight.last); seq++) {
    const change = changeOf(entryOf(self, seq))
    const row = change === null ? null : ownRow(self, feed.scope, change, rev)
    if (row === null) {
      askAgain()
      continue
    }
    settleOverlay(self, row.record, row.set)
    file(self, feed.scope, row)
  }
  if (first < flight.from || last > flight.last) askAgain()
}

/**
 * The row that a change makes of the copy here, if that is at the change's base (or is that row already).
 * A copy that was not served again under the present view, or was served for another scope, may show less.
 */
function ownRow(self: Replica, scope: Scope, change: Change, rev: Rev): Row | null {
  if (self.identity === null) return null
  const stamp = stampBy(change.stamp, self.identity.device)
  const filed = self.rows.get(change.record)
  if (filed !== undefined) {
    const copy = filed.row
    if (filed.scope !== scope) return null
    if (copy.rev === rev) return copy
    if (change.base === null || copy.rev !== change.base || filed.stale) return null
    return { ...copy, rev, stamp: copy.stamp > stamp ? copy.stamp : stamp, set: { ...copy.set, ...change.set } }
  }
  if (change.base !== null) return null
  return {
    record: change.record,
    kind: change.kind,
    parent: change.parent,
    rev,
    stamp,
    time: msOf(stamp),
    by: self.identity.user,
    set: change.set,
  }
}

/**
 * A row or an exit of a record has come: what the centre has taken needs no overlay, and a parked
 * change whose values all stand there has been admitted.
 */
function settleOverlay(self: Replica, record: RecordId, set: Fields | null): void {
  for (const [id, entry] of self.outbox.of(record)) {
    if (entry.shown !== 'awaiting') continue
    entry.shown = 'hidden'
    self.outbox.touch(id)
  }
  if (set === null) return
  const stands = (name: string, value: Fields[string]) =>
    Object.prototype.hasOwnProperty.call(set, name) && canonical(set[name]!) === canonical(value)
  self.troubles.retain(trouble => {
    if (trouble.record !== record || trouble.verdict !== 'parked') return true
    const change = read(trouble.line)
    return change === null || !Object.entries(change.set).every(([name, value]) => stands(name, value))
  })
}

function applyExits(self: Replica, reply: Reply): void {
  for (const feed of reply.feeds ?? []) {
    if (askedFor(self, feed.scope) === null) continue
    for (const exit of feed.exits ?? []) {
      const { record } = exit
      const to = exit.to && askedFor(self, exit.to) !== null ? exit.to : null
      const limbo = self.limbo.get(record)
      if (self.rows.get(record)?.scope === feed.scope) {
        const filed = unfile(self, record)
        if (to !== null && filed !== null) self.limbo.set(record, { to, row: filed.row })
        else settleOverlay(self, record, null)
      } else if (limbo !== undefined && limbo.to === feed.scope) {
        if (to !== null) self.limbo.set(record, { to, row: limbo.row })
        else self.limbo.delete(record)
      } else if (to === null && !self.rows.has(record)) {
        settleOverlay(self, record, null)
      }
      if (exit.reason === PURGED) {
        self.limbo.delete(record)
        self.troubles.retain(trouble => trouble.record !== record)
      }
    }
  }
}

function applyCursors(self: Replica, reply: Reply): void {
  const { flight } = self
  if (flight === null) return
  self.epoch = reply.epoch
  self.newestSchema = reply.schema
  self.newestPolicy = reply.policy
  const dropped = new Set((reply.dropped ?? []).map(drop => drop.scope))
  const asked = flight.asks.map(([scope]) => scope).filter(scope => !dropped.has(scope))
  for (const scope of asked) {
    const held = holding(self, scope)
    const feed = reply.feeds?.find(feed => feed.scope === scope)
    if (feed !== undefined) {
      held.cursor = feed.cursor
      held.more = feed.more
      held.view = feed.view
      held.told = [feed.count, readDigest(feed.digest)]
    } else {
      // Named nowhere: nothing stands above its cursor.
      held.more = false
    }
    held.complete = !held.more && !held.again
    held.renewed = flight.moment.wall
    held.asked = flight.attempt
  }
  const allComplete = asked.every(scope => self.holdings.get(scope)?.complete === true)
  if (allComplete && prove(self, asked)) {
    sweep(self, asked)
    release(self, asked)
  }
}

/**
 * Compares what is here, without what would be swept, with what the centre says is there. Says
 * whether to let go of anything: not while a scope lacks something and will be asked for from 0,
 * for what it lacks may be what another scope would lose. A scope that does not match even then
 * holds nothing up.
 */
function prove(self: Replica, asked: readonly Scope[]): boolean {
  let settled = true
  for (const scope of asked) {
    const held = self.holdings.get(scope)
    if (held === undefined) continue
    if (matchesWithout(held, staleIn(self, scope))) {
      held.doubt = 0
    } else {
      held.doubt += 1
      held.again = true
      held.complete = false
      settled = settled && !isUrgent(held)
    }
  }
  return settled
}

/**
 * Lets go of bodies whose scope is complete without them. Like a sweep this waits until all that
 * was asked for is complete, and proven: where the centre was put back while a record was on its
 * way, the record may be on a page still to come of the scope it had left.
 */
function release(self: Replica, asked: readonly Scope[]): void {
  self.limbo.retain(limbo => {
    const to = self.holdings.get(limbo.to)
    return !asked.includes(limbo.to) || to === undefined || !isCurrent(to)
  })
}

function applyGrants(self: Replica, reply: Reply): void {
  if (reply.places) {
    self.places = [...reply.places]
    self.refused.clear()
  }
  if (typeof reply.grants === 'string') self.grants = reply.grants
  for (const { scope } of reply.dropped ?? []) {
    empty(self, scope)
    self.refused.add(scope)
  }
}

function applyAck(self: Replica, reply: Reply, moment: Moment): void {
  const { flight } = self
  if (flight === null) return
  self.flight = null
  measure(self.eras, flight.era, reply.now - flight.moment.wall)
  if (reply.ack < self.settled) unsettle(self, reply.ack)
  const blind = self.settled > 0 && markAt(self, self.settled) === null
  if (reply.ack_mark !== '' && markAt(self, reply.ack) === null) setMark(self, reply.ack, reply.ack_mark)
  self.ack = reply.ack
  if (blind) self.settled = Math.max(self.settled, reply.ack)
  self.settled = Math.max(self.settled, Math.min(flight.last, reply.ack))
  self.durable = Math.min(reply.durable, reply.ack)
  if (flight.asksForLost) self.lostChecked = reply.ack
  // Of a lost body that the centre has, no verdict can be collected.
  while (self.settled < self.ack) {
    const entry = entryOf(self, self.settled + 1)
    if (entry !== undefined && entry.line !== null) break
    self.settled += 1
    if (entry !== undefined) {
      entry.shown = 'hidden'
      self.outbox.touch(self.numbered.get(self.settled)!)
    }
  }
  if (wanted(self, moment.wall).every(scope => self.holdings.get(scope)?.complete === true)) {
    for (const [id, entry] of self.outbox) {
      if (entry.shown !== 'awaiting') continue
      entry.shown = 'hidden'
      self.outbox.touch(id)
    }
  }
  letGo(self)
  self.access = { is: 'enrolled' }
  self.fault = null
  self.lastContact = moment.wall
  resume(self.pace)
  self.pace.small = false
  self.pace.nextAt = moment.mono + Math.min(Math.max(reply.next_in, 1), MAX_TOLD_WAIT_S) * 1_000
}

