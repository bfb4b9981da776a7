// An entry whose kind lets a name be missing: it is saved without, and says what it lacks.

import { expect, test } from 'vitest'
import { use } from '../../src/ui/core'
import { lacksOf } from '../../src/ui/records/lacks'
import { KINDS, stage, view } from './stage'
import { withoutNames } from './states'

const NAMELESS = { person: { phone: '13800000010' }, measurement: { temperature: 365 }, health_code: 'green', itinerary_code: { code: 'green' }, disposition: 'passed' }

test('a missing name is refused or flagged as the kind says', () => {
  const core = stage()
  use(core)
  expect(core.check('registration', NAMELESS).refused).toEqual([{ path: 'person.name', code: 'missing' }])
  core.kinds.value = { ...KINDS, registration: withoutNames(KINDS['registration']!) }
  expect(core.check('registration', NAMELESS).refused).toEqual([])
  expect(lacksOf(view(1, 'registration', NAMELESS))).toEqual(['person.name'])
  expect(lacksOf(view(1, 'registration', { ...NAMELESS, person: { name: '王伟', phone: '13800000010' } }))).toEqual([])
})

test("of others' entries, and of what is struck out, nothing is said to be missing", () => {
  use(stage())
  expect(lacksOf(view(1, 'registration', { person: {} }, { own: false }))).toEqual([])
  expect(lacksOf(view(1, 'registration', { person: {} }, { isVoid: true }))).toEqual([])
})
