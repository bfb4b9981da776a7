// A second copy of what is still to be sent, outside the database: one file for each entry in the
// browser's cache, one for each person.
//
// Chromium throws a whole database away when its log is torn. A process that is killed in the middle
// of a write leaves half a record, the next run appends behind it, and a later one finds a wrong
// checksum and deletes everything, also what was committed with strict durability. Measured: about
// once in a hundred kills while writing. Files of the cache are written each by itself, and a torn one
// harms no other.
//
// The copy lies under a key of its own that lies beside it, for the database's keys go with the
// database: it is no better hidden from whoever reads the disk than they are.

import type { OutboxRow, PersonRow } from './db.ts'
import { canSeal, importKey, seal, unseal } from './seal.ts'

export const MIRROR = 'kadian-mirror'
/** A capture waits no longer for its copy: the database has it. */
const PATIENCE_MS = 1_000

/** What is needed of the browser's `Cache`. */
export interface Shelf {
  put(path: string, body: Response): Promise<void>
  match(path: string): Promise<Response | undefined>
  delete(path: string): Promise<boolean>
  keys(): Promise<readonly { readonly url: string }[]>
}

export interface MirroredEntry {
  readonly row: OutboxRow
  readonly line: string
  readonly clock: unknown
}

export interface MirroredPerson {
  readonly id: number
  readonly name: string
  readonly pin: PersonRow['pin']
  readonly identity: { readonly device: number; readonly user: string; readonly token: string } | null
  readonly offsets: readonly (readonly [number, number])[]
  readonly extra: unknown
}

const personPath = (id: number): string => `/${MIRROR}/person/${id}`
const entryPath = (person: number, entry: number): string => `/${MIRROR}/entry/${person}/${entry}`

export class Mirror {
  private shelf: Promise<Shelf | null> | null = null
  private key: Promise<CryptoKey | null> | null = null
  /** What was written of each person last. */
  private readonly told = new Map<number, string>()
  private telling: Promise<unknown> = Promise.resolve()

  constructor(private readonly open: () => Promise<Shelf | null>) {}

  /** Copies an entry. A failure is nobody's business: this is the second copy. */
  async put(entry: MirroredEntry): Promise<void> {
    const put = this.write(entryPath(entry.row.person, entry.row.entry), JSON.stringify(entry))
    await Promise.race([put, new Promise(resolve => setTimeout(resolve, PATIENCE_MS))])
  }

  async remove(person: number, entries: readonly number[]): Promise<void> {
    const shelf = await this.reach()
    if (shelf === null) return
    await Promise.all(entries.map(entry => shelf.delete(entryPath(person, entry)).catch(() => false)))
  }

  /** What is told of a person, where it is another than last time; one after the other. */
  tell(person: MirroredPerson): void {
    const text = JSON.stringify(person, (_, value: unknown) => (value instanceof Uint8Array ? { bytes: [...value] } : value))
    if (this.told.get(person.id) === text) return
    this.told.set(person.id, text)
    this.telling = this.telling.then(() => this.write(personPath(person.id), text))
  }

  async forget(person: number): Promise<void> {
    this.told.delete(person)
    const shelf = await this.reach()
    if (shelf === null) return
    await this.telling
    await shelf.delete(personPath(person)).catch(() => false)
    await this.remove(person, (await this.listed()).filter(([of]) => of === person).map(([, entry]) => entry))
  }

  async isEmpty(): Promise<boolean> {
    return !(await this.paths()).some(path => path.startsWith(`/${MIRROR}/person/`))
  }

  /** Everything that can be read, entries in the order of capture. */
  async read(): Promise<{ readonly persons: MirroredPerson[]; readonly entries: MirroredEntry[] }> {
    const persons: MirroredPerson[] = []
    const entries: MirroredEntry[] = []
    for (const path of await this.paths()) {
      const person = path.startsWith(`/${MIRROR}/person/`)
      // The key lies there as well, and is no text.
      if (!person && !path.startsWith(`/${MIRROR}/entry/`)) continue
      const value = await this.value(path)
      if (value === null) continue
      if (person) persons.push(value as MirroredPerson)
      else entries.push(value as MirroredEntry)
    }
    persons.sort((a, b) => a.id - b.id)
    entries.sort((a, b) => a.row.entry - b.row.entry)
    return { persons, entries }
  }

  /** Takes out copies that a run which was killed had no time to take out. */
  async keepOnly(waits: (person: number, entry: number) => boolean): Promise<void> {
    for (const [person, entry] of await this.listed()) {
      if (!waits(person, entry)) await this.remove(person, [entry])
    }
  }

  private async listed(): Promise<[number, number][]> {
    const found: [number, number][] = []
    for (const path of await this.paths()) {
      const at = /\/entry\/(\d+)\/(\d+)$/.exec(path)
      if (at) found.push([Number(at[1]), Number(at[2])])
    }
    return found
  }

  private async paths(): Promise<string[]> {
    const keys = await (await this.reach())?.keys().catch(() => null)
    return (keys ?? []).map(({ url }) => new URL(url, 'http://phone').pathname)
  }

  private async write(path: string, text: string): Promise<void> {
    try {
      const shelf = await this.reach()
      if (shelf === null) return
      await shelf.put(path, new Response((await seal(await this.reachKey(shelf), text)) as BodyInit))
    } catch {
      // No room, or no cache: the database has it.
    }
  }

  /** What stands in a file; null where it was torn. */
  private async value(path: string): Promise<unknown> {
    try {
      const shelf = await this.reach()
      const found = await shelf?.match(path)
      if (shelf === null || found === undefined) return null
      const text = await unseal(await this.reachKey(shelf), new Uint8Array(await found.arrayBuffer()))
      return text === null ? null : JSON.parse(text, (_, value: unknown) => bytesIn(value) ?? value)
    } catch {
      return null
    }
  }

  private reach(): Promise<Shelf | null> {
    this.shelf ??= this.open().catch(() => null)
    return this.shelf
  }

  private reachKey(shelf: Shelf): Promise<CryptoKey | null> {
    this.key ??= keyOn(shelf)
    return this.key
  }
}

async function keyOn(shelf: Shelf): Promise<CryptoKey | null> {
  if (!canSeal()) return null
  const path = `/${MIRROR}/key`
  const kept = await shelf.match(path)
  if (kept !== undefined) return importKey(new Uint8Array(await kept.arrayBuffer()))
  const raw = crypto.getRandomValues(new Uint8Array(32))
  await shelf.put(path, new Response(raw))
  return importKey(raw)
}

function bytesIn(value: unknown): Uint8Array | null {
  const bytes = (value as { bytes?: unknown } | null)?.bytes
  return Array.isArray(bytes) ? Uint8Array.from(bytes as number[]) : null
}

/** The browser's own cache, where there is one. */
export async function browserShelf(): Promise<Shelf | null> {
  return typeof caches === 'undefined' ? null : caches.open(MIRROR)
}
