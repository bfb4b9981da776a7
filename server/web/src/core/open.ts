// Opens the core: everything that screens may ask for, tied together. What happens is decided in
// `sync/`, kept in `store/`, driven by `engine`; here it becomes signals and promises.

import { signal } from '@preact/signals'

import type {
  Captured, Core, Enrolment, Fields, HeldPlace, Judgement, NewRecord, Person, Place, RecordView, Settings, Shift,
} from './api.ts'
import { Capturing } from './capture.ts'
import { Definitions } from './definitions/load.ts'
import { holding } from './definitions/policy.ts'
import { codeIn } from './code.ts'
import { gateOf, measureStorage, newRecordId } from './facts.ts'
import type { Fetch } from './net/http.ts'
import { Network } from './network.ts'
import { Phone } from './phone.ts'
import { samePerson } from './recall.ts'
import { Screen, seen } from './screen.ts'
import { blocksOf, handsOf, personOf, uploadOf } from './told.ts'
import type { Held } from './store/keep.ts'
import { read } from './sync/change.ts'
import { dismiss as dismissTrouble, type Draft } from './sync/outbox.ts'
import { tick } from './sync/replica.ts'
import { dayOf } from './sync/scope.ts'
import { hurry } from './sync/pace.ts'
import type { Moment } from './sync/time.ts'
import { Updates } from './update.ts'

export const VERSION = '0.1.0'
/** How often what is remembered and the room that is left are looked after. */
const UPKEEP_MS = 20_000
/** How soon storage that failed is tried again. */
const MEND_MS = 3_000
/** Lines woken before the screen is drawn again. */
const WAKE_SLICE = 40
/** What is left to a person who is typing meanwhile. */
const WAKE_PAUSE_MS = 25
const DEFAULTS: Settings = { language: null, textSize: 0, contrast: false, sound: true, vibration: true, leftHand: false }

export interface Options {
  readonly base?: string
  readonly fetch?: Fetch
  readonly now?: () => Moment
  readonly journal?: ConstructorParameters<typeof Phone>[1]
  /** Where the second copy of what is unsent lies. */
  readonly shelf?: ConstructorParameters<typeof Phone>[3]
  /** The service worker's script; none in tests. */
  readonly worker?: string | null
}

export async function openCore(options: Options = {}): Promise<Core> {
  const core = new Opened(options)
  await core.begin(false)
  return core
}

class Opened implements Core {
  readonly version = VERSION
  readonly persons = signal<readonly Person[]>([])
  readonly person = signal<Person | null>(null)
  readonly places = signal<readonly HeldPlace[]>([])
  readonly shift = signal<Shift | null>(null)
  readonly revision = signal(0)
  readonly blocks = signal<ReturnType<typeof blocksOf>>([])
  readonly storage = signal<Awaited<ReturnType<typeof measureStorage>>>({ persisted: null, usage: null, quota: null, level: 'ok', journal: 0 })
  readonly settings = signal<Settings>(DEFAULTS)
  readonly upload = signal(uploadOf(null, false, 0, { wall: 0, mono: 0 }))
  readonly gate = gateOf()
  readonly kinds
  readonly policy
  readonly update

  private readonly definitions = new Definitions()
  private readonly now: () => Moment
  private readonly phone: Phone
  private readonly network: Network
  private readonly updates: Updates
  private screen: Screen | null = null
  private dirty = false
  private readonly capturing: Capturing
  /** Loaded right after the first screen. */
  private soon: typeof import('./soon.ts') | null = null
  private telling = false
  private upkeep: ReturnType<typeof setInterval> | null = null

