// Forms are read from definitions: what is asked, what must be answered, what a change carries.

import { expect, test } from 'vitest'
import type { Field, Kind } from '../../src/core/api'
import { asked, box, differing, entries, filled, fitting, need, same } from '../../src/ui/forms/ask'
import { entryId } from '../../src/ui/forms/entry-id'
import { tenths } from '../../src/ui/forms/input'

const label = { zh: '问', en: 'Question' }
const kind = (field: Field[]): Kind => ({ name: 'k', version: 1, label, scope: { place: 'checkpoint', by_day: true }, writers: [], field })

test('a question that was added overnight is asked; one that was retired is not', () => {
  const of = kind([{ name: 'a', type: 'text', label }, { name: 'b', type: 'code', label, retired: true, codes: [] }, { name: 'luggage', type: 'boolean', label }])
  expect(asked(of).map(one => one.name)).toEqual(['a', 'luggage'])
})

test('a type that this app does not know is left alone', () => {
  const of = kind([{ name: 'a', type: 'hologram' as Field['type'], label }, { name: 'r', type: 'reference', label }])
  expect(asked(of)).toEqual([])
})

test('whether an answer must be there follows the conditions', () => {
  const of: Field = { name: 'person', type: 'object', label, required_unless: { path: 'mode', is: ['tally'] } }
  expect(need(of, {})).toBe('refused')
  expect(need(of, { mode: 'tally' })).toBe('free')
  expect(need({ ...of, missing: 'flag' }, {})).toBe('flagged')
  expect(need({ name: 'n', type: 'text', label }, {})).toBe('free')
})

test('a condition on the own field looks into the same object', () => {
  const number = { name: 'number', type: 'identity' as const, label, missing: 'flag' as const, required_in: { path: 'person.document', is: ['passport'] } }
  expect(need(number, { person: { document: 'none' } }, 'person', { document: 'passport' })).toBe('flagged')
  expect(need(number, { person: { document: 'passport' } }, 'person', { document: 'none' })).toBe('free')
  expect(need(number, { person: { document: 'passport' } })).toBe('flagged')
})

test('what says nothing is not captured, and what says no is', () => {
  expect(filled({ a: '', b: ' x ', c: null, d: {}, e: { f: '', g: 0 }, h: false, i: [] })).toEqual({ b: 'x', e: { g: 0 }, h: false })
})

test('an edit carries what differs, and null for what was emptied', () => {
  expect(differing({ a: 'x', b: { c: 1, d: 2 }, e: 'y' }, { a: 'x', b: { d: 2, c: 1 }, e: '' })).toEqual({ e: null })
  expect(differing({ b: { c: 1, d: 2 } }, { b: { c: 1 } })).toEqual({ b: { c: 1 } })
  expect(differing({ 'm/1': { n: 'x' } }, { 'm/1': null })).toEqual({ 'm/1': null })
  expect(same([1, 2], [2, 1])).toBe(false)
})

test('only fields and members that the kind has are taken from elsewhere', () => {
  const of = kind([{ name: 'person', type: 'object', label, member: [{ name: 'name', type: 'name', label }] }])
  expect(fitting(of, { person: { name: 'A', tail: 'x' }, vehicle: { plate: 'B' } })).toEqual({ person: { name: 'A' } })
})

test('entries of a map come in the order in which they were made', () => {
  const first = entryId(1_795_306_560_000, new Uint8Array(10).fill(255))
  const second = entryId(1_795_306_560_001, new Uint8Array(10))
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const fields = { [`notes/${second}`]: { text: 'b' }, [`notes/${first}`]: { text: 'a' }, 'notes/x': null, note: 'c' }
  expect(entries(fields, 'notes').map(entry => box({ e: entry.value }, 'e')['text'])).toEqual(['a', 'b'])
})

test('temperatures are read with or without the point', () => {
  expect(['36.5', '365', '36,5', '36。5', '37', ' 38.1 '].map(tenths)).toEqual([365, 365, 365, 365, 370, 381])
  expect(['3', '36.55', '1000', 'abc', ''].map(tenths)).toEqual([undefined, undefined, undefined, undefined, undefined])
})
