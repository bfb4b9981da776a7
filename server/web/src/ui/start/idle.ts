// Who has a PIN and lets the phone lie is locked. What is half typed is kept, the shift goes on, and
// outboxes are sent all the same.

import { core } from '../core'
import { busy } from '../register/entry'
import { failure } from '../register/save'

const LOOK_MS = 5_000
const SIGNS = ['pointerdown', 'keydown', 'wheel', 'touchmove', 'scanned'] as const

/** Whether who is on duty is to be locked now. */
export function isIdle(last: number, now: number, lockAfter: number): boolean {
  // A clock that was put back tells nothing of how long nobody was here.
  return lockAfter > 0 && now - last >= lockAfter * 60_000
}

export function watchIdle(): void {
  let last = Date.now()
  const sign = (): void => {
    last = Date.now()
  }
  for (const name of SIGNS) addEventListener(name, sign, { capture: true, passive: true })
  const look = (): void => {
    const person = core.person.peek()
    // An entry that is not in storage has nobody but who typed it.
    const unsafe = busy.peek() || failure.peek() !== null
    if (person?.hasPin && !unsafe && isIdle(last, Date.now(), core.settings.peek().lockAfter)) core.lock()
  }
  setInterval(look, LOOK_MS)
  // Timers sleep with the phone: whoever wakes it is looked at first.
  document.addEventListener('visibilitychange', look)
}