  constructor(private readonly options: Options) {
    this.now = options.now ?? (() => ({ wall: Date.now(), mono: Math.floor(performance.now()) }))
    this.phone = new Phone(this.now, options.journal === undefined ? localPlaces() : options.journal, () => this.lost(), options.shelf)
    this.kinds = this.definitions.kinds
    this.policy = this.definitions.policy
    this.network = new Network({
      phone: this.phone,
      definitions: this.definitions,
      now: this.now,
      base: options.base ?? (typeof location === 'undefined' ? '' : location.origin),
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
      changed: (held, records) => this.changed(held, records),
      defined: () => {
        if (this.phone.onDuty !== null) this.screen?.begin()
        this.bump()
      },
      settled: () => this.updates.settle(),
      failed: error => this.failed(error),
      keep: held => this.keep(held),
      goOnDuty: held => this.goOnDuty(held, held.row.key),
    })
    this.capturing = new Capturing({
      phone: this.phone,
      engine: () => this.network.engine,
      now: this.now,
      screen: () => this.screen,
      changed: (held, records) => this.changed(held, records),
      failed: error => this.failed(error),
      keep: held => this.keep(held),
    })
    this.updates = new Updates({
      pause: () => this.network.engine?.pause() ?? true,
      resume: () => this.network.engine?.resume(),
      isDirty: () => this.dirty,
    })
    this.update = this.updates.state
  }

  async begin(force: boolean): Promise<void> {
    await this.phone.open(force, this.definitions)
    if (this.phone.trouble !== 'elsewhere') {
      await this.loadSettings()
      const held = this.phone.onDuty ?? (this.phone.trouble === 'none' ? await this.phone.lastOnDuty() : null)
      if (held !== null) await this.goOnDuty(held, held.row.key)
    }
    this.tell()
    void this.network.load().then(() => this.network.engine?.resume())
    void import('./soon.ts').then(soon => {
      this.soon = soon
      this.bump()
    })
    if (this.upkeep === null) {
      this.upkeep = setInterval(() => void this.maintain(), UPKEEP_MS)
      setTimeout(() => void this.phone.tidyMirror(), UPKEEP_MS)
      this.listen()
      if (this.options.worker !== null) await this.updates.begin(this.options.worker ?? 'sw.js')
    }
    void this.maintain()
  }

  /** Ends everything, for tests. */
  async close(): Promise<void> {
    if (this.upkeep !== null) clearInterval(this.upkeep)
    this.network.engine?.stop()
    await this.phone.saveMemory().catch(() => undefined)
    await this.phone.db.release().catch(() => undefined)
    this.phone.db.close()
  }

  // ---- people ----

  async addPerson(name: string): Promise<number> {
    const held = await this.phone.add(name, this.definitions)
    this.tell()
    return held.row.id
  }

  async renamePerson(person: number, name: string): Promise<void> {
    const held = this.personOf(person)
    if (held === null) return
    held.row.name = name
    await this.phone.keeper.save(held)
    this.tell()
  }

  async enrol(code: string): Promise<Enrolment> {
    const held = this.phone.onDuty
    return held === null ? { outcome: 'refused', code: 'nobody_on_duty' } : this.network.enrol(held, code)
  }

  async setPin(pin: string): Promise<void> {
    if (this.phone.onDuty !== null) await this.phone.setPin(this.phone.onDuty, pin)
    this.tell()
  }

  async unlock(person: number, pin: string): ReturnType<Core['unlock']> {
    const held = this.personOf(person)
    if (held === null) return { outcome: 'wrong', waitMs: 0 }
    await this.phone.saveMemory()
    const wait = await this.phone.unlock(held, pin)
    if (wait !== null) return { outcome: 'wrong', waitMs: wait }
    this.show(held)
    return { outcome: 'unlocked' }
  }

  async lock(): Promise<void> {
    await this.phone.lock()
    this.screen = null
    this.capturing.forget(Infinity)
    this.bump()
  }

  async beginShift(shift: Omit<Shift, 'since'>): Promise<void> {
    await this.keepShift({ ...shift, since: this.now().wall })
  }

  async endShift(): Promise<void> {
    await this.keepShift(null)
  }

  private async keepShift(shift: Shift | null): Promise<void> {
    const held = this.phone.onDuty
    if (held === null) return
    held.extra = { shift }
    await this.keep(held)
    this.tell()
  }

