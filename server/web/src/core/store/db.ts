// The database: its stores, writing that survives a browser which drops its connection, and who of
// several tabs may write.
//
// Safari closes a connection in the background and says so only when it is used; trying again on
// the old handle fails for ever. So every failure that is no lack of room drops the handle, opens
// anew, and tries again.

import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames } from 'idb'

import type { Sealed, Wrapped } from './seal.ts'
import type { Shown } from '../sync/outbox.ts'

export const NAME = 'kadian'
const VERSION = 1
/** Between tries: a browser that was killed may hold its lock for a moment longer. */
const PAUSES_MS = [20, 150]

export interface PersonRow {
  readonly id: number
  name: string
  /** Everything of the replica that has no store of its own; under the phone's key. */
  state: Sealed
  /** Under which rows are sealed where no PIN is set. */
  key: CryptoKey | null
  pin: Wrapped | null
  wrong: number
  notBefore: number
  unsent: number
  oldestUnsent: number | null
}

export interface OutboxRow {
  readonly person: number
  readonly entry: number
  readonly record: string
  readonly parent: string | null
  readonly era: number
  readonly stamp: string
  readonly abnormal: boolean
  readonly whole: boolean
  readonly seq: number | null
  readonly shown: Shown
  readonly lost: boolean
  /** Of a record that has no place yet: what was typed for it, if anything. */
  readonly unplaced?: string
}

export interface RowRow {
  readonly person: number
  readonly record: string
  readonly scope: string
  readonly stale: boolean
  /** On its way to this scope: the body is kept until that is complete. */
  readonly limbo: boolean
  readonly rev: number
  readonly body: Sealed
}

interface Schema extends DBSchema {
  /** Of the phone, by name: keys, settings, definitions, who may write. */
  phone: { key: string; value: unknown }
  persons: { key: number; value: PersonRow }
  /** What tells a capture's number and stamp: small, for it is written with every capture. */
  clocks: { key: number; value: { person: number; clock: unknown } }
  outbox: { key: [number, number]; value: OutboxRow }
  lines: { key: [number, number]; value: { person: number; entry: number; line: Sealed } }
  marks: { key: [number, number]; value: { person: number; chunk: number; marks: (string | null)[] } }
  troubles: { key: [number, number]; value: { person: number; entry: number; trouble: Sealed } }
  rows: { key: [number, string]; value: RowRow }
  people: { key: [number, number]; value: { person: number; block: number; people: Sealed } }
}

export type Store = StoreNames<Schema>
export type Transaction = IDBPTransaction<Schema, Store[], 'readwrite'>
export const STORES: Store[] = ['phone', 'persons', 'clocks', 'outbox', 'lines', 'marks', 'troubles', 'rows', 'people']

/** No room is left. */
export class StorageFull extends Error {}
/** The database cannot be opened or written, also not anew. */
export class StorageBroken extends Error {}
/** Another tab is the live one. */
export class Elsewhere extends Error {}

export class Database {
  private handle: Promise<IDBPDatabase<Schema>> | null = null
  private over = false
  /** Who may write: checked inside each transaction, where no other tab can come between. */
  owner: string | null = null

  private open(): Promise<IDBPDatabase<Schema>> {
    if (this.handle === null) {
      const opening: Promise<IDBPDatabase<Schema>> = openDB<Schema>(NAME, VERSION, {
        upgrade: db => {
          db.createObjectStore('phone')
          db.createObjectStore('persons', { keyPath: 'id' })
          db.createObjectStore('clocks', { keyPath: 'person' })
          db.createObjectStore('outbox', { keyPath: ['person', 'entry'] })
          db.createObjectStore('lines', { keyPath: ['person', 'entry'] })
          db.createObjectStore('marks', { keyPath: ['person', 'chunk'] })
          db.createObjectStore('troubles', { keyPath: ['person', 'entry'] })
          db.createObjectStore('rows', { keyPath: ['person', 'record'] })
          db.createObjectStore('people', { keyPath: ['person', 'block'] })
        },
        blocking: () => this.drop(),
        terminated: () => this.drop(),
      })
      opening.catch(() => this.drop())
      this.handle = opening
    }
    return this.handle
  }

