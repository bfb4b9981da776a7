// The entry that is being made: what was typed so far, and what a change would carry. One signal a
// part, so that a key redraws its own line and nothing else.

import { batch, computed, signal } from '@preact/signals'
import type { CardFields, Field, Fields, Kind, Recall, Value } from '../../core/api'
import { core } from '../core'
import { habits } from '../habits'
import { box, field, filled, fitting, isEmpty, member, need, type Box } from '../forms/ask'

/** What the keypad writes into. */
export type Slot = 'phone' | 'number' | 'plate' | 'name' | 'temperature'
export type Identity = Exclude<Slot, 'temperature'>

export const KIND = 'registration'
export const PHONE_DIGITS = 11
export const NUMBER_DIGITS = 18
/** From so many signs on, the phone looks for somebody it knows. */
const ENOUGH: Record<Identity, number> = { phone: 4, number: 4, plate: 3, name: 1 }

/** Who is being looked for: phone, document, plate or name. */
export const asking = signal<Identity>('phone')
/** What the keypad writes into now. */
export const slot = signal<Slot>('phone')
export const phone = signal('')
export const number = signal('')
export const plate = signal('')
export const name = signal('')
/** Digits of the temperature as typed: 365 is 36.5. */
export const digits = signal('')
const NOTHING: Fields = {}
/** What is known besides, from a card, a recall or the longer form. */
export const known = signal<Fields>(NOTHING)
/** Somebody was recognised, and how: their line stands in place of what was typed. */
export const found = signal<{ readonly by: 'recall' | 'card'; readonly old: boolean } | null>(null)
/** The answer to "not the same person": no more proposals for what was typed. */
export const refused = signal('')
/** An entry is on its way into storage. The form is empty already and takes the next one, which can be saved once this one is. */
export const busy = signal(false)
/** A moment longer, so that an impatient second tap is not a second entry. */
export const resting = signal(false)

const slots = { phone, number, plate, name }

export const kind = computed<Kind | undefined>(() => core.kinds.value[KIND])

export const typed = computed(() => slots[asking.value].value)

export const temperature = computed<number | undefined>(() =>
  /^\d{3}$/.test(digits.value) ? Number(digits.value) : undefined,
)

/** Something was typed for a temperature that is none yet: nobody is saved without what was meant. */
export const isHalf = (): boolean => digits.value !== '' && temperature.value === undefined

/** Whether anything was entered: then an update of the app waits, and leaving asks. */
export const dirty = computed(
  () => phone.value + number.value + plate.value + name.value + digits.value !== '' || !isEmpty(known.value),
)

export const matches = computed<readonly Recall[]>(() => {
  if (found.value || slot.value === 'temperature') return []
  const text = typed.value
  if (text.length < ENOUGH[asking.value] || text === refused.value) return []
  return core.recall(text, 3)
})

/** What is known, where a line of the screen has it: what was erased there is gone. */
export function standing(): { readonly person: Box; readonly vehicle: Box; readonly measurement: Box } {
  const over = (own: string, lines: Box): Box => {
    const all: { [name: string]: Value } = { ...box(known.value, own), ...lines }
    for (const line in lines) if (lines[line] === '') delete all[line]
    return all
  }
  return {
    person: over('person', {
      ...(number.value ? { document: box(known.value, 'person')['document'] ?? 'resident_id' } : {}),
      name: name.value,
      phone: phone.value,
      number: number.value,
    }),
    vehicle: over('vehicle', { plate: plate.value }),
    measurement: over('measurement', { temperature: temperature.value ?? '' }),
  }
}

