// What is added to an entry, and what mends one that came back: judged before it is sent, so that it
// does not come back once more.

import { beforeEach, expect, test } from 'vitest'
import type { Hand, RecordView } from '../../src/core/api'
import { use } from '../../src/ui/core'
import { handled, NOTHING_DONE } from '../../src/ui/register/handled'
import { begun, mended } from '../../src/ui/upload/mending'
import { stage, view, type OpenStage } from './stage'

const MINUTE = 60_000
let core: OpenStage
beforeEach(() => {
  core = stage()
  use(core)
})

const FEVER = view(1, 'registration', {
  person: { name: '李静', phone: '13800000010' }, measurement: { temperature: 385, method: 'ear' }, health_code: 'green', disposition: 'held',
})

test('a second reading on a clock that is slow waits no time below none, by the clock that the entry is told in', () => {
  core.upload.value = { ...core.upload.value, clockOffset: 0 }
  const ahead = { ...FEVER, time: 10 * MINUTE }
  expect(handled(ahead, { ...NOTHING_DONE, recheck: '372' }, 7 * MINUTE)).toEqual({
    set: { measurement: { temperature: 385, method: 'ear', recheck: 372, recheck_method: 'forehead', recheck_after: 0 } }, faults: [],
  })
  core.upload.value = { ...core.upload.value, clockOffset: 5 * MINUTE }
  expect(handled(ahead, { ...NOTHING_DONE, recheck: '372' }, 7 * MINUTE).set['measurement']).toMatchObject({ recheck_after: 2 })
})

test.each(['3', '38'])('%s typed for a second reading is said to be wrong, and not left out', typed => {
  expect(handled(FEVER, { ...NOTHING_DONE, recheck: typed, disposition: 'sent_to_clinic' }, FEVER.time).faults).toContainEqual({ path: 'measurement.recheck', code: 'tenths' })
})

test('what the kind does not take is found before it is sent', () => {
  expect(handled(FEVER, { ...NOTHING_DONE, recheck: '999' }, FEVER.time).faults.map(fault => fault.path)).toEqual(['measurement.recheck'])
})

const hand = (of: RecordView): Hand => ({
  entry: 4, record: of.record, kind: 'registration', verdict: 'invalid', code: 'range', path: 'set.measurement.recheck_after', fields: [], fix: 'mend',
  set: { measurement: { temperature: 385, method: 'ear', recheck: 372, recheck_after: -3 } },
})

test('an edit that came back is mended over all that the record has', () => {
  const before = begun(hand(FEVER), FEVER)
  expect(before).toEqual({ ...FEVER.fields, ...hand(FEVER).set })
  expect(mended('registration', before, FEVER).faults.map(fault => fault.path)).toEqual(['measurement.recheck_after'])
  const after = { ...before, measurement: { temperature: 385, method: 'ear', recheck: 372, recheck_after: 0 }, disposition: null }
  expect(mended('registration', after, FEVER)).toEqual({
    set: { person: { name: '李静', phone: '13800000010' }, health_code: 'green', measurement: after.measurement, disposition: null }, faults: [],
  })
})

test("of others' records one sees too little to send it back: only what was changed is judged and sent", () => {
  const masked = { ...FEVER, own: false, fields: { ...FEVER.fields, person: { name: '李*' } } }
  const before = begun(hand(masked), masked)
  expect(before).toEqual(hand(masked).set)
  const after = { measurement: { temperature: 385, recheck: 372, recheck_after: 0 } }
  expect(mended('registration', after, masked)).toEqual({ set: after, faults: [] })
})

test('an entry that never arrived is mended whole, and judged whole', () => {
  const before = begun({ ...hand(FEVER), set: { health_code: 'green' } }, null)
  expect(mended('registration', before, null).faults.map(fault => fault.path)).toContain('person')
})