  async removePerson(person: number): Promise<boolean> {
    const held = this.personOf(person)
    const removed = held !== null && (await this.phone.remove(held))
    if (removed && this.phone.people.length === 0) await this.phone.add('', this.definitions)
    this.bump()
    return removed
  }

  private personOf(id: number): Held | null {
    return this.phone.people.find(held => held.row.id === id) ?? null
  }

  private async goOnDuty(held: Held, key: CryptoKey | null): Promise<void> {
    try {
      await this.phone.begin(held, key)
    } catch (error) {
      this.phone.note(error)
    }
    this.show(held)
  }

  private show(held: Held): void {
    tick(held.replica, this.now())
    this.screen = new Screen(held, (kind, fields) => abnormalIn(this.judge(kind, fields)))
    this.screen.begin()
    for (const view of this.screen.of('registration')) this.phone.memory.meet(view)
    this.bump()
    // What was sent while they were locked comes back now.
    hurry(held.replica)
    this.network.engine?.kick()
    void this.wakeLines(held)
  }

  /** What is pending is woken newest first, a little at a time, so that nobody waits for it. */
  private async wakeLines(held: Held): Promise<void> {
    const asleep = [...held.replica.outbox]
      .filter(([, entry]) => entry.shown !== 'hidden' && entry.line === undefined)
      .map(([id]) => id)
      .reverse()
    for (let at = 0; at < asleep.length; at += WAKE_SLICE) {
      if (this.phone.onDuty !== held || this.phone.trouble === 'elsewhere') return
      const slice = asleep.slice(at, at + WAKE_SLICE)
      await this.phone.keeper.wake(held, slice)
      const records = new Set(slice.map(id => held.replica.outbox.get(id)?.record).filter((id): id is string => id !== undefined))
      this.changed(held, records)
      await new Promise(resolve => setTimeout(resolve, WAKE_PAUSE_MS))
    }
  }

  // ---- definitions ----

  judge(kind: string, fields: Fields): readonly Judgement[] {
    return holding(this.policy.value, kind, fields).map(rule => ({
      code: rule.code,
      level: rule.level,
      label: rule.label,
      advice: rule.advice ?? null,
    }))
  }

  check(kind: string, fields: Fields): ReturnType<Core['check']> {
    const of = this.kinds.value[kind]
    if (of === undefined || this.soon === null) return { refused: [], odd: [] }
    return this.soon.validate(of, fields, true, dayOf(this.now().wall))
  }

  checkValue(kind: string, path: string, value: Fields[string]): ReturnType<Core['checkValue']> {
    const of = this.kinds.value[kind]
    return of === undefined || this.soon === null ? null : this.soon.checkValue(of, path, value)
  }

  // ---- capture ----

  async capture(entry: NewRecord): Promise<Captured> {
    const record = entry.record ?? newRecordId(this.now().wall, crypto.getRandomValues(new Uint8Array(16)))
    const judged = this.judge(entry.kind, entry.set)
    const scope = entry.parent === undefined ? (entry.place ?? null) : null
    return this.take({ record, kind: entry.kind, scope, parent: entry.parent ?? null, set: entry.set }, judged)
  }

  async edit(shown: RecordView, set: Fields): Promise<Captured> {
    const judged = this.judge(shown.kind, { ...shown.fields, ...set })
    return this.take({ record: shown.record, kind: shown.kind, seen: seen(shown), set }, judged)
  }

  strikeOut(shown: RecordView, reason: string): Promise<Captured> {
    return this.capturing.strikeOut(shown, reason)
  }

  async mend(entry: number, set: Fields, place?: Place): Promise<Captured> {
    const held = this.phone.onDuty
    const trouble = held?.replica.troubles.get(entry)
    const change = read(trouble?.line)
    if (held === null || trouble === undefined || change === null) return { outcome: 'refused', code: 'gone', path: '' }
    const shown = this.screen?.get(trouble.record) ?? null
    const draft: Draft = {
      record: change.record,
      kind: change.kind,
      seen: shown === null ? null : seen(shown),
      scope: change.parent === null ? (place ?? change.scope) : null,
      parent: change.parent,
      set,
      whole: true,
    }
    const taken = await this.take(draft, this.judge(change.kind, set))
    if (taken.outcome === 'saved') await this.dismiss(entry)
    return taken
  }

