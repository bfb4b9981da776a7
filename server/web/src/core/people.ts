// The people on this phone: who is on duty, their PIN, their shift, and how they come and go.

import type { Core, Enrolment, Shift } from './api.ts'
import type { Drafts } from './drafts.ts'
import { insist } from './insist.ts'
import { Screen } from './screen.ts'
import type { Extra, State } from './state.ts'
import type { Held } from './store/keep.ts'
import { hurry } from './sync/pace.ts'
import { tick } from './sync/replica.ts'
import { wakeLines } from './waking.ts'

const soon = () => insist(() => import('./soon.ts'))

export class People {
  constructor(
    private readonly state: State,
    private readonly drafts: Drafts,
    /** Nothing of who goes off duty may be taken back any more. */
    private readonly left: () => void,
  ) {}

  async add(name: string): Promise<number> {
    const { phone, definitions } = this.state
    const held = await phone.add(name, definitions)
    // Who is new on a phone that nobody has in hand has it from here on.
    if (phone.onDuty === null) await this.goOnDuty(held, held.row.key)
    this.state.tell()
    return held.row.id
  }

  async rename(person: number, name: string): Promise<void> {
    const held = this.state.personOf(person)
    if (held === null) return
    held.row.name = name
    await this.state.phone.keeper.save(held)
    this.state.tell()
  }

  async enrol(code: string): Promise<Enrolment> {
    const { phone, network } = this.state
    return phone.onDuty === null ? { outcome: 'refused', code: 'nobody_on_duty' } : network.enrol(phone.onDuty, code)
  }

  async setPin(pin: string): Promise<void> {
    const { phone } = this.state
    if (phone.onDuty !== null) await (await soon()).setPin(phone, phone.onDuty, pin)
    await this.drafts.save(true)
    this.state.tell()
  }

  async unlock(person: number, pin: string): ReturnType<Core['unlock']> {
    const held = this.state.personOf(person)
    if (held === null) return { outcome: 'wrong', waitMs: 0 }
    const { phone } = this.state
    await phone.saveMemory()
    const wait = await phone.unlock(held, pin)
    if (wait !== null) return { outcome: 'wrong', waitMs: wait }
    await this.drafts.load(held, held.key)
    this.show(held)
    return { outcome: 'unlocked' }
  }

  async lock(): Promise<void> {
    await this.drafts.close()
    await this.state.phone.lock()
    this.state.screen = null
    this.left()
    this.state.bump()
  }

  async keepShift(shift: Shift | null): Promise<void> {
    const held = this.state.phone.onDuty
    if (held === null) return
    held.extra = { ...(held.extra as Extra | null), shift }
    await this.state.keep(held)
    this.state.tell()
  }

  async remove(person: number): Promise<boolean> {
    const { phone, definitions } = this.state
    const held = this.state.personOf(person)
    const removed = held !== null && (await (await soon()).remove(phone, held))
    if (removed) await this.drafts.forget(held)
    if (removed && phone.people.length === 0) await phone.add('', definitions)
    this.state.bump()
    return removed
  }

  async goOnDuty(held: Held, key: CryptoKey | null): Promise<void> {
    try {
      await Promise.all([this.state.phone.begin(held, key), this.drafts.load(held, key)])
    } catch (error) {
      this.state.phone.note(error)
    }
    // Where nothing could be read, whoever was on duty still is.
    if (this.state.phone.onDuty === held) this.show(held)
    else this.state.bump()
  }

  private show(held: Held): void {
    const { state } = this
    tick(held.replica, state.now())
    const serious = (kind: string, fields: Parameters<State['judge']>[1]) =>
      state.judge(kind, fields).filter(({ level }) => level !== 'notice').map(({ code }) => code)
    state.screen = new Screen(held, serious)
    state.screen.begin()
    void state.phone.remembering.then(() => {
      if (state.phone.onDuty !== held) return
      for (const view of state.screen?.of('registration') ?? []) state.phone.memory.meet(view)
      state.bump()
    })
    state.bump()
    // What was sent while they were locked comes back now.
    hurry(held.replica)
    state.network.engine?.kick()
    wakeLines(state, held).catch(error => state.failed(error))
  }
}
