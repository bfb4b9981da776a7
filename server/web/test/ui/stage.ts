// A core that keeps nothing, for drawing screens: every state can be set by hand, every deed has its
// effect on what is shown. Checks and rules are the real ones. People are invented.

import { signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { Captured, Core, Fields, Household, Judgement, Recall, RecordView, Value } from '../../src/core/api'
import bundled from '../../src/core/definitions/bundled.json'
import { checkValue, validate } from '../../src/core/definitions/check'
import type { Kind, Policy } from '../../src/core/definitions/kind'
import { holding } from '../../src/core/definitions/policy'
import { decodeCard } from '../../src/card/format'

const MINUTE = 60_000
export const KINDS = Object.fromEntries((bundled.kinds as unknown as Kind[]).map(kind => [kind.name, kind]))
const POLICY = bundled.policy as unknown as Policy

export const TODAY = '2026-11-27'
export const GRID = 'grid:G0731'
export const GATE = 'checkpoint:S17'

function uuid(n: number): string {
  return `01a20099-0ebf-7a11-8c21-${n.toString(16).padStart(12, '0')}`
}

export function view(n: number, kind: string, fields: Fields, more: Partial<RecordView> = {}): RecordView {
  return {
    record: uuid(n), kind, parent: null, scope: null, place: kind === 'registration' ? GATE : GRID, fields, standing: 'confirmed',
    time: Date.now() - n * 3 * MINUTE, by: 'u17', own: true, conflicts: {}, abnormal: [], flags: [], isVoid: false, ...more,
  }
}

const NAMES = ['王建国', '李秀英', '张伟', '刘洋', '陈静', '杨帆', '赵磊', '黄丽', '周杰', '吴芳']

function registration(n: number): RecordView {
  const hot = n === 3
  const fields: Fields = {
    person: { name: NAMES[n % 10] ?? '', phone: `138000000${String(10 + n)}` },
    measurement: { temperature: hot ? 376 : 362 + (n % 5), method: 'forehead' },
    health_code: n === 5 ? 'yellow' : 'green', direction: 'in', disposition: hot ? 'held' : 'passed',
    itinerary_code: { code: 'green', star: false }, trip: { destination_address: '三号楼' },
  }
  const standing = n < 2 ? 'pending' : n === 6 ? 'invalid' : n === 7 ? 'parked' : 'confirmed'
  return view(100 + n, 'registration', fields, { standing, abnormal: hot ? ['fever'] : n === 5 ? ['yellow_code'] : [], time: Date.now() - n * 7 * MINUTE, isVoid: n === 8 })
}

function household(n: number): Household {
  const family = NAMES[n % 10]?.[0] ?? '王'
  const member = (m: number, fields: Fields): { id: string; fields: Fields } => ({ id: uuid(1000 + n * 10 + m), fields })
  const members = [
    member(1, { name: `${family}芳`, relation: 'head', birth_date: '1962-05-01', phone: `1390000${String(1000 + n)}`, state: 'at_home', key_groups: n % 3 === 0 ? ['chronic_illness'] : [] }),
    member(2, { name: `${family}强`, relation: 'child', birth_date: '1990-02-11', state: 'commuting' }),
    ...(n % 2 ? [member(3, { name: `${family}小雨`, relation: 'grandchild', birth_date: '2019-09-30', state: 'at_home' })] : []),
  ]
  const today = n % 9 === 4 ? 'nobody' : n % 9 === 5 ? 'abnormal' : n % 3 === 2 ? 'visited' : 'unvisited'
  const fields: Fields = {
    address: { building: `${Math.floor(n / 6) + 1}栋`, unit: '1单元', room: String(301 + (n % 6)), text: `光明小区 ${n}` },
    phone: `1390000${String(1000 + n)}`, state: 'occupied', head_counts: { registered: members.length, at_home: members.length },
    ...Object.fromEntries(members.map(one => [`members/${one.id}`, one.fields])),
    ...(n === 1 ? { control: { state: 'home_quarantine', from: '2026-11-25' } } : {}),
  }
  const conflicts: RecordView['conflicts'] = n === 0 ? { phone: [{ value: '13700000088', time: Date.now() - 50 * MINUTE, by: 'u23' }] } : {}
  const home = view(500 + n, 'household', fields, { conflicts, own: false })
  const visit = view(700 + n, 'visit', { outcome: today === 'nobody' ? 'nobody_home' : 'met', visited_at: Date.now() - n * MINUTE }, { parent: home.record, standing: n % 2 ? 'pending' : 'confirmed' })
  return { view: home, members, visits: today === 'unvisited' ? [] : [visit], today, stair: `${Math.floor(n / 6) + 1}栋1单元`, door: String(301 + (n % 6)) }
}

const MEMORY: readonly Recall[] = [
  { name: '张三', phone: '13800001234', plate: '豫P12345', document: null, number: null, lastSeen: Date.now() - 26 * 60 * MINUTE, times: 3, masked: false,
    fields: { person: { name: '张三', phone: '13800001234' }, vehicle: { plate: '豫P12345' }, trip: { destination_address: '五号楼' } } },
  { name: '张山', phone: '13911111234', plate: null, document: null, number: null, lastSeen: Date.now() - 50 * MINUTE, times: 12, masked: false,
    fields: { person: { name: '张山', phone: '13911111234' } } },
  { name: '章*', phone: '*******1234', plate: null, document: null, number: null, lastSeen: Date.now() - 3 * MINUTE, times: 1, masked: true, fields: {} },
]

export interface Stage extends Core {
  /** Everything that was captured, for tests that look. */
  readonly captured: { readonly kind: string; readonly set: Fields; readonly parent?: string | undefined }[]
}

type Writable<T> = { -readonly [name in keyof T]: T[name] extends ReadonlySignal<infer V> ? Signal<V> : T[name] }
export type OpenStage = Writable<Stage>

export function stage(): OpenStage {
  let rows: RecordView[] = Array.from({ length: 14 }, (_, n) => registration(n))
  let homes: Household[] = Array.from({ length: 27 }, (_, n) => household(n))
  let next = 1
  const revision = signal(0)
  const captured: Stage['captured'] = []
  const upload = signal<Core['upload']['value']>({
    unsent: 37, oldestUnsent: Date.now() - 19 * 60 * MINUTE, lastContact: Date.now() - 4 * MINUTE, allSentAllCurrent: false, phase: 'idle', inFlight: 0,
    nextAt: Date.now() + 42_000, fault: null, needsHand: [], unplaced: 0, clockOffset: 2000,
  })
  let held = upload.value
  const persons = signal<Core['persons']['value']>([
    { id: 1, name: '刘洋', user: 'u17', device: 77632, access: 'enrolled', hasPin: true, unlocked: true, unsent: 37, oldestUnsent: Date.now() - 19 * 60 * MINUTE },
  ])
  const shift = signal<Core['shift']['value']>({ place: GATE, direction: 'in', destination: '', tally: false, since: Date.now() - 8 * 60 * MINUTE })
  const settings = signal<Core['settings']['value']>({ language: 'zh', textSize: 0, contrast: false, sound: false, vibration: false, leftHand: false, lockAfter: 5 })
  const kinds = signal<Core['kinds']['value']>(KINDS)
  const judge = (kind: string, fields: Fields): readonly Judgement[] =>
    holding(POLICY, kind, fields).map(rule => ({ code: rule.code, level: rule.level, label: rule.label, advice: rule.advice ?? null }))
  const person = signal<Core['person']['value']>(persons.value[0] ?? null)
  const saved = (record: string, kind: string, fields: Fields): Captured => {
    upload.value = { ...upload.value, unsent: upload.value.unsent + 1, allSentAllCurrent: false }
    revision.value += 1
    return { outcome: 'saved', entry: next++, record, abnormal: judge(kind, fields), undoUntil: Date.now() + 5000, kept: 'database' }
  }
  const core: OpenStage = {
    captured,
    version: '0.4.1',
    persons,
    person,
    places: signal([{ place: GATE, name: '南门卡点', by_day: true, roles: ['volunteer'] }, { place: GRID, name: '第三十一网格', by_day: false, roles: ['grid_leader'] }]),
    shift,
    addPerson: async name => {
      const one = { id: persons.value.length + 1, name, user: null, device: null, access: 'unenrolled' as const, hasPin: false, unlocked: true, unsent: 0, oldestUnsent: null }
      persons.value = [...persons.value, one]
      person.value ??= one
      return one.id
    },
    renamePerson: async (id, name) => {
      persons.value = persons.value.map(one => (one.id === id ? { ...one, name } : one))
      person.value = persons.value.find(one => one.id === person.value?.id) ?? null
    },
    enrol: async code => {
      const one = person.value
      if (one === null) return { outcome: 'refused', code: 'nobody_on_duty' }
      if (!code.startsWith('7Q2M')) return { outcome: 'refused', code: 'code_unknown' }
      person.value = { ...one, user: 'u17', device: 77632, access: 'enrolled' }
      persons.value = persons.value.map(other => (other.id === one.id ? person.value! : other))
      return { outcome: 'enrolled', person: one.id }
    },
    setPin: async () => undefined,
    unlock: async (id, pin) => {
      if (pin !== '' && pin !== '123456') return { outcome: 'wrong', waitMs: 2000 }
      person.value = persons.value.find(one => one.id === id) ?? null
      upload.value = held
      return { outcome: 'unlocked' }
    },
    // With nobody on duty there is nobody's outbox to tell of but what each person's row says.
    lock: () => {
      held = upload.value
      person.value = null
      upload.value = { ...held, unsent: 0, oldestUnsent: null, lastContact: null, phase: 'idle', inFlight: 0, nextAt: null, needsHand: [], unplaced: 0, clockOffset: null }
    },
    beginShift: async of => { shift.value = { ...of, since: Date.now() } },
    endShift: async () => { shift.value = null },
    removePerson: async () => false,
    kinds,
    policy: signal(POLICY),
    judge,
    check: (kind, fields) => validate(kinds.value[kind]!, fields, true, TODAY),
    checkValue: (kind, path, value) => checkValue(kinds.value[kind]!, path, value),
    capture: async ({ kind, set, parent, record }) => {
      captured.push({ kind, set, parent })
      const id = record ?? uuid(5000 + next)
      const row = view(0, kind, set, { record: id, standing: 'pending', time: Date.now(), parent: parent ?? null, abnormal: judge(kind, set).filter(rule => rule.level !== 'notice').map(rule => rule.code) })
      rows = [row, ...rows]
      homes = homes.map(home => (home.view.record === parent ? { ...home, today: set['outcome'] === 'nobody_home' ? 'nobody' : 'visited', visits: [row, ...home.visits] } : home))
      return saved(id, kind, set)
    },
    edit: async (shown, set) => {
      captured.push({ kind: shown.kind, set })
      const put = (one: RecordView): RecordView => {
        const conflicts = { ...one.conflicts }
        for (const name of Object.keys(set)) delete conflicts[name]
        return { ...one, fields: { ...one.fields, ...set }, standing: 'pending', conflicts }
      }
      rows = rows.map(one => (one.record === shown.record ? put(one) : one))
      homes = homes.map(home => (home.view.record === shown.record ? { ...home, view: put(home.view) } : home))
      return saved(shown.record, shown.kind, { ...shown.fields, ...set })
    },
    strikeOut: async shown => {
      rows = rows.map(one => (one.record === shown.record ? { ...one, isVoid: true, standing: 'pending' } : one))
      return saved(shown.record, shown.kind, {})
    },
    undo: async () => {
      rows = rows.slice(1)
      upload.value = { ...upload.value, unsent: upload.value.unsent - 1 }
      revision.value += 1
      return 'removed'
    },
    mend: async entry => {
      upload.value = { ...upload.value, needsHand: upload.value.needsHand.filter(one => one.entry !== entry) }
      return saved(uuid(1), 'registration', {})
    },
    draft: () => null,
    keepDraft: () => undefined,
    placeAll: async () => { upload.value = { ...upload.value, unplaced: 0 } },
    dismiss: async entry => { upload.value = { ...upload.value, needsHand: upload.value.needsHand.filter(one => one.entry !== entry) } },
    revision,
    view: record => rows.find(one => one.record === record) ?? homes.find(one => one.view.record === record)?.view ?? homes.flatMap(one => one.visits).find(one => one.record === record) ?? null,
    views: filter => rows.filter(one => (!filter.kind || one.kind === filter.kind) && (!filter.place || one.place === filter.place)).slice(0, filter.limit ?? Infinity),
    grids: () => [{ place: GRID, name: '第三十一网格', households: homes, asOf: Date.now() - 45 * MINUTE, complete: true }],
    recall: (typed, limit = 3) => MEMORY.filter(one => [one.phone, one.plate, one.name].some(text => text?.endsWith(typed) || text?.startsWith(typed))).slice(0, limit),
    registeredLately: fields => {
      const phone = (fields['person'] as { readonly [name: string]: Value } | undefined)?.['phone']
      return phone === '13800000011' ? (rows.find(one => (one.fields['person'] as { phone?: string } | undefined)?.phone === phone) ?? null) : null
    },
    readScan: text => {
      const card = decodeCard(text)
      if (card) return { scan: 'card', card, fields: { person: { name: card.name, phone: card.phone }, vehicle: card.plate ? { plate: card.plate } : null, trip: { destination_address: card.destination } }, old: Date.now() - card.made > 86_400_000 }
      if (/7Q2M/.test(text)) return { scan: 'enrol', code: '7Q2M-K4ZP-0C9X-V1TN-W6HD-3RJ8-B5YE' }
      if (/^1\d{10}$/.test(text)) return { scan: 'phone', text }
      if (/^\d{17}[\dX]$/.test(text)) return { scan: 'identity', text }
      return { scan: 'unknown', text }
    },
    upload,
    hurry: () => { upload.value = { ...upload.value, phase: 'sending', inFlight: 20 } },
    rescue: async () => ({ file: new File(['sealed'], 'kadian-rescue-77632-37.bin'), changes: 37 }),
    lookUp: async () => ({ outcome: 'no_answer' }),
    blocks: signal([]),
    storage: signal<Core['storage']['value']>({ persisted: true, usage: 7_900_000, quota: 2_000_000_000, level: 'ok', journal: 0 }),
    askToPersist: async () => true,
    takeOver: async () => undefined,
    settings,
    set: async some => { settings.value = { ...settings.value, ...some } },
    gate: { secure: true, indexedDb: true, serviceWorker: true, crypto: true, camera: true, inApp: null, ios: false, standalone: true },
    update: signal<'none' | 'ready'>('none'),
    applyUpdate: () => undefined,
    setDirty: () => undefined,
  }
  return core
}