  private take(draft: Draft, judged: readonly Judgement[]): Promise<Captured> {
    return this.capturing.take(draft, judged)
  }

  undo(entry: number): ReturnType<Core['undo']> {
    return this.capturing.undo(entry)
  }

  async dismiss(entry: number): Promise<void> {
    const held = this.phone.onDuty
    const record = held?.replica.troubles.get(entry)?.record
    if (held === null || record === undefined) return
    dismissTrouble(held.replica, entry)
    await this.keep(held)
    this.changed(held, new Set([record]))
  }

  // ---- what is on screen ----

  view(record: string): RecordView | null {
    return this.screen?.get(record) ?? null
  }

  views(filter: { kind?: string; place?: Place; own?: boolean; limit?: number }): readonly RecordView[] {
    const { screen } = this
    if (screen === null) return []
    const kinds = filter.kind === undefined ? screen.kinds() : [filter.kind]
    const limit = filter.limit ?? Infinity
    const found: RecordView[] = []
    for (const kind of kinds) {
      let taken = 0
      for (const view of screen.of(kind)) {
        if (taken >= limit) break
        if (filter.place !== undefined && view.place !== filter.place) continue
        if (filter.own === true && !view.own) continue
        found.push(view)
        taken += 1
      }
    }
    if (kinds.length > 1) found.sort((a, b) => b.time - a.time)
    return found.slice(0, limit)
  }

  grids(): ReturnType<Core['grids']> {
    const held = this.phone.onDuty
    if (held === null || this.screen === null || this.soon === null) return []
    const midnight = new Date(this.now().wall).setHours(0, 0, 0, 0)
    return this.soon.gridsOf(held.replica, this.places.value, this.screen.of('household'), this.screen.of('visit'), midnight)
  }

  recall(typed: string, limit = 3): ReturnType<Core['recall']> {
    return this.phone.memory.find(typed, limit)
  }

  registeredLately(fields: Fields, withinMs: number): RecordView | null {
    const since = this.now().wall - withinMs
    for (const view of this.screen?.of('registration') ?? []) {
      if (view.time < since) return null
      if (!view.isVoid && samePerson(view.fields, fields)) return view
    }
    return null
  }

  readScan(text: string): ReturnType<Core['readScan']> {
    const code = codeIn(text)
    if (code !== null) return { scan: 'enrol', code }
    return this.soon?.readScan(text, this.now().wall) ?? { scan: 'unknown', text }
  }

  // ---- upload ----

  hurry(): void {
    for (const { replica } of this.phone.people) hurry(replica)
    this.network.engine?.hurry()
  }

  async rescue(): Promise<Awaited<ReturnType<Core['rescue']>>> {
    const key = this.definitions.rescueKey
    if (key === null || !this.gate.crypto) return 'no_key'
    const { makeRescue } = await import('./soon.ts')
    return makeRescue(this.phone.people, this.phone.keeper, key, this.now().wall)
  }

  async lookUp(of: Parameters<Core['lookUp']>[0], purpose: string): ReturnType<Core['lookUp']> {
    const token = this.phone.onDuty?.replica.identity?.token
    return token === undefined ? { outcome: 'no_answer' } : this.network.lookUp(token, of, purpose)
  }

  // ---- the phone ----

  async askToPersist(): Promise<boolean | null> {
    const granted = (await navigator.storage?.persist?.().catch(() => null)) ?? null
    await this.maintain()
    return granted
  }

  async takeOver(): Promise<void> {
    await this.begin(true)
  }

  async set(settings: Partial<Settings>): Promise<void> {
    this.settings.value = { ...this.settings.value, ...settings }
    const kept = this.settings.value
    await this.phone.db.write([], tx => void tx.objectStore('phone').put(kept, 'settings')).catch(error => this.failed(error))
  }

