// Forms that are half typed, so that a browser that is killed takes nothing along. Sealed under the key
// of who typed them, like everything of a person; gone after a day, or once what they became is saved.

import type { Fields } from './api.ts'
import type { State } from './state.ts'
import { seal, unseal, type Sealed } from './store/seal.ts'
import type { Held } from './store/keep.ts'

/** After the last key; a page that is put into the background does not wait for it. */
const PAUSE_MS = 300
const GOOD_FOR_MS = 24 * 3_600_000

interface Draft {
  readonly at: number
  readonly fields: Fields
}

export class Drafts {
  private drafts = new Map<string, Draft>()
  private held: Held | null = null
  private timer: ReturnType<typeof setTimeout> | null = null

  constructor(private readonly state: State) {}

  /** Brings back the drafts of who goes on duty. */
  async load(held: Held, key: CryptoKey | null): Promise<void> {
    await this.save()
    this.held = held
    this.drafts = new Map()
    const { db } = this.state.phone
    const sealed = (await db.read(store => store.get('phone', nameOf(held))).catch(() => undefined)) as Sealed | undefined
    const text = sealed === undefined ? null : await unseal(key, sealed)
    if (text === null) return
    const oldest = this.state.now().wall - GOOD_FOR_MS
    this.drafts = new Map((JSON.parse(text) as [string, Draft][]).filter(([, { at }]) => at > oldest))
  }

  get(form: string): Fields | null {
    return this.drafts.get(form)?.fields ?? null
  }

  /** What stands in a form now; null once it is empty or saved. */
  keep(form: string, fields: Fields | null): void {
    if (this.held === null || (fields === null && !this.drafts.has(form))) return
    if (fields === null) this.drafts.delete(form)
    else this.drafts.set(form, { at: this.state.now().wall, fields })
    this.timer ??= setTimeout(() => void this.save(), PAUSE_MS)
  }

  /** Writes what is not written yet; `anew`: all of it, for the key is another. */
  async save(anew = false): Promise<void> {
    const { held, timer } = this
    clearTimeout(timer!)
    this.timer = null
    // Who is locked has no key: nothing of theirs may be written without.
    if (held === null || (timer === null && !anew) || (held.key === null && held.row.pin !== null)) return
    const sealed = await seal(held.key, JSON.stringify([...this.drafts]))
    const write = (): Promise<void> => this.state.phone.db.write([], tx => void tx.objectStore('phone').put(sealed, nameOf(held)), 'relaxed')
    // A draft is no entry: where storage fails, that is told of by what is saved.
    await write().catch(() => undefined)
  }

  /** Nobody is on duty: nothing of them stays in memory. */
  async close(): Promise<void> {
    await this.save()
    this.held = null
    this.drafts = new Map()
  }

  /** Whoever is removed from the phone leaves no draft. */
  async forget(held: Held): Promise<void> {
    if (this.held === held) this.held = null
    await this.state.phone.db.write([], tx => void tx.objectStore('phone').delete(nameOf(held))).catch(() => undefined)
  }
}

function nameOf(held: Held): string {
  return `drafts.${held.row.id}`
}
