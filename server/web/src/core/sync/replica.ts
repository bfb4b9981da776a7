// The device side as a state machine: what a phone keeps, what it sends next, what it makes of an
// answer. One replica is one enrolment: one person on one phone.
//
// Nothing here does I/O, reads a clock or draws a random number. It is the twin of
// `sync-protocol/src/replica`: the same names, the same vectors, and a fuzz compares the two.
//
// Four things are here alone. A line may be *asleep*: in storage and not in memory, for a phone with
// ten thousand unsent changes must start at once; `wants` says which to wake before `next`. And a
// replica may be *muted*: it sends and asks for nothing, for rows that come while its person is
// locked could not be sealed under their key. And new records may be *unplaced*: they wait until a
// person has said where they belong, for the centre would refuse them without.
// `filedElsewhere` only tells, it changes nothing here.

import type { Access, Identity } from './enrol.ts'
import { endLeases, type Filed, type Holding, type Limbo } from './rows.ts'
import { newEras, tickEras, type Eras, type Moment } from './time.ts'
import { forgetWaits, newPace, wakePace, type Pace } from './pace.ts'
import type { EntryId, Trouble } from './outbox.ts'
import { Outbox } from './outbox.ts'
import type { Flight } from './request.ts'
import type { Mark } from './mark.ts'
import { Table } from './table.ts'
import type { HeldPlace, Millis, Place, RecordId, Rev, Scope, Seq } from './limits.ts'

export interface Replica {
  eras: Eras
  /** Number and token, once there are any. */
  identity: Identity | null
  access: Access
  /** What was captured, by order of capture. */
  outbox: Outbox
  nextEntry: EntryId
  /** The entries that have a number. */
  numbered: Map<Seq, EntryId>
  /** The mark of every number ever given out; null where storage has lost it. */
  marks: (Mark | null)[]
  /** The least number whose mark is not yet in storage. */
  marksFrom: Seq
  /** What the centre has given a verdict on. */
  ack: Seq
  /** What this phone has heard the verdict of. */
  settled: Seq
  /** What outlives the loss of the centre. */
  durable: Seq
  /** The change whose body is lost, and which the centre was asked about and does not have. */
  lostChecked: Seq | null
  /** Verdicts that people should know of. */
  troubles: Table<EntryId, Trouble>
  epoch: Rev
  schema: number
  policy: number
  newestSchema: number
  newestPolicy: number
  /** The hash of the grants under which `places` were listed. */
  grants: string
  places: HeldPlace[]
  /** Only these places, if the person chose. */
  follow: Set<Place> | null
  /** Scopes that the centre dropped since it last listed places. */
  refused: Set<Scope>
  /** Minutes that local time is ahead of UTC where the phone works. */
  utcOffset: number
  holdings: Map<Scope, Holding>
  rows: Table<RecordId, Filed>
  /** Bodies of records on their way to another scope. */
  limbo: Table<RecordId, Limbo>
  pace: Pace
  flight: Flight | null
  /** Wall time of the last reply. */
  lastContact: Millis | null
  /** The code of a refusal that only a newer program can mend. */
  fault: string | null
  /** Asks for nothing, only sends. Not kept. */
  muted: boolean
  /** Scopes under which own changes were filed and which are not held: for who asks for the right days. Not kept. */
  filedElsewhere: Set<Scope>
}

/** A replica that holds nothing and is not enrolled. It captures from the first moment. */
export function newReplica(): Replica {
  return {
    eras: newEras(),
    identity: null,
    access: { is: 'needs_code' },
    outbox: new Outbox(),
    nextEntry: 1,
    numbered: new Map(),
    marks: [],
    marksFrom: 1,
    ack: 0,
    settled: 0,
    durable: 0,
    lostChecked: null,
    troubles: new Table(),
    epoch: 0,
    schema: 0,
    policy: 0,
    newestSchema: 0,
    newestPolicy: 0,
    grants: '',
    places: [],
    follow: null,
    refused: new Set(),
    utcOffset: 8 * 60,
    holdings: new Map(),
    rows: new Table(),
    limbo: new Table(),
    pace: newPace(),
    flight: null,
    lastContact: null,
    fault: null,
    muted: false,
    filedElsewhere: new Set(),
  }
}

/** Once when the program starts: requests under way are gone, the monotonic clock begins anew. */
export function wake(self: Replica, moment: Moment): void {
  self.flight = null
  wakePace(self.pace)
  self.eras.anchor = null
  tick(self, moment)
}

/** Looks at the clocks: begins an era, ends leases. */
export function tick(self: Replica, moment: Moment): void {
  if (tickEras(self.eras, moment)) forgetWaits(self.pace)
  endLeases(self, moment.wall)
}

/** The versions of kind definitions and policy that the phone holds now. */
export function loaded(self: Replica, schema: number, policy: number): void {
  // Who was too old to be served is no longer, perhaps.
  if (schema > self.schema) self.pace.withoutPull = false
  self.schema = schema
  self.policy = policy
}

/** Replaces the list of places, when it is longer than a reply holds. */
export function setPlaces(self: Replica, places: HeldPlace[]): void {
  self.places = places
  self.refused.clear()
}