  private async loadSettings(): Promise<void> {
    const kept = await this.phone.db.read(db => db.get('phone', 'settings')).catch(() => undefined)
    if (typeof kept === 'object' && kept !== null) this.settings.value = { ...DEFAULTS, ...(kept as Settings) }
  }

  applyUpdate(): void {
    this.updates.apply()
  }

  setDirty(dirty: boolean): void {
    this.dirty = dirty
    if (!dirty) this.updates.settle()
  }

  // ---- behind it ----

  private lost(): void {
    this.network.engine?.stop()
    this.screen = null
    this.bump()
  }

  private async keep(held: Held): Promise<void> {
    try {
      await this.phone.keeper.save(held)
    } catch (error) {
      this.failed(error)
    }
  }

  private failed(error: unknown): void {
    this.phone.note(error)
    if (this.phone.trouble === 'broken') setTimeout(() => void this.maintain(), MEND_MS)
    this.tell()
  }

  private changed(held: Held, records: ReadonlySet<string>): void {
    if (held === this.phone.onDuty && this.screen !== null && records.size > 0) {
      for (const record of records) {
        this.screen.renew(record)
        const view = this.screen.get(record)
        if (view?.kind === 'registration') this.phone.memory.meet(view)
      }
      this.revision.value += 1
    }
    this.tell()
  }

  private bump(): void {
    this.revision.value += 1
    this.tell()
  }

  /** Signals follow once, after all that happens now. */
  private tell(): void {
    if (this.telling) return
    this.telling = true
    queueMicrotask(() => {
      this.telling = false
      const { phone } = this
      const held = phone.onDuty
      this.persons.value = phone.people.map(personOf)
      this.person.value = held === null ? null : personOf(held)
      this.places.value = (held?.replica.places ?? []).map(place => ({ ...place, by_day: place.by_day === true }))
      this.shift.value = (held?.extra as { shift?: Shift | null } | null)?.shift ?? null
      const busy = this.network.engine?.busy ?? null
      this.upload.value = uploadOf(held, busy !== null && busy.held === held, busy?.changes ?? 0, this.now(), handsOf(held))
      this.blocks.value = blocksOf(held, phone.trouble, phone.journal.count())
    })
  }

  private async maintain(): Promise<void> {
    const { phone } = this
    if (phone.trouble === 'elsewhere') return
    const { wall } = this.now()
    this.capturing.forget(wall)
    try {
      if (phone.trouble === 'broken' || (phone.journal.count() > 0 && phone.trouble === 'none')) await this.recover()
      await phone.saveMemory()
    } catch (error) {
      this.failed(error)
    }
    if (phone.onDuty !== null) tick(phone.onDuty.replica, this.now())
    this.storage.value = await measureStorage(phone.trouble === 'full', phone.journal.count())
    this.tell()
  }

  /** Storage that failed is tried again; what the journal holds goes where it belongs. */
  private async recover(): Promise<void> {
    const { onDuty } = this.phone
    const id = onDuty?.row.id
    const key = onDuty?.key ?? null
    this.phone.trouble = 'none'
    this.phone.onDuty = null
    await this.phone.open(true, this.definitions)
    const held = this.phone.people.find(held => held.row.id === id)
    if (held !== undefined && this.phone.onDuty === null) await this.goOnDuty(held, key ?? held.row.key)
    this.network.engine?.kick()
  }

  private listen(): void {
    if (typeof addEventListener !== 'function') return
    addEventListener('online', () => this.hurry())
    addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.hurry()
      else void this.phone.saveMemory().catch(() => undefined)
    })
  }
}

function abnormalIn(judged: readonly Judgement[]): readonly string[] {
  return judged.filter(({ level }) => level !== 'notice').map(({ code }) => code)
}

function localPlaces(): globalThis.Storage | null {
  try {
    return localStorage
  } catch {
    return null
  }
}
