// One live tab: the one that holds the browser's lock or, in browsers without locks, whose sign of
// life in the database is the latest. Every write checks it once more.

import { Elsewhere, type Database } from './db.ts'

const LOCK = 'kadian'
const BEAT_MS = 5_000
const DEAD_MS = 15_000

export class Tab {
  private readonly name = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
  /** The browser's lock is here: asked for again it would be stolen from this very tab. */
  private locked = false
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(
    private readonly db: Database,
    /** Another took over. */
    private readonly lost: () => void,
  ) {}

  /** Says whether this tab is the live one now. */
  async claim(force: boolean): Promise<boolean> {
    const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
    const now = Date.now()
    if (locks !== undefined) return (this.locked || (await this.hold(locks, force))) && this.db.claim(this.name, now, Infinity)
    const mine = await this.db.claim(this.name, now, force ? Infinity : now - DEAD_MS)
    clearInterval(this.timer)
    if (mine) this.timer = setInterval(() => this.beat(), BEAT_MS)
    return mine
  }

  private hold(locks: LockManager, force: boolean): Promise<boolean> {
    return new Promise(resolve => {
      locks
        .request(LOCK, force ? { steal: true } : { ifAvailable: true }, lock => {
          this.locked = lock !== null
          resolve(this.locked)
          // Held until the tab ends, or another steals it.
          return lock && new Promise<void>(() => undefined)
        })
        .catch(() => {
          resolve(false)
          if (this.locked) this.lost()
          this.locked = false
        })
    })
  }

  private beat(): void {
    this.db.beat(Date.now()).catch(error => {
      if (!(error instanceof Elsewhere)) return
      clearInterval(this.timer)
      this.lost()
    })
  }
}