/** The fields of the change, `code` being the health code that was tapped. */
export function fields(code: string | null): Fields {
  const of = kind.value
  const shift = core.shift.value
  const { measurement, ...who } = standing()
  const trip: Box = { ...(shift?.destination ? { destination_address: shift.destination } : {}), ...box(known.value, 'trip') }
  const taken: Fields = habits.value.itinerary ? { itinerary_code: { code: 'green', star: false } } : {}
  const all: Fields = {
    ...taken,
    ...known.value,
    ...(shift ? { direction: shift.direction } : {}),
    ...who,
    measurement: temperature.value === undefined ? measurement : { method: 'forehead', ...measurement },
    trip,
    captured_with: { app: core.version, form: of?.version ?? 0, policy: core.policy.value.version },
    ...(code === null ? {} : { health_code: code }),
  }
  const kept = filled(of ? fitting(of, all) : all)
  const calm = core.judge(KIND, kept).every(rule => rule.level === 'notice')
  // Whoever is abnormal is not let pass by a default: the next screen asks what was done.
  return calm && of && field(of, 'disposition') && kept['disposition'] === undefined ? { ...kept, disposition: 'passed' } : kept
}

/** Somebody the phone remembers was picked. */
export function take(recall: Recall): void {
  batch(() => {
    known.value = { ...known.value, ...recall.fields }
    const person = box(recall.fields, 'person')
    phone.value = text(person['phone']) || (recall.masked ? phone.value : recall.phone ?? '')
    number.value = text(person['number'])
    name.value = text(person['name'])
    plate.value = text(box(recall.fields, 'vehicle')['plate']) || (asking.value === 'plate' ? recall.plate ?? plate.value : '')
    found.value = { by: 'recall', old: false }
    slot.value = 'temperature'
  })
}

/** A traveller's card was read. */
export function takeCard(card: CardFields, of: Fields, old: boolean): void {
  batch(() => {
    known.value = of
    phone.value = card.phone
    number.value = card.number
    name.value = card.name
    plate.value = card.plate
    found.value = { by: 'card', old }
    slot.value = 'temperature'
  })
}

/** Takes back who was recognised; what was typed stays. */
export function notThem(): void {
  batch(() => {
    const kept = typed.value
    clear()
    slots[asking.value].value = kept
    refused.value = kept
  })
}

/** Everything empty, for the next one. */
export function clear(): void {
  batch(() => {
    phone.value = ''
    number.value = ''
    plate.value = ''
    name.value = ''
    digits.value = ''
    known.value = NOTHING
    found.value = null
    refused.value = ''
    slot.value = asking.value
    if (asking.value === 'name' || asking.value === 'plate') {
      asking.value = 'phone'
      slot.value = 'phone'
    }
  })
}

/** Puts back what an entry held, so that it can be corrected and saved anew. */
export function putBack(of: Fields): void {
  batch(() => {
    const { direction: _direction, captured_with: _app, health_code: _code, disposition: _done, measurement: _heat, ...rest } = of
    known.value = rest
    const person = box(of, 'person')
    phone.value = text(person['phone'])
    number.value = text(person['number'])
    name.value = text(person['name'])
    plate.value = text(box(of, 'vehicle')['plate'])
    const heat = box(of, 'measurement')['temperature']
    digits.value = typeof heat === 'number' ? String(heat) : ''
    slot.value = digits.value ? asking.value : 'temperature'
  })
}

/** Questions that must be answered and have no place of their own on the screen. */
export const extra = computed<readonly Field[]>(() => {
  const of = kind.value
  if (!of) return []
  const now = known.value
  return of.field.filter(
    one => !one.retired && !OWN.has(one.name) && one.type !== 'map' && one.type !== 'object' && need(one, now) !== 'free',
  )
})

/** The same, of several parts: each is a key that opens a small form. */
export const extraBoxes = computed<readonly Field[]>(() => {
  const of = kind.value
  if (!of) return []
  const now = known.value
  return of.field.filter(
    one => !one.retired && !OWN_BOXES.has(one.name) && one.type === 'object' && need(one, now) !== 'free',
  )
})

const OWN_BOXES: ReadonlySet<string> = new Set(['person', 'measurement', 'captured_with', 'position'])

/** Fields that the screen asks in its own way. */
export const OWN: ReadonlySet<string> = new Set([
  'mode', 'direction', 'captured_with', 'health_code', 'disposition', 'position', 'void', 'joined_into', 'abnormal',
])

/** Whether the kind has this member: a kind without temperatures is not asked for one. */
export function has(own: string, inner?: string): boolean {
  const of = kind.value
  const top = of && field(of, own)
  return top !== undefined && (inner === undefined || member(top, inner) !== undefined)
}

function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : ''
}
