// Numbers and tokens: how a phone becomes a device, and how one of two copies of a device leaves
// it for a number of its own. Everything that might be lost with the old number is queued again
// under the new one, unchanged, so that the centre knows what it has already.

import { problemIn, type Answer, type Heard } from './answer.ts'
import { backOff, resume, waitAnHour, waitAsTold } from './pace.ts'
import { tick, type Replica } from './replica.ts'
import { bytesOf, hex, sha256 } from './sha256.ts'
import type { Moment } from './time.ts'

/** 64 hex digits that nobody else knows. */
export type Token = string

/** Who this replica is at the centre. */
export interface Identity {
  readonly device: number
  readonly user: string
  readonly token: Token
}

/** Why the centre should enrol this phone: a one-time code, or the token of the number it leaves. */
export type Proof = { readonly code: string } | { readonly token: Token }

export type Access =
  | { readonly is: 'needs_code' }
  /** A new number has been asked for; the same token until the centre answers. */
  | { readonly is: 'enrolling'; readonly token: Token; readonly proof: Proof }
  | { readonly is: 'enrolled' }
  | { readonly is: 'blocked' }

/** What the centre keeps of a token: SHA-256 over its text, in hex. */
export function tokenHash(token: Token): string {
  return hex(sha256(bytesOf(token)))
}

/** A person entered a one-time code. */
export function enrol(self: Replica, code: string, random: Uint8Array): void {
  self.access = { is: 'enrolling', token: hex(random), proof: { code } }
  self.flight = null
  resume(self.pace)
}

/** Leaves the present number for a new one, because another copy uses it too. */
export function enrolAgain(self: Replica, random: Uint8Array): void {
  if (self.identity === null) {
    self.access = { is: 'needs_code' }
    return
  }
  self.access = { is: 'enrolling', token: hex(random), proof: { token: self.identity.token } }
  self.flight = null
  resume(self.pace)
}

/**
 * The centre has enrolled this phone. Says `other_person`, and changes nothing else, if the code
 * was somebody else's: what was captured here stays this person's, and the other gets a replica of
 * their own.
 */
export function enrolled(
  self: Replica,
  attempt: number,
  told: { readonly device: number; readonly user: string },
  moment: Moment,
): Heard {
  tick(self, moment)
  if (!answers(self, attempt, true) || self.access.is !== 'enrolling') return 'late'
  const { token } = self.access
  self.flight = null
  if (self.identity !== null && self.identity.user !== told.user) {
    self.access = { is: 'needs_code' }
    waitAnHour(self.pace, moment)
    return 'other_person'
  }
  self.identity = { device: told.device, user: told.user, token }
  self.access = { is: 'enrolled' }
  queueAgain(self)
  resume(self.pace)
  return 'applied'
}

/** The centre did not enrol this phone. */
export function enrolFailed(
  self: Replica,
  attempt: number,
  answer: Answer | null,
  moment: Moment,
  random: Uint8Array,
): Heard {
  tick(self, moment)
  if (!answers(self, attempt, true)) return 'late'
  self.flight = null
  const problem = answer === null ? null : problemIn(answer)
  if (answer !== null && problem !== null) {
    if (answer.status === 429 || answer.status === 503) {
      waitAsTold(self.pace, answer.retryAfter, moment, random)
      return 'waiting'
    }
    // The proof is worth nothing: only a person can help. The old number, if there is one, is
    // tried again in an hour.
    if (answer.status >= 400 && answer.status < 500) {
      self.access = { is: 'needs_code' }
      waitAnHour(self.pace, moment)
      return 'needs_code'
    }
  }
  backOff(self.pace, moment, random)
  return 'no_reply'
}

export function answers(self: Replica, attempt: number, enrols: boolean): boolean {
  return self.flight !== null && self.flight.attempt === attempt && self.flight.enrols === enrols
}

/** Everything past `durable` is queued again, by order of capture, and numbered anew from 1. */
function queueAgain(self: Replica): void {
  // A body that is lost here, and that outlives the loss of the centre, is not lost. One that was
  // only delivered is told of: a centre put back to an earlier day does not have it.
  const { durable } = self
  self.outbox.retain(entry => entry.line !== null || entry.seq === null || entry.seq > durable)
  for (const [id, entry] of self.outbox) {
    if (entry.seq === null) continue
    entry.seq = null
    if (entry.shown === 'awaiting') entry.shown = 'pending'
    self.outbox.touch(id)
  }
  self.numbered.clear()
  self.marks = []
  self.marksFrom = 1
  self.ack = 0
  self.settled = 0
  self.durable = 0
  self.lostChecked = null
}
