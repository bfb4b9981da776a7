// Whom the phone remembers: for a fortnight, what was the same each time. Looked up by the tail of
// a telephone number, a plate, a name or the tail of a document, in what is in memory.

import type { Fields, Recall, RecordView, Value } from './api.ts'
import { fold } from './definitions/fold.ts'

export const REMEMBERED_MS = 14 * 86_400_000
/** Fields of a registration that are the same next time. */
const SAME = ['person', 'residence', 'contact', 'vehicle', 'transport', 'trip'] as const

export interface Remembered extends Recall {
  readonly key: string
  /** Where they were seen; missing where an earlier version kept them. */
  readonly place?: string | null
}

interface Entry {
  readonly who: Remembered
  readonly phone: string
  readonly plate: string
  readonly name: string
  readonly number: string
}

export class Memory {
  private readonly people = new Map<string, Entry>()
  private readonly touched = new Set<string>()

  /** Takes in a registration that is on screen. Says whether it told anything new. */
  meet(view: RecordView): boolean {
    const who = recallOf(view)
    if (who === null || view.isVoid) return false
    const known = this.people.get(who.key)?.who
    // What one knows in full is not forgotten for a masked sight of the same person.
    if (known !== undefined && who.masked && !known.masked) {
      if (who.lastSeen <= known.lastSeen) return false
      this.put({ ...known, lastSeen: who.lastSeen })
      return true
    }
    if (known !== undefined && known.lastSeen >= who.lastSeen && known.masked === who.masked) return false
    this.put({ ...who, times: (known?.times ?? 0) + 1, lastSeen: Math.max(who.lastSeen, known?.lastSeen ?? 0) })
    return true
  }

  /** Brings back what was kept. */
  load(people: readonly Remembered[], now: number): void {
    for (const who of people) if (who.lastSeen > now - REMEMBERED_MS && !this.people.has(who.key)) this.put(who, false)
  }

  /** What has changed since this was last asked. */
  news(): Remembered[] {
    const news = [...this.touched].map(key => this.people.get(key)?.who).filter((who): who is Remembered => who !== undefined)
    this.touched.clear()
    return news
  }

  /** Forgets all others. Says whether there were any. */
  retain(stays: (who: Remembered) => boolean): boolean {
    const before = this.people.size
    for (const { who } of this.people.values()) if (!stays(who)) this.people.delete(who.key)
    return this.people.size < before
  }

  all(): Remembered[] {
    return [...this.people.values()].map(entry => entry.who)
  }

  get size(): number {
    return this.people.size
  }

  find(typed: string, limit: number): readonly Recall[] {
    const text = fold(typed).replace(/[\s·•‧・.\-]/g, '')
    if (text.length < 2) return []
    const digits = /^\d+X?$/.test(text)
    // The few best are kept as they come: a common name finds thousands.
    const best: Entry[] = []
    for (const entry of this.people.values()) {
      const hit = digits
        ? entry.phone.endsWith(text) || entry.number.endsWith(text) || entry.plate.endsWith(text) || (text.length > 4 && entry.phone.startsWith(text))
        : entry.name.includes(text) || entry.plate.includes(text) || entry.number.endsWith(text)
      if (!hit || (best.length === limit && byWorth(entry, best[limit - 1]!) >= 0)) continue
      best.push(entry)
      best.sort(byWorth)
      if (best.length > limit) best.pop()
    }
    return best.map(entry => entry.who)
  }

  private put(who: Remembered, news = true): void {
    this.people.set(who.key, {
      who,
      phone: bare(who.phone),
      plate: bare(who.plate),
      name: bare(who.name),
      number: bare(who.number),
    })
    if (news) this.touched.add(who.key)
  }
}

/** Whom one knows in full first, then whom one saw last. */
function byWorth(a: Entry, b: Entry): number {
  return Number(a.who.masked) - Number(b.who.masked) || b.who.lastSeen - a.who.lastSeen
}

function bare(text: string | null): string {
  return text === null ? '' : fold(text).replace(/[\s·•‧・.\-]/g, '')
}

function textAt(fields: Fields, field: string, member: string): string | null {
  const object = fields[field]
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return null
  const value: Value | undefined = (object as { readonly [name: string]: Value })[member]
  return typeof value === 'string' && value !== '' ? value : null
}

/** What of a registration is worth remembering; null where nobody could be told by it. */
export function recallOf(view: RecordView): Remembered | null {
  const { fields } = view
  const name = textAt(fields, 'person', 'name')
  const phone = textAt(fields, 'person', 'phone')
  const plate = textAt(fields, 'vehicle', 'plate')
  const document = textAt(fields, 'person', 'document')
  const number = textAt(fields, 'person', 'number')
  const masked = [name, phone, number].some(text => text !== null && text.includes('*'))
  const key = number ?? (phone !== null ? `${bare(phone)}/${name ?? ''}` : plate !== null ? `${bare(plate)}/${name ?? ''}` : null)
  if (key === null || (masked && phone === null && plate === null)) return null
  const same: { [name: string]: Value } = {}
  if (!masked) for (const field of SAME) if (fields[field] !== undefined && fields[field] !== null) same[field] = fields[field]!
  return { key, name, phone, plate, document, number, lastSeen: view.time, times: 1, fields: same, masked, place: view.place }
}

/** Whether two registrations are of one person, as far as what is not masked tells. */
export function samePerson(a: Fields, b: Fields): boolean {
  for (const [field, member] of [['person', 'number'], ['person', 'phone'], ['vehicle', 'plate']] as const) {
    const x = textAt(a, field, member)
    const y = textAt(b, field, member)
    if (x === null || y === null || x.includes('*') || y.includes('*')) continue
    if (x !== y && bare(x) !== bare(y)) {
      if (member === 'plate') continue
      return false
    }
    // A vehicle holds several people: the name must not differ.
    const [m, n] = [textAt(a, 'person', 'name'), textAt(b, 'person', 'name')]
    return member !== 'plate' || m === null || n === null || m === n
  }
  return false
}