  private drop(): void {
    const { handle } = this
    this.handle = null
    handle?.then(db => db.close()).catch(() => undefined)
  }

  /** Nothing is read or written from here on: another tab, or another run, has the database now. */
  close(): void {
    this.over = true
    this.drop()
  }

  /** Runs `deed` in one transaction that is on disk when this resolves. It may be run again. */
  write(stores: Store[], deed: (tx: Transaction) => void | Promise<void>, durability: IDBTransactionDurability = 'strict'): Promise<void> {
    return this.writeKnowing(stores, () => Promise.resolve(), deed, durability)
  }

  /** The same for a deed that has to know something first: it is asked together with who may write. */
  async writeKnowing<T>(
    stores: Store[],
    ask: (tx: Transaction) => Promise<T>,
    deed: (tx: Transaction, known: T) => void | Promise<void>,
    durability: IDBTransactionDurability = 'strict',
  ): Promise<void> {
    await this.trying(async db => {
      const tx = db.transaction([...new Set<Store>(['phone', ...stores])], 'readwrite', { durability }) as Transaction
      // A failure is told by `done`; without a listener it would be told twice.
      tx.done.catch(() => undefined)
      const [owner, known] = await Promise.all([this.owner === null ? null : ownerIn(tx), ask(tx)])
      if (owner !== this.owner) {
        tx.abort()
        // Nobody at all writes here: the browser has put an empty database in the place of ours.
        throw owner === undefined ? new StorageBroken('another database') : new Elsewhere()
      }
      await deed(tx, known)
      // Nothing more comes: a slow page need not hear of each request before all is committed.
      tx.commit?.()
      await tx.done
    })
  }

  async read<T>(deed: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    return this.trying(deed)
  }

  /** Takes the right to write, if nobody has shown a sign of life since `before`, or by force. */
  async claim(owner: string, now: number, before: number): Promise<boolean> {
    let mine = false
    await this.trying(async db => {
      const tx = db.transaction('phone', 'readwrite', { durability: 'strict' })
      const held = (await tx.store.get('owner')) as { tab: string; at: number } | undefined
      // A sign of life from the future is of a clock that was put back: worth nothing.
      mine = held === undefined || held.tab === owner || held.at < before || held.at > now
      if (mine) await tx.store.put({ tab: owner, at: now }, 'owner')
      await tx.done
    })
    if (mine) this.owner = owner
    return mine
  }

  /** This tab ends: the next need not wait for its silence. */
  async release(): Promise<void> {
    await this.write([], tx => void tx.objectStore('phone').delete('owner'))
    this.owner = null
  }

  /** A sign of life. */
  async beat(now: number): Promise<void> {
    await this.write([], async tx => void tx.objectStore('phone').put({ tab: this.owner, at: now }, 'owner'), 'relaxed')
  }

  private async trying<T>(deed: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      if (this.over) throw new Elsewhere()
      try {
        return await deed(await this.open())
      } catch (error) {
        if (error instanceof Elsewhere) throw error
        if ((error as DOMException)?.name === 'QuotaExceededError') throw new StorageFull()
        this.drop()
        const pause = PAUSES_MS[attempt]
        if (pause === undefined) throw new StorageBroken(String(error))
        await new Promise(resolve => setTimeout(resolve, pause))
      }
    }
  }
}

async function ownerIn(tx: Transaction): Promise<string | undefined> {
  return ((await tx.objectStore('phone').get('owner')) as { tab: string } | undefined)?.tab
}

/** All keys of one person in a store. */
export function ofPerson(person: number): IDBKeyRange {
  return IDBKeyRange.bound([person], [person, []])
}
