// The states in which every screen is looked at: a name, and what differs from an ordinary shift.

import type { Block, Hand, Kind, RecordView } from '../../src/core/api'
import { KINDS, type OpenStage } from './stage'

const HANDS: readonly Hand[] = [
  { entry: 9, record: '01a20099-0ebf-7a11-8c21-000000000009', kind: 'registration', verdict: 'invalid', code: 'check_digit', path: 'set.person.number', fields: [], fix: 'mend',
    set: { person: { name: '黄丽', phone: '13800000017', document: 'resident_id', number: '999999199001010011' }, measurement: { temperature: 365, method: 'forehead' }, health_code: 'green', disposition: 'passed' } },
  { entry: 10, record: '01a20099-0ebf-7a11-8c21-00000000000a', kind: 'registration', verdict: 'parked', code: 'out_of_scope', path: null, fields: [], fix: 'dismiss',
    set: { person: { name: '周杰', phone: '13800000018' } } },
  { entry: 11, record: '01a20099-0ebf-7a11-8c21-0000000001f4', kind: 'household', verdict: 'merged', code: null, path: null, fields: ['phone'], set: null, fix: 'dismiss' },
]

const QUESTION = {
  name: 'luggage', type: 'code' as const, required_unless: { path: 'mode', is: ['tally'] }, missing: 'flag' as const, label: { zh: '行李消毒', en: 'Luggage disinfected' },
  codes: [{ code: 'yes', zh: '是', en: 'Yes' }, { code: 'no', zh: '否', en: 'No' }],
}

/** The kind as an officer may change it overnight: a name may be missing. */
export function withoutNames(kind: Kind): Kind {
  const field = kind.field.map(field => (field.name !== 'person' ? field : {
    ...field, member: field.member?.map(one => (one.name === 'name' ? { ...one, missing: 'flag' as const } : one)),
  }))
  return { ...kind, field }
}

const nameless = (view: RecordView): RecordView => {
  const { name: _, ...person } = view.fields['person'] as { readonly [name: string]: string }
  return { ...view, fields: { ...view.fields, person } }
}

const blocked = (block: Block) => (core: OpenStage): void => {
  core.blocks.value = [block]
}

export const STATES: { readonly [name: string]: (core: OpenStage) => void } = {
  ordinary: () => undefined,
  current: core => {
    core.upload.value = { ...core.upload.value, unsent: 0, oldestUnsent: null, allSentAllCurrent: true }
  },
  sending: core => {
    core.upload.value = { ...core.upload.value, phase: 'sending', inFlight: 20 }
  },
  offline: core => {
    core.upload.value = { ...core.upload.value, phase: 'waiting', lastContact: Date.now() - 3 * 3_600_000 }
  },
  hands: core => {
    core.upload.value = { ...core.upload.value, needsHand: HANDS }
  },
  question: core => {
    const kind = KINDS['registration']!
    core.kinds.value = { ...core.kinds.value, registration: { ...kind, version: 2, field: [...kind.field, QUESTION] } }
  },
  nameless: core => {
    core.kinds.value = { ...core.kinds.value, registration: withoutNames(KINDS['registration']!) }
    const { view, views } = core
    core.view = record => {
      const found = view(record)
      return found?.kind === 'registration' ? nameless(found) : found
    }
    core.views = filter => views(filter).map((one, at) => (at === 1 ? nameless(one) : one))
  },
  unplaced: core => {
    core.upload.value = { ...core.upload.value, unplaced: 6 }
    core.places.value = [...core.places.value, { place: 'checkpoint:S18', name: '北门卡点', by_day: true, roles: ['volunteer'] }]
  },
  placeless: core => {
    core.upload.value = { ...core.upload.value, unplaced: 6 }
    core.places.value = []
  },
  tally: core => {
    core.shift.value = { ...core.shift.value!, tally: true }
  },
  noShift: core => {
    core.shift.value = null
  },
  leader: core => {
    core.places.value = core.places.value.filter(one => !one.by_day)
  },
  fresh: core => {
    core.persons.value = []
    core.person.value = null
    core.places.value = []
    core.shift.value = null
    core.gate = { ...core.gate, standalone: false }
    core.storage.value = { ...core.storage.value, persisted: false }
    core.upload.value = { ...core.upload.value, unsent: 0, oldestUnsent: null, lastContact: null, phase: 'no_code', nextAt: null }
  },
  locked: core => {
    core.persons.value = [core.persons.value[0]!, { ...core.persons.value[0]!, id: 2, name: '李梅', unsent: 4, oldestUnsent: Date.now() - 2 * 3_600_000 }, { ...core.persons.value[0]!, id: 3, name: '', hasPin: false, unsent: 0, oldestUnsent: null }]
    core.lock()
  },
  gate: core => {
    core.gate = { ...core.gate, inApp: 'wechat', serviceWorker: false, standalone: false }
  },
  gateIos: core => {
    core.gate = { ...core.gate, ios: true, standalone: false }
  },
  gateHard: core => {
    core.gate = { ...core.gate, secure: false, crypto: false }
  },
  low: core => {
    core.storage.value = { persisted: false, usage: 190_000_000, quota: 200_000_000, level: 'low', journal: 2 }
  },
  revoked: blocked({ block: 'revoked' }),
  blocked: blocked({ block: 'blocked' }),
  needsCode: blocked({ block: 'needs_code' }),
  tooOld: blocked({ block: 'app_too_old', code: 'too_old' }),
  clockOff: blocked({ block: 'clock_off', offset: -47 * 60_000 }),
  full: blocked({ block: 'storage_full' }),
  broken: blocked({ block: 'storage_broken', journal: 3 }),
  elsewhere: blocked({ block: 'elsewhere' }),
}
