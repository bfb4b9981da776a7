// Whether the phone stands in a cradle, and what keeps one card from being two passers.

import { signal } from '@preact/signals'

/** Until somebody takes the phone out of the stand, the camera fails, or the app is closed. */
export const isStanding = signal(false)

/** A card that is still being held there after its entry was saved. */
const SAME_MS = 15_000

export class Again {
  private text = ''
  private at = -Infinity

  /** Whether this is another card than the one just read, or that one after a while. */
  isNew(text: string, at: number): boolean {
    const isSame = text === this.text && at - this.at < SAME_MS
    this.text = text
    this.at = at
    return !isSame
  }
}
