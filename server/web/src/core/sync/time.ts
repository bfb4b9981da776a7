// What a phone knows of time: eras in which its clock ran true, strictly rising raw stamps, and
// per era how far the server's clock is ahead. It never sets a clock right: it only says what it
// knows, and the server decides.

import type { Millis } from './limits.ts'

/** A reading of the phone's two clocks. */
export interface Moment {
  /** Milliseconds since 1970, as right as the phone is. */
  readonly wall: Millis
  /** Only ever runs forward while the program runs; its zero means nothing. */
  readonly mono: Millis
}

export interface RawStamp {
  readonly ms: number
  readonly counter: number
}

export interface Eras {
  /** The present era; the first is 1. */
  era: number
  /** Where the two clocks were compared first in this run of the program and this era. */
  anchor: Moment | null
  /** The clocks when last looked at. */
  last: Moment
  /** The last raw stamp of this era. */
  stamp: RawStamp
  /** Server minus phone per era: the smallest measured. */
  offsets: Map<number, number>
}

/** A clock that is off by less than this is taken as right. */
export const SKEW_TOLERANCE_MS = 120_000
/** The greatest millisecond that fits a stamp. */
export const MAX_STAMP_MS = 2 ** 48 - 1

export function newEras(): Eras {
  return { era: 1, anchor: null, last: { wall: 0, mono: 0 }, stamp: { ms: 0, counter: 0 }, offsets: new Map() }
}

/**
 * Compares the clocks. A new era begins when the wall clock parts from the monotonic clock by more
 * than 120 s or, where a run of the program has just begun, stands below the last time saved. Says
 * whether the monotonic clock began anew.
 */
export function tickEras(eras: Eras, now: Moment): boolean {
  const anew = eras.anchor === null || now.mono < eras.last.mono
  let parted: boolean
  if (eras.anchor !== null && !anew) {
    const byWall = now.wall - eras.anchor.wall
    const byMono = now.mono - eras.anchor.mono
    parted = Math.abs(byWall - byMono) > SKEW_TOLERANCE_MS
  } else {
    eras.anchor = now
    parted = now.wall < eras.last.wall
  }
  if (parted) {
    eras.era += 1
    eras.anchor = now
    eras.stamp = { ms: 0, counter: 0 }
  }
  eras.last = now
  return anew
}

/** A raw stamp above all others of this era. */
export function nextStamp(eras: Eras, wall: Millis): RawStamp {
  const ms = Math.min(Math.max(wall, 0), MAX_STAMP_MS)
  const last = eras.stamp
  if (ms > last.ms) eras.stamp = { ms, counter: 0 }
  else if (last.counter < 0xffff) eras.stamp = { ms: last.ms, counter: last.counter + 1 }
  else eras.stamp = { ms: Math.min(last.ms + 1, MAX_STAMP_MS), counter: 0 }
  return eras.stamp
}

/** Takes in one measurement. Delay only makes the phone look slow: the smallest is the truest. */
export function measure(eras: Eras, era: number, offset: number): void {
  eras.offsets.set(era, Math.min(eras.offsets.get(era) ?? offset, offset))
}

/** Forgets the offsets of past eras that no kept change belongs to. */
export function keepOffsets(eras: Eras, wanted: (era: number) => boolean): void {
  for (const era of [...eras.offsets.keys()]) if (era !== eras.era && !wanted(era)) eras.offsets.delete(era)
}

/** The server's time, as well as it is known. */
export function serverTime(eras: Eras, wall: Millis): Millis {
  return wall + (eras.offsets.get(eras.era) ?? 0)
}

export function rawText(stamp: RawStamp): string {
  return stamp.ms.toString(16).padStart(12, '0') + stamp.counter.toString(16).padStart(4, '0')
}

/** The milliseconds in a stamp, raw or effective. */
export function msOf(stamp: string): number {
  return parseInt(stamp.slice(0, 12), 16)
}

/** The stamp that a device would get if its clock were right. */
export function stampBy(raw: string, device: number): string {
  return raw + device.toString(16).padStart(8, '0')
}
