// How much room is left on this phone, and whether the browser promised to keep what is there.

import type { Storage } from './api.ts'

/** Room below which to warn; the last entry that fits is too late. */
const LOW_BYTES = 20 * 1024 * 1024
const LOW_SHARE = 0.8

export async function measureStorage(full: boolean, journal: number): Promise<Storage> {
  const manager = typeof navigator === 'undefined' ? undefined : navigator.storage
  const estimate = await manager?.estimate?.().catch(() => null)
  const persisted = (await manager?.persisted?.().catch(() => null)) ?? null
  const usage = estimate?.usage ?? null
  const quota = estimate?.quota ?? null
  const low = usage !== null && quota !== null && (quota - usage < LOW_BYTES || usage > quota * LOW_SHARE)
  return { persisted, usage, quota, level: full ? 'full' : low ? 'low' : 'ok', journal }
}
