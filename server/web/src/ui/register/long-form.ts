// The longer form over the fast screen: what has a line of its own there stands in both.

import type { Fields, Value } from '../../core/api'
import { box } from '../forms/ask'
import { digits, isHalf, known, name, number, phone, plate, standing } from './entry'

/** What is known with what was typed, so that the long form shows both; of a temperature also its first digits. */
export function current(): Fields {
  const { measurement, ...who } = standing()
  return { ...known.value, ...who, measurement: isHalf() ? { ...measurement, temperature: digits.value } : measurement }
}

/** A field of the long form; what has a line of its own on the screen goes there. */
export function put(own: string, value: Value | undefined): void {
  const next = { ...known.value }
  if (value === undefined) delete next[own]
  else next[own] = value
  known.value = next
  const text = (of: string, inner: string): string => {
    const found = box(next, of)[inner]
    return typeof found === 'string' ? found : ''
  }
  if (own === 'person') {
    name.value = text('person', 'name')
    phone.value = text('person', 'phone')
    number.value = text('person', 'number')
  }
  if (own === 'measurement') digits.value = String(box(next, own)['temperature'] ?? '')
  if (own === 'vehicle') plate.value = text('vehicle', 'plate')
}
