// Scanners and card readers that pose as a keyboard: a burst of keys, faster than any finger, and
// Enter at the end. They work without being set up, wherever the focus is.

/** Two signs of a scanner come closer together than this. */
const FAST = 50
const SHORTEST = 6
/** Longer than any card; what comes after it is somebody leaning on the keyboard. */
const LONGEST = 700

/** Told of every key; says what a scanner has read once its Enter comes. */
export class Wedge {
  private text = ''
  private last = -Infinity

  key(key: string, at: number): string | null {
    if (at - this.last > FAST) this.text = ''
    this.last = at
    if (key === 'Enter') {
      const text = this.text
      this.text = ''
      return text.length >= SHORTEST ? text : null
    }
    // Shift and the like come between the signs that they change.
    if ([...key].length === 1 && this.text.length < LONGEST) this.text += key
    return null
  }
}

/**
 * Listens until the returned function is called. `typed` gets keys that came alone, from a finger on
 * a keyboard. Fields that are typed into are left alone.
 */
export function listenToWedge(heard: (text: string) => void, typed: (key: string) => void): () => void {
  const wedge = new Wedge()
  let alone: ReturnType<typeof setTimeout> | undefined
  let last = -Infinity
  const listen = (event: KeyboardEvent): void => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    const { target, key } = event
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return
    const burst = event.timeStamp - last <= FAST
    last = event.timeStamp
    clearTimeout(alone)
    const text = wedge.key(key, event.timeStamp)
    if (text !== null) {
      event.preventDefault()
      event.stopPropagation()
      heard(text)
    } else if (!burst) {
      alone = setTimeout(() => typed(key), FAST)
    }
  }
  addEventListener('keydown', listen, true)
  return () => {
    clearTimeout(alone)
    removeEventListener('keydown', listen, true)
  }
}
