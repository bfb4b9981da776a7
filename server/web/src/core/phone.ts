// The phone as a whole: storage opened and claimed by one tab, the people on it, who is on duty,
// and how each is brought back, locked and unlocked.

import { Journal } from './store/journal.ts'
import { Database, Elsewhere, StorageBroken, StorageFull, ofPerson, type PersonRow } from './store/db.ts'
import { Keeper, type Held } from './store/keep.ts'
import { Mirror, browserShelf, type Shelf } from './store/mirror.ts'
import { newKey, seal, unseal } from './store/seal.ts'
import { Tab } from './store/tab.ts'
import type { Definitions, Kept as KeptDefinitions } from './definitions/load.ts'
import { setDays } from './days.ts'
import { insist } from './insist.ts'
import { Memory, REMEMBERED_MS, type Remembered } from './recall.ts'
import { loaded, newReplica, wake } from './sync/replica.ts'
import type { Moment } from './sync/time.ts'

/** People in one block of what is remembered, and blocks before they are packed anew. */
const BLOCK = 256
const MOST_BLOCKS = 40
/** What is remembered could not be read: nothing is written in its place. */
const UNKNOWN = -1
/** Wrong PINs that cost nothing; then 30 s, doubling up to a quarter of an hour. */
const FREE_TRIES = 5

/** Tries to open the database at the start, each waiting twice as long as the one before. */
const MOST_TRIES = 3

export type Trouble = 'none' | 'full' | 'broken' | 'elsewhere'

export class Phone {
  readonly db = new Database()
  private readonly tab = new Tab(this.db, () => this.note(new Elsewhere()))
  readonly journal: Journal
  readonly mirror: Mirror
  keeper: Keeper = new Keeper(this.db, null)
  people: Held[] = []
  onDuty: Held | null = null
  memory = new Memory()
  trouble: Trouble = 'none'
  /** As they lie in storage; whoever shows them knows what they are. */
  keptSettings: unknown
  private wasOnDuty: unknown
  private nextBlock = 0
  /** Storage is being opened anew; what is captured meanwhile waits for that. */
  opening: Promise<unknown> | null = null
  /** What is remembered of who is on duty is there once this has resolved; before that nothing is written over it. */
  remembering: Promise<void> = Promise.resolve()

  constructor(
    private readonly now: () => Moment,
    places: ConstructorParameters<typeof Journal>[0],
    /** The right to write was taken by another tab. */
    private readonly lost: () => void,
    private readonly drawn: Promise<unknown>,
    shelf: () => Promise<Shelf | null> = browserShelf,
  ) {
    this.journal = new Journal(places)
    this.mirror = new Mirror(shelf)
  }

  /** Opens storage. `force`: takes the right to write from another tab. */
  async open(force: boolean, definitions: Definitions): Promise<void> {
    try {
      const kept = await this.reach()
      let full = false
      const mine = await this.tab.claim(force).catch(error => {
        // No room to say whose the phone is: what lies on it can be read all the same.
        if (!(error instanceof StorageFull)) throw error
        return (full = true)
      })
      if (!mine || (full && !force && this.people.length > 0)) {
        this.trouble = mine ? 'full' : 'elsewhere'
        return
      }
      this.keeper = new Keeper(this.db, kept.key === undefined ? await this.newPhoneKey() : kept.key, this.mirror)
      definitions.load(kept.definitions)
      this.keptSettings = kept.settings
      // An ordinary start finds the journal empty, and does without what reads it.
      if (!full && this.journal.count() > 0) await (await insist(() => import('./soon.ts'))).replay(this)
      // Read only now: until this tab was the live one another may have written.
      const [rows, wasOnDuty] = await this.db.read(db => {
        const tx = db.transaction(['phone', 'persons'])
        return Promise.all([tx.objectStore('persons').getAll(), tx.objectStore('phone').get('on_duty')])
      })
      this.wasOnDuty = wasOnDuty
      const people: Held[] = []
      for (const row of rows) {
        const held = await this.keeper.load(row)
        this.rouse(held, definitions)
        people.push(held)
      }
      this.people = people.length > 0 ? people : await this.fromMirror(definitions)
      if (this.people.length === 0) await this.add('', definitions)
      this.trouble = full ? 'full' : 'none'
    } catch (error) {
      this.note(error)
      definitions.load(undefined)
      if (this.people.length === 0) this.people = [this.stranded(definitions)]
    }
  }

