// The last resort: when the database takes nothing, a captured entry goes into localStorage, at
// once and sealed as it would have been, and is carried over as soon as the database takes it.

import type { OutboxRow } from './db.ts'
import type { Sealed } from './seal.ts'

const PREFIX = 'kadian.journal.'

export interface Journalled {
  readonly row: OutboxRow
  readonly line: Sealed
  readonly clock: unknown
}

interface Places {
  readonly length: number
  key(at: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export class Journal {
  private readonly places: Places | null
  constructor(places: Places | null) {
    this.places = places
  }

  /** Whether it is kept. */
  write({ row, line, clock }: Journalled): boolean {
    try {
      if (this.places === null) return false
      this.places.setItem(keyOf(row), JSON.stringify({ row, line: toText(line), clock }))
      return true
    } catch {
      return false
    }
  }

  /** In the order of capture. */
  read(): Journalled[] {
    const found: Journalled[] = []
    for (const key of this.keys()) {
      try {
        const { row, line, clock } = JSON.parse(this.places?.getItem(key) ?? '')
        found.push({ row, line: fromText(line), clock })
      } catch {
        // Not ours, or damaged: left where it is.
      }
    }
    return found.sort((a, b) => a.row.person - b.row.person || a.row.entry - b.row.entry)
  }

  count(): number {
    return this.keys().length
  }

  remove(row: OutboxRow): void {
    this.places?.removeItem(keyOf(row))
  }

  private keys(): string[] {
    const keys: string[] = []
    for (let at = 0; at < (this.places?.length ?? 0); at += 1) {
      const key = this.places?.key(at)
      if (key?.startsWith(PREFIX)) keys.push(key)
    }
    return keys
  }
}

function keyOf(row: OutboxRow): string {
  return `${PREFIX}${row.person}.${row.entry}`
}

function toText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function fromText(text: string): Uint8Array {
  return Uint8Array.from(atob(text), sign => sign.charCodeAt(0))
}
