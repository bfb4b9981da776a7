// The entry that is being made: what stands on the screen is what is saved, and a temperature that is
// only half typed is not dropped.

import { beforeEach, expect, test, vi } from 'vitest'
import type { Fields, Recall } from '../../src/core/api'
import { use } from '../../src/ui/core'
import { busy, clear, digits, fields, known, name, phone, plate, resting, slot, take, takeCard } from '../../src/ui/register/entry'
import { current, put } from '../../src/ui/register/long-form'
import { finish, lacking } from '../../src/ui/register/save'
import { press } from '../../src/ui/register/screen'
import { stage, type OpenStage } from './stage'

let core: OpenStage

beforeEach(() => {
  // Whoever is abnormal has a page of their own.
  vi.stubGlobal('history', { pushState: () => undefined })
  vi.stubGlobal('requestAnimationFrame', () => 0)
  core = stage()
  use(core)
  clear()
  lacking.value = null
  resting.value = busy.value = false
})

function typePasser(): void {
  name.value = '王伟'
  phone.value = '13800000077'
  slot.value = 'temperature'
}

test.each(['3', '38'])('%s typed for a temperature is not saved as none: the page says what is missing', async typed => {
  typePasser()
  for (const key of typed) press(key as '3')
  await finish('green')
  expect(core.captured).toEqual([])
  expect(lacking.value?.faults).toContainEqual({ path: 'measurement.temperature', code: 'tenths' })
  expect(digits.value).toBe(typed)
})

test('a fourth key that a glove bounced changes nothing of a temperature', async () => {
  typePasser()
  for (const key of '3855') press(key as '3')
  expect(digits.value).toBe('385')
  await finish('green')
  expect(core.captured[0]?.set['measurement']).toMatchObject({ temperature: 385 })
})

test('a temperature that is mended in the sheet takes the place of the digits that were typed', async () => {
  typePasser()
  press('3')
  press('8')
  await finish('green')
  expect(current()['measurement']).toMatchObject({ temperature: '38' })
  put('measurement', { temperature: 385 })
  expect(digits.value).toBe('385')
  await finish('green')
  expect(core.captured[0]?.set['measurement']).toMatchObject({ temperature: 385 })
})

test('a temperature from the long form that is erased on the keypad is gone', () => {
  typePasser()
  put('measurement', { temperature: 385, method: 'ear' })
  for (const _ of '385') press('back')
  expect(fields('green')['measurement']).toEqual({ method: 'ear' })
})

const SEEN: Recall = {
  name: '张三', phone: '13800001234', plate: '豫P12345', document: null, number: null, lastSeen: 0, times: 3, masked: false,
  fields: { person: { name: '张三', phone: '13800001234', sex: '1' }, vehicle: { plate: '豫P12345', cargo: '煤' } },
}

test('what is erased of somebody who was recalled is not saved', () => {
  take(SEEN)
  plate.value = ''
  name.value = ''
  expect(fields('green')).toMatchObject({ person: { phone: '13800001234', sex: '1' }, vehicle: { cargo: '煤' } })
  expect(fields('green')['person']).not.toHaveProperty('name')
  expect(fields('green')['vehicle']).not.toHaveProperty('plate')
  expect(current()['vehicle']).not.toMatchObject({ plate: '豫P12345' })
})

test('nor what is erased of a card', () => {
  const of: Fields = { person: { name: '赵磊', phone: '13900000002', document: 'resident_id', number: '999999199001010011' }, vehicle: { plate: '豫P54321' } }
  takeCard({ name: '赵磊', phone: '13900000002', number: '999999199001010011', plate: '豫P54321', document: 'resident_id', origin: '', destination: '', made: 0 }, of, false)
  plate.value = ''
  phone.value = ''
  expect(fields('green')['person']).toEqual({ name: '赵磊', document: 'resident_id', number: '999999199001010011' })
  expect(fields('green')).not.toHaveProperty('vehicle')
  expect(known.value['vehicle']).toEqual({ plate: '豫P54321' })
})