  /** The browser has thrown its database away, or this phone is new. */
  private async fromMirror(definitions: Definitions): Promise<Held[]> {
    if (await this.mirror.isEmpty()) return []
    const { comeBack } = await insist(() => import('./traffic.ts'))
    const people = await comeBack(this.mirror)
    for (const held of people) {
      this.rouse(held, definitions)
      await this.keeper.save(held)
      held.replica.muted = true
    }
    return people
  }

  /** What the phone keeps for everybody. Waits for the database, a few seconds at most: without it nothing that was kept can be shown. */
  private async reach(): Promise<Kept> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.db.read(async db => {
          const { store } = db.transaction('phone')
          const [key, definitions, settings] = await Promise.all([store.get('key'), store.get('definitions'), store.get('settings')])
          return { key, definitions, settings } as Kept
        })
      } catch (error) {
        if (error instanceof Elsewhere || tries === MOST_TRIES) throw error
        await new Promise(resolve => setTimeout(resolve, 250 * 2 ** tries))
      }
    }
  }

  /** What a failure of storage means for the whole phone. */
  note(error: unknown): void {
    if (error instanceof Elsewhere) {
      this.trouble = 'elsewhere'
      this.lost()
    } else if (error instanceof StorageFull) this.trouble = 'full'
    else if (error instanceof StorageBroken) this.trouble = 'broken'
    else throw error
  }

  private rouse(held: Held, definitions: Definitions): void {
    const { replica } = held
    wake(replica, this.now())
    loaded(replica, definitions.schema, definitions.policyVersion)
    setDays(held)
  }

  /** A person of whom nothing can be stored but in the journal: ids above all that were ever given. */
  private stranded(definitions: Definitions): Held {
    const replica = newReplica()
    replica.nextEntry = this.now().wall
    // An era of its own: nobody has measured it, and it is none of those in storage.
    replica.eras.era = this.now().wall
    const row = blank(1, '')
    const held: Held = { row, replica, extra: null, key: null, open: true }
    this.rouse(held, definitions)
    this.onDuty = held
    return held
  }

  async add(name: string, definitions: Definitions): Promise<Held> {
    const id = Math.max(0, ...this.people.map(held => held.row.id)) + 1
    const row = { ...blank(id, name), key: await newKey() }
    const held: Held = { row, replica: newReplica(), extra: null, key: row.key, open: false }
    this.rouse(held, definitions)
    await this.keeper.save(held)
    this.people = [...this.people, held]
    return held
  }

  /** This person goes on duty: rows and what is remembered are opened. */
  async begin(held: Held, key: CryptoKey | null): Promise<void> {
    await this.keeper.openRows(held, key)
    if (this.onDuty !== null && this.onDuty !== held) this.keeper.closeRows(this.onDuty)
    this.onDuty = held
    // Nobody is recalled before the first screen stands.
    this.memory = new Memory()
    this.nextBlock = UNKNOWN
    this.remembering = this.drawn.then(() => this.loadMemory(held, this.memory)).catch(() => undefined)
    const { id } = held.row
    if (this.wasOnDuty === id) return
    await this.db.write([], tx => void tx.objectStore('phone').put(id, 'on_duty'), 'relaxed')
    this.wasOnDuty = id
  }

  async lock(): Promise<void> {
    if (this.onDuty === null) return
    await this.saveMemory()
    this.leave()
    await this.db.write([], tx => void tx.objectStore('phone').delete('on_duty'), 'relaxed')
    this.wasOnDuty = undefined
  }

  /** Nobody is on duty: nothing readable stays in memory. */
  leave(): void {
    const held = this.onDuty
    if (held === null) return
    this.keeper.closeRows(held)
    if (held.row.pin !== null) held.key = null
    this.memory = new Memory()
    this.onDuty = null
  }

  /** Whoever was on duty last, if no PIN stands before them. */
  lastOnDuty(): Held | null {
    const held = this.people.find(held => held.row.id === this.wasOnDuty) ?? (this.people.length === 1 ? this.people[0]! : null)
    return held !== null && held.row.pin === null ? held : null
  }

  /** 0 if the PIN is right and the person on duty; else how long the next try has to wait. */
  async unlock(held: Held, pin: string): Promise<number | null> {
    const { row } = held
    if (row.pin === null) {
      await this.begin(held, row.key)
      return null
    }
    const { wall } = this.now()
    if (wall < row.notBefore && row.notBefore - wall < 3_600_000) return row.notBefore - wall
    const { unwrap } = await insist(() => import('./soon.ts'))
    const key = await unwrap(row.pin, pin)
    row.wrong = key === null ? row.wrong + 1 : 0
    const over = row.wrong - FREE_TRIES
    row.notBefore = over >= 0 ? wall + Math.min(30_000 * 2 ** over, 15 * 60_000) : 0
    await this.db.write(['persons'], tx => void tx.objectStore('persons').put(row))
    if (key === null) return Math.max(0, row.notBefore - wall)
    await this.begin(held, key)
    return null
  }

  /** What is remembered since the last time, as one more block. */
  async saveMemory(): Promise<void> {
    const held = this.onDuty
    if (held === null) return
    await this.remembering
    if (this.onDuty !== held || this.nextBlock === UNKNOWN) return
    if (this.nextBlock >= MOST_BLOCKS) return this.packMemory(held)
    const news = this.memory.news()
    if (news.length > 0) await this.putBlocks(held, news, false)
  }

  async packMemory(held: Held): Promise<void> {
    this.memory.news()
    const oldest = this.now().wall - REMEMBERED_MS
    await this.putBlocks(held, this.memory.all().filter(who => who.lastSeen > oldest), true)
  }

  private async putBlocks(held: Held, people: readonly Remembered[], anew: boolean): Promise<void> {
    const person = held.row.id
    const first = anew ? 0 : this.nextBlock
    const blocks: Uint8Array[] = []
    for (let at = 0; at < people.length; at += BLOCK) {
      blocks.push(await seal(held.key, JSON.stringify(people.slice(at, at + BLOCK))))
    }
    await this.db.write(
      ['people'],
      tx => {
        if (anew) void tx.objectStore('people').delete(ofPerson(person))
        blocks.forEach((sealed, i) => void tx.objectStore('people').put({ person, block: first + i, people: sealed }))
      },
      'relaxed',
    )
    this.nextBlock = first + blocks.length
  }

  /** Nobody is remembered of places that are this person's no more, and nobody at all on a phone taken out of use. */
  async forget(held: Held): Promise<void> {
    const { lastContact, places } = held.replica
    const stays = ({ place }: Remembered): boolean => places.length > 0 && (!place || places.some(one => one.place === place))
    if (lastContact !== null && this.onDuty === held && this.memory.retain(stays)) await this.packMemory(held)
  }

  private async loadMemory(held: Held, memory: Memory): Promise<void> {
    const blocks = await this.db.read(db => db.getAll('people', ofPerson(held.row.id)))
    this.nextBlock = Math.max(-1, ...blocks.map(one => one.block)) + 1
    const { wall } = this.now()
    // The newest first: what stands there of somebody counts.
    for (const { people } of blocks.sort((a, b) => b.block - a.block)) {
      const text = await unseal(held.key, people)
      if (text !== null) memory.load(JSON.parse(text) as Remembered[], wall)
    }
    await this.forget(held)
  }

  private async newPhoneKey(): Promise<CryptoKey | null> {
    const key = await newKey()
    await this.db.write([], tx => void tx.objectStore('phone').put(key, 'key'))
    return key
  }
}

interface Kept {
  readonly key: CryptoKey | null | undefined
  readonly definitions: KeptDefinitions | undefined
  readonly settings: unknown
}

export function blank(id: number, name: string): PersonRow {
  return { id, name, state: new Uint8Array([0]), key: null, pin: null, wrong: 0, notBefore: 0, unsent: 0, oldestUnsent: null }
}
