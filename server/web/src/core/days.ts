// The days of the person's checkpoints. They are those of the checkpoint's time zone, which may not be
// the phone's: a phone set to another zone would ask for other days than the ones its entries are in.
// The centre says in which day it filed an entry; from that the phone learns how far ahead it lives.

import type { Extra } from './state.ts'
import type { Held } from './store/keep.ts'
import { dayIn, dayOf } from './sync/scope.ts'
import { serverTime, type Moment } from './sync/time.ts'

/** No two places on earth are further apart. */
const FURTHEST_MIN = 26 * 60

/** Of the phone itself: minutes ahead of UTC. */
const own = (): number => -new Date().getTimezoneOffset()

/** By the phone's own zone, or by what the checkpoints have shown to be ahead of it. */
export function setDays({ replica, extra }: Held): void {
  replica.utcOffset = Math.max(own(), (extra as Extra | null)?.zone ?? -Infinity)
}

/**
 * Own entries were filed under days that were not asked for. A day that has not begun by the phone's
 * zone has begun where the checkpoint is. Days long past are no longer asked for by anybody.
 */
export function learnDays(held: Held, now: Moment): void {
  const { replica } = held
  for (const scope of replica.filedElsewhere) {
    const day = dayIn(scope)
    const time = serverTime(replica.eras, now.wall)
    const today = dayOf(time + replica.utcOffset * 60_000)
    if (day === null || today === null || day <= today) continue
    const ahead = Math.ceil((Date.parse(`${day}T00:00:00Z`) - time) / 60_000)
    if (ahead > own() + FURTHEST_MIN) continue
    held.extra = { ...(held.extra as Extra | null), zone: ahead }
    setDays(held)
  }
  replica.filedElsewhere.clear()
}
