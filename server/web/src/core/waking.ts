// What is pending is woken newest first, a little at a time and only while the phone has nothing else
// to do: of ten thousand entries nobody waits for the last.

import type { State } from './state.ts'
import type { Held } from './store/keep.ts'

const SLICE = 25
/** What is left to a person who is typing meanwhile. */
const PAUSE_MS = 40
/** However busy the phone, a slice is not put off for longer. */
const MOST_PAUSE_MS = 1_000

export async function wakeLines(state: State, held: Held): Promise<void> {
  const { phone } = state
  const { outbox } = held.replica
  const asleep = [...outbox].filter(([, entry]) => entry.shown !== 'hidden' && entry.line === undefined).map(([id]) => id)
  asleep.reverse()
  for (let at = 0; at < asleep.length; at += SLICE) {
    await leisure()
    if (phone.onDuty !== held || phone.trouble === 'elsewhere') return
    const slice = asleep.slice(at, at + SLICE)
    await phone.keeper.wake(held, slice)
    if (phone.onDuty !== held) return
    state.changed(held, new Set(slice.map(id => outbox.get(id)?.record).filter((id): id is string => id !== undefined)))
  }
}

function leisure(): Promise<unknown> {
  const idle = (globalThis as { requestIdleCallback?: (then: () => void, how: { timeout: number }) => number }).requestIdleCallback
  return new Promise(resolve => {
    setTimeout(() => (idle === undefined ? resolve(null) : idle(() => resolve(null), { timeout: MOST_PAUSE_MS })), PAUSE_MS)
  })
}
