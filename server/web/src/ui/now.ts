// The present, for what is said in words ("3 minutes ago"). It moves in steps of some seconds and
// only while somebody looks.

import { signal } from '@preact/signals'

const STEP = 10_000

export const now = signal(Date.now())

export function keepTime(): void {
  const tick = (): void => {
    if (!document.hidden) now.value = Date.now()
  }
  setInterval(tick, STEP)
  document.addEventListener('visibilitychange', tick)
}
