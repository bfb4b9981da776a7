// One live tab: the one that holds the browser's lock or, in browsers without locks, whose sign of
// life in the database is the latest. Every write checks it once more.

import { Elsewhere, type Database } from './db.ts'

const LOCK = 'kadian'
const BEAT_MS = 5_000
const DEAD_MS = 15_000

/** Says whether this tab is the live one now. `lost` is called when another takes over. */
export async function claimTab(db: Database, force: boolean, lost: () => void): Promise<boolean> {
  const tab = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks
  const now = Date.now()
  if (locks !== undefined) {
    if (!(await hold(locks, force, lost))) return false
    return db.claim(tab, now, Infinity)
  }
  const mine = await db.claim(tab, now, force ? Infinity : now - DEAD_MS)
  if (mine) beat(db, lost)
  return mine
}

function hold(locks: LockManager, force: boolean, lost: () => void): Promise<boolean> {
  return new Promise(resolve => {
    let held = false
    const how: LockOptions = force ? { steal: true } : { ifAvailable: true }
    locks
      .request(LOCK, how, lock => {
        if (lock === null) return resolve(false)
        held = true
        resolve(true)
        // Held until the tab ends, or another steals it.
        return new Promise<void>(() => undefined)
      })
      .catch(() => {
        if (held) lost()
        else resolve(false)
      })
  })
}

function beat(db: Database, lost: () => void): void {
  const timer = setInterval(() => {
    db.beat(Date.now()).catch(error => {
      if (!(error instanceof Elsewhere)) return
      clearInterval(timer)
      lost()
    })
  }, BEAT_MS)
}
