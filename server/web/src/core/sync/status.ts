// What people are told: how much is unsent, when the centre was last heard, whether all is sent and
// current, what needs somebody.

import { packed, type Trouble } from './outbox.ts'
import type { Replica } from './replica.ts'
import { due, isCurrent, wanted } from './rows.ts'
import { msOf, type Moment } from './time.ts'
import type { Millis } from './limits.ts'

/** Changes that the centre has not taken yet, as far as this phone knows. */
export function unsent(self: Replica): number {
  let captured = 0
  for (const entry of self.outbox.values()) if (entry.seq === null) captured += 1
  return captured + Math.max(0, packed(self) - self.ack)
}

/** When the oldest unsent change was captured, by the phone's clock. */
export function oldestUnsent(self: Replica): Millis | null {
  for (const entry of self.outbox.values()) if (entry.seq === null || entry.seq > self.ack) return msOf(entry.stamp)
  return null
}

/**
 * Only when the centre's `ack` covers the outbox, every verdict is known, and every scope that is
 * held was asked for in this round and is complete with a digest that matches. Not while the number
 * is in doubt: what it sent may have to be sent again under another.
 */
export function allSentAllCurrent(self: Replica, moment: Moment): boolean {
  return (
    self.lastContact !== null &&
    self.access.is === 'enrolled' &&
    unsent(self) === 0 &&
    self.settled === packed(self) &&
    due(self, moment).length === 0 &&
    wanted(self, moment.wall).every(scope => {
      const held = self.holdings.get(scope)
      return held !== undefined && isCurrent(held)
    })
  )
}

/** What somebody should look at, in the order of capture. */
export function needsAttention(self: Replica): Trouble[] {
  return [...self.troubles.values()].sort((a, b) => a.entry - b.entry)
}

/** Whether this program is too old to be served feeds. */
export function isOutdated(self: Replica): boolean {
  return self.pace.withoutPull
}

/** Versions of kind definitions and policy to fetch, if the centre has newer ones. */
export function newerDefinitions(self: Replica): readonly [number, number] | null {
  return self.newestSchema > self.schema || self.newestPolicy > self.policy
    ? [self.newestSchema, self.newestPolicy]
    : null
}
