// How fast, and in what portions, to go on: waits, back-off, and what the centre has shown to be too
// many.

import type { Moment } from './time.ts'
import { MAX_BODY_BYTES, MAX_CHANGES, MAX_SCOPES, type Millis } from './limits.ts'

/** The first wait after no reply is at most twice this. */
export const BACK_OFF_MS = 2_000
/** No wait after no reply is longer. */
export const MAX_BACK_OFF_MS = 15 * 60_000
/** The wait after a refusal that sending again cannot mend. */
export const FAULT_WAIT_MS = 60 * 60_000
/** No centre can make a phone wait longer. */
export const MAX_TOLD_WAIT_S = 24 * 60 * 60

/** How fast, and in what portions, to go on. */
export interface Pace {
  /** The number of the last request. */
  attempt: number
  /** The request that began the present round, in which every wanted scope is asked for once. */
  round: number
  /** Requests without a reply, running. */
  fails: number
  /** The last request failed: small packs. */
  small: boolean
  /** What the centre, by 413 or 400, has shown to be too many. */
  mostChanges: number
  mostBytes: number
  mostScopes: number
  /** The centre does not take compressed bodies. */
  plain: boolean
  /** This program is too old to be served feeds. */
  withoutPull: boolean
  /** Nothing is sent before, by the monotonic clock. */
  notBefore: Millis
  /** The centre said so, or a fault did: no button shortens it. */
  told: boolean
  /** When to ask although there is nothing to send. */
  nextAt: Millis
}

export function newPace(): Pace {
  return {
    attempt: 0, round: 0, fails: 0, small: false, mostChanges: MAX_CHANGES, mostBytes: MAX_BODY_BYTES,
    mostScopes: MAX_SCOPES, plain: false, withoutPull: false, notBefore: 0, told: false, nextAt: 0,
  }
}

/** A program that has just started may be a newer one, and counts its time anew. */
export function wakePace(pace: Pace): void {
  const { attempt, round, fails, small } = pace
  Object.assign(pace, newPace(), { attempt, round, fails, small })
}

/** The clock that waits are measured by began anew. */
export function forgetWaits(pace: Pace): void {
  pace.notBefore = 0
  pace.told = false
  pace.nextAt = 0
}

export function newAttempt(pace: Pace): number {
  return (pace.attempt += 1)
}

export function resume(pace: Pace): void {
  pace.fails = 0
  forgetWaits(pace)
}

/** Waits a random time of at least 2 s, up to a ceiling that doubles until 15 min. */
export function backOff(pace: Pace, moment: Moment, random: Uint8Array): void {
  pace.fails += 1
  const ceiling = Math.min(BACK_OFF_MS * 2 ** Math.min(pace.fails, 20), MAX_BACK_OFF_MS)
  pace.notBefore = moment.mono + BACK_OFF_MS + below(ceiling - BACK_OFF_MS, random)
  pace.told = false
}

/** A random time of at most `most`, out of the first four bytes. */
function below(most: Millis, random: Uint8Array): Millis {
  return new DataView(random.buffer, random.byteOffset).getUint32(0) % (most + 1)
}

/** Waits as long as the centre said, and by chance up to a quarter longer: phones that were sent away
 * together do not come back together. */
export function waitAsTold(pace: Pace, seconds: number | null, moment: Moment, random: Uint8Array): void {
  if (seconds === null) {
    backOff(pace, moment, random)
    return
  }
  const told = Math.min(Math.max(seconds, 1), MAX_TOLD_WAIT_S) * 1_000
  pace.notBefore = moment.mono + told + below(told / 4, random)
  pace.told = true
}

export function waitAnHour(pace: Pace, moment: Moment): void {
  pace.notBefore = moment.mono + FAULT_WAIT_MS
  pace.told = true
}

/** Somebody pressed the button: what waits for its turn goes now. What the centre told to wait for still waits. */
export function hurry({ pace }: { readonly pace: Pace }): void {
  pace.nextAt = 0
  if (!pace.told) pace.notBefore = 0
}

