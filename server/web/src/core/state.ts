// What the parts of the core share: the phone, what is on screen, and the signals by which people are
// told of it.

import { signal, type Signal } from '@preact/signals'

import type { Block, HeldPlace, Judgement, Person, Settings, Shift, Storage, Upload } from './api.ts'
import { Definitions } from './definitions/load.ts'
import { holding } from './definitions/policy.ts'
import type { Network } from './network.ts'
import { Phone } from './phone.ts'
import type { Screen } from './screen.ts'
import { blocksOf, handsOf, personOf, uploadOf } from './told.ts'
import type { Held } from './store/keep.ts'
import type { Fields } from './sync/change.ts'
import type { HeldPlace as Listed } from './sync/limits.ts'
import type { Moment } from './sync/time.ts'

/** What screens keep with a person. */
export interface Extra {
  readonly shift?: Shift | null
  /** Minutes that a checkpoint's time is ahead of UTC, where that is ahead of the phone's own. */
  readonly zone?: number
}

const DEFAULTS: Settings = {
  language: null, textSize: 0, contrast: false, sound: true, vibration: true, leftHand: false, lockAfter: 5,
}

export class State {
  readonly persons = signal<readonly Person[]>([])
  readonly person = signal<Person | null>(null)
  readonly places = signal<readonly HeldPlace[]>([])
  readonly shift = signal<Shift | null>(null)
  readonly revision = signal(0)
  readonly blocks = signal<readonly Block[]>([])
  readonly storage = signal<Storage>({ persisted: null, usage: null, quota: null, level: 'ok', journal: 0 })
  readonly settings = signal<Settings>(DEFAULTS)
  readonly upload = signal<Upload>(uploadOf(null, false, 0, { wall: 0, mono: 0 }))

  readonly definitions = new Definitions()
  readonly phone: Phone
  screen: Screen | null = null
  /** What the first screen does without; null until it is loaded. */
  soon: typeof import('./soon.ts') | null = null
  /** Set once, by who opens the core. */
  network!: Network
  /** Storage does not answer: to be tried again. */
  broken: () => void = () => undefined
  private listed: readonly Listed[] = []
  private telling = false

  constructor(
    readonly now: () => Moment,
    journal: ConstructorParameters<typeof Phone>[1],
    drawn: Promise<unknown>,
    shelf?: ConstructorParameters<typeof Phone>[4],
  ) {
    this.phone = new Phone(now, journal, () => this.lost(), drawn, shelf)
  }

  personOf(id: number): Held | null {
    return this.phone.people.find(held => held.row.id === id) ?? null
  }

  judge(kind: string, fields: Fields): readonly Judgement[] {
    return holding(this.definitions.policy.value, kind, fields).map(({ code, level, label, advice }) => ({
      code, level, label, advice: advice ?? null,
    }))
  }

  /** The right to write was taken by another tab. */
  private lost(): void {
    this.network.engine?.stop()
    // What the other captures from here on stands in no memory of this one.
    this.phone.leave()
    this.screen = null
    this.bump()
  }

  async keep(held: Held): Promise<void> {
    try {
      await this.phone.keeper.save(held)
    } catch (error) {
      this.failed(error)
    }
  }

  failed(error: unknown): void {
    this.phone.note(error)
    if (this.phone.trouble === 'broken') this.broken()
    this.tell()
  }

  /** Something of this person has changed, in these records. */
  changed(held: Held, records: ReadonlySet<string>): void {
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

  bump(): void {
    this.revision.value += 1
    this.tell()
  }

  /** Signals follow once, after all that happens now; what is the same as before draws nothing anew. */
  tell(): void {
    if (this.telling) return
    this.telling = true
    queueMicrotask(() => {
      this.telling = false
      const { phone } = this
      const held = phone.onDuty
      const persons = phone.people.map(personOf)
      const person = held === null ? null : (persons.find(one => one.id === held.row.id) ?? personOf(held))
      put(this.persons, persons)
      put(this.person, person)
      const listed = held?.replica.places ?? []
      if (listed !== this.listed) {
        this.listed = listed
        put(this.places, listed.map(place => ({ ...place, by_day: place.by_day === true })))
      }
      put(this.shift, (held?.extra as Extra | null)?.shift ?? null)
      const busy = this.network.engine?.busy ?? null
      put(this.upload, uploadOf(held, busy !== null && busy.held === held, busy?.changes ?? 0, this.now(), handsOf(held)))
      put(this.blocks, blocksOf(held, phone.trouble, phone.journal.count()))
    })
  }
}

function put<T>(into: Signal<T>, value: T): void {
  if (JSON.stringify(into.peek()) !== JSON.stringify(value)) into.value = value
}
