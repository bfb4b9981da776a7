// What a scanner or the camera has read, made into something that a form can take.

import { decodeCard } from '../card/format.ts'
import type { Fields, Value } from './api.ts'
import { codeIn } from './code.ts'
import * as values from './definitions/values.ts'

/** What a traveller's card holds; the card page makes it, the form reads it. */
export interface CardFields {
  readonly name: string
  readonly phone: string
  readonly document: string
  readonly number: string
  readonly plate: string
  readonly origin: string
  readonly destination: string
  /** When it was made, in ms; a card is good for 24 h. */
  readonly made: number
}

export type Scan =
  /** Fields of a registration, ready to fill in. `old`: made more than 24 h ago. */
  | { readonly scan: 'card'; readonly card: CardFields; readonly fields: Fields; readonly old: boolean }
  | { readonly scan: 'enrol'; readonly code: string }
  | { readonly scan: 'phone' | 'identity' | 'plate'; readonly text: string }
  /** Shown as text, never opened. */
  | { readonly scan: 'unknown'; readonly text: string }

const GOOD_FOR_MS = 24 * 3_600_000

export function readScan(text: string, now: number): Scan {
  const read = text.trim()
  const card = decodeCard(read)
  if (card !== null) {
    const age = now - card.made
    return { scan: 'card', card, fields: fieldsOf(card), old: age > GOOD_FOR_MS || age < -GOOD_FOR_MS }
  }
  const code = codeIn(read)
  if (code !== null) return { scan: 'enrol', code }
  const plain = (outcome: values.Outcome) => ('value' in outcome ? outcome : null)
  const identity = plain(values.residentId(read))
  if (identity !== null) return { scan: 'identity', text: identity.value }
  const phone = plain(values.phone(read))
  if (phone !== null && /^(1\d{10}|\+)/.test(phone.value)) return { scan: 'phone', text: phone.value }
  const plate = plain(values.plate(read))
  if (plate !== null && plate.warnings.length === 0) return { scan: 'plate', text: plate.value }
  return { scan: 'unknown', text: read.slice(0, 500) }
}

function fieldsOf(card: CardFields): Fields {
  const some = (object: { [name: string]: string }): { [name: string]: Value } | null => {
    const kept = Object.entries(object).filter(([, value]) => value !== '')
    return kept.length === 0 ? null : Object.fromEntries(kept)
  }
  const { name, phone, document, number, plate, origin, destination } = card
  const fields: { [name: string]: Value } = {}
  const person = some({ name, phone, document: number === '' ? '' : document, number })
  const vehicle = some({ plate })
  const trip = some({ origin, destination_address: destination })
  if (person !== null) fields['person'] = person
  if (vehicle !== null) fields['vehicle'] = vehicle
  if (trip !== null) fields['trip'] = trip
  return fields
}
