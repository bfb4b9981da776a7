// What people are told of a replica: who they are here, how the upload stands, what blocks.

import type { Access, Block, Hand, Person, Upload } from './api.ts'
import type { Trouble } from './phone.ts'
import { unplacedIn } from './placing.ts'
import type { Held } from './store/keep.ts'
import { read } from './sync/change.ts'
import type { Replica } from './sync/replica.ts'
import { allSentAllCurrent, isOutdated, needsAttention, oldestUnsent, unsent } from './sync/status.ts'
import type { Moment } from './sync/time.ts'

/** A clock that is off by more than this is worth a word. */
const CLOCK_OFF_MS = 10 * 60_000

export function personOf(held: Held): Person {
  const { row, replica } = held
  return {
    id: row.id,
    name: row.name,
    user: replica.identity?.user ?? null,
    device: replica.identity?.device ?? null,
    access: accessOf(replica),
    hasPin: row.pin !== null,
    unlocked: held.open,
    unsent: unsent(replica),
    oldestUnsent: oldestUnsent(replica),
  }
}

export function accessOf(replica: Replica): Access {
  const { access, identity } = replica
  if (access.is === 'enrolling') return 'enrolling'
  if (access.is === 'needs_code') return identity === null ? 'unenrolled' : 'needs_code'
  if (access.is === 'blocked') return 'blocked'
  return isRevoked(replica) ? 'revoked' : 'enrolled'
}

/** A phone that was taken out of use gets empty grants and no places. */
function isRevoked(replica: Replica): boolean {
  return replica.lastContact !== null && replica.grants === '' && replica.places.length === 0
}

export function handsOf(held: Held | null): Hand[] {
  if (held === null) return []
  return needsAttention(held.replica).map(trouble => ({
    entry: trouble.entry,
    record: trouble.record,
    kind: trouble.kind,
    verdict: trouble.verdict === 'applied' ? 'merged' : trouble.verdict,
    code: trouble.code,
    path: trouble.path,
    fields: trouble.fields,
    set: read(trouble.line)?.set ?? null,
    fix: trouble.verdict === 'invalid' && trouble.line !== null ? 'mend' : 'dismiss',
  }))
}

export function uploadOf(held: Held | null, busy: boolean, changes: number, moment: Moment, needsHand: readonly Hand[] = []): Upload {
  if (held === null) {
    return {
      unsent: 0, oldestUnsent: null, lastContact: null, allSentAllCurrent: false, phase: 'idle', inFlight: 0,
      nextAt: null, fault: null, needsHand: [], unplaced: 0, clockOffset: null,
    }
  }
  const { replica } = held
  const { pace } = replica
  const early = moment.mono < pace.notBefore
  const access = accessOf(replica)
  const phase = busy ? 'sending' : access === 'blocked' ? 'blocked' : access === 'unenrolled' || access === 'needs_code' ? 'no_code' : early ? 'waiting' : 'idle'
  const until = early ? pace.notBefore : pace.nextAt
  return {
    unsent: unsent(replica),
    oldestUnsent: oldestUnsent(replica),
    lastContact: replica.lastContact,
    allSentAllCurrent: !replica.muted && allSentAllCurrent(replica, moment),
    phase,
    inFlight: busy ? changes : 0,
    nextAt: access === 'unenrolled' ? null : moment.wall + Math.max(0, until - moment.mono),
    fault: replica.fault,
    needsHand,
    unplaced: unplacedIn(replica),
    clockOffset: replica.eras.offsets.get(replica.eras.era) ?? null,
  }
}

export function blocksOf(held: Held | null, trouble: Trouble, journal: number): Block[] {
  const blocks: Block[] = []
  if (trouble === 'elsewhere') return [{ block: 'elsewhere' }]
  if (trouble === 'full') blocks.push({ block: 'storage_full' })
  if (trouble === 'broken') blocks.push({ block: 'storage_broken', journal })
  if (held === null) return blocks
  const { replica } = held
  const access = accessOf(replica)
  if (access === 'revoked' || access === 'blocked' || access === 'needs_code') blocks.push({ block: access })
  if (isOutdated(replica) || replica.fault !== null) blocks.push({ block: 'app_too_old', code: replica.fault })
  const offset = replica.eras.offsets.get(replica.eras.era) ?? 0
  if (Math.abs(offset) > CLOCK_OFF_MS) blocks.push({ block: 'clock_off', offset })
  return blocks
}
