// What the header says about uploading: one of eight states, decided in one place and from facts
// alone, so that "all sent" can never be shown by accident.

import type { Access, Millis, Upload } from '../core/api'
import type { Shape } from './parts/icon'

export type Say =
  | 'current' // all sent, all current: the core's proof
  | 'checking' // nothing unsent, the proof is still missing
  | 'sending'
  | 'unsent'
  | 'offline'
  | 'hand' // somebody has to look at something
  | 'no_code' // the centre does not know this phone (any more)
  | 'unenrolled' // nobody has enrolled here yet

export interface Status {
  readonly say: Say
  readonly shape: Shape
  readonly tone: 'good' | 'plain' | 'warn' | 'bad'
}

/** How long without an answer counts as offline, when something waits to be sent. */
export const SILENCE: Millis = 90_000

const STATUS: Record<Say, Status> = {
  current: { say: 'current', shape: 'dot', tone: 'good' },
  checking: { say: 'checking', shape: 'ring', tone: 'plain' },
  sending: { say: 'sending', shape: 'triangle', tone: 'warn' },
  unsent: { say: 'unsent', shape: 'triangle', tone: 'warn' },
  offline: { say: 'offline', shape: 'triangle', tone: 'warn' },
  hand: { say: 'hand', shape: 'square', tone: 'bad' },
  no_code: { say: 'no_code', shape: 'square', tone: 'bad' },
  unenrolled: { say: 'unenrolled', shape: 'triangle', tone: 'warn' },
}

/** What is said for a phone on which only somebody else has unsent entries. */
export const UNSENT = STATUS.unsent

export function status(upload: Upload, access: Access | null, now: Millis): Status {
  return STATUS[saying(upload, access, now)]
}

function saying(upload: Upload, access: Access | null, now: Millis): Say {
  if (access === 'needs_code' || access === 'blocked' || access === 'revoked') return 'no_code'
  if (access === 'unenrolled') return 'unenrolled'
  if (upload.unplaced > 0 || upload.needsHand.some(hand => hand.fix === 'mend')) return 'hand'
  if (upload.phase === 'sending' && upload.inFlight > 0) return 'sending'
  const silent = upload.lastContact === null || now - upload.lastContact > SILENCE
  if (upload.unsent > 0) return upload.phase === 'waiting' && silent ? 'offline' : 'unsent'
  if (upload.allSentAllCurrent) return 'current'
  return upload.phase === 'waiting' && silent ? 'offline' : 'checking'
}
