// Drives the replicas of everybody on this phone: one exchange at a time, what was numbered written
// before it is sent, what came back written before the next.
//
// Nothing decides here: `next` says what to do, `hear` what came of it. This waits, sends, and keeps.

import type { Http } from './net/http.ts'
import { hear, problemIn, type Heard } from './sync/answer.ts'
import { enrolFailed, enrolled } from './sync/enrol.ts'
import { resume } from './sync/pace.ts'
import type { Replica } from './sync/replica.ts'
import { next, wants, type Action } from './sync/request.ts'
import type { Moment } from './sync/time.ts'
import { parseJson, readEnrolled } from './sync/wire.ts'
import { UNDO_MS } from './capture.ts'
import { learnDays } from './days.ts'
import { sleep, touchedRecords, type Held, type Keeper } from './store/keep.ts'

/** However fast entries come, none waits longer for that. */
const MOST_HOLD_MS = 30_000
/** Until storage that failed is tried again. */
const STORAGE_WAIT_MS = 10_000
/** No timer sleeps longer: phones that slept wake with a clock of another hour. */
const LONGEST_SLEEP_MS = 60_000

export interface Surroundings {
  readonly http: Http
  readonly keeper: Keeper
  readonly now: () => Moment
  readonly random: () => Uint8Array
  /** What people call this phone. */
  readonly name: () => string
  readonly people: () => readonly Held[]
  /** Something of this person has changed, in these records. */
  readonly changed: (held: Held, records: ReadonlySet<string>) => void
  /** After an exchange: definitions may be newer, places more than one reply holds. */
  readonly after: (held: Held, heard: Heard) => Promise<void>
  /** The code belongs to somebody who is not on this phone yet. */
  readonly other: (told: { device: number; user: string; token: string }) => Promise<void>
  readonly failed: (error: unknown) => void
}

export class Engine {
  /** The code of the last refusal of an enrolment. */
  refusal: string | null = null
  /** Of whom something is under way, and how many changes it carries. */
  busy: { readonly held: Held; readonly changes: number } | null = null
  private running = false
  private again = false
  private paused = false
  private timer: ReturnType<typeof setTimeout> | null = null
  /** Since when, and until when, ordinary entries wait to be taken back. */
  private readonly holds = new Map<Held, { since: number; until: number }>()
  private storageUntil = 0

  constructor(private readonly around: Surroundings) {}

  /** Something was captured: ordinary entries wait a little, the abnormal go at once. */
  captured(held: Held, abnormal: boolean): void {
    const { mono } = this.around.now()
    const since = this.holds.get(held)?.since ?? mono
    if (abnormal) this.holds.delete(held)
    else this.holds.set(held, { since, until: Math.min(mono + UNDO_MS, since + MOST_HOLD_MS) })
    this.kick()
  }

  /** Looks at once whether there is something to do. */
  kick(): void {
    this.again = true
    void this.pump()
  }

  /** No hold is kept any more: somebody pressed the button. */
  hurry(): void {
    this.holds.clear()
    this.storageUntil = 0
    this.kick()
  }

  /** Nothing new is started. Says whether nothing is under way. */
  pause(): boolean {
    this.paused = true
    return this.busy === null
  }

  resume(): void {
    this.paused = false
    this.kick()
  }

  stop(): void {
    this.paused = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private async pump(): Promise<void> {
    if (this.running) return
    this.running = true
    try {
      while (!this.paused) {
        this.again = false
        let soonest = this.around.now().mono + LONGEST_SLEEP_MS
        for (const held of this.around.people()) {
          if (this.paused) return
          soonest = Math.min(soonest, await this.turn(held))
        }
        const wait = soonest - this.around.now().mono
        if (wait <= 0 || this.again) continue
        if (this.timer !== null) clearTimeout(this.timer)
        this.timer = setTimeout(() => this.kick(), wait)
        return
      }
    } catch (error) {
      this.around.failed(error)
      this.timer = setTimeout(() => this.kick(), STORAGE_WAIT_MS)
    } finally {
      this.running = false
    }
  }

  /** Gives one person a turn; says when to come back, on the monotonic clock. */
  private async turn(held: Held): Promise<number> {
    const { around } = this
    const { replica } = held
    const begun = around.now().mono
    const hold = this.holds.get(held)
    if (hold !== undefined && begun < hold.until) return hold.until
    this.holds.delete(held)
    if (begun < this.storageUntil) return this.storageUntil
    if (begun >= replica.pace.notBefore) {
      const due = wants(replica)
      if (due.length > 0) await around.keeper.wake(held, due)
    }
    const action = next(replica, around.now())
    switch (action.action) {
      case 'wait':
      case 'blocked':
        await this.keepIfTouched(held)
        return action.until
      case 'ask_for_code':
        await this.keepIfTouched(held)
        return action.until ?? Infinity
      case 'busy':
        // Of a run that ended without an answer; nothing is under way here.
        replica.flight = null
        return begun
      case 'send':
      case 'enrol':
        if (!(await this.keep(held))) {
          // What was numbered is not in storage: it must not leave.
          replica.flight = null
          this.storageUntil = around.now().mono + STORAGE_WAIT_MS
          return this.storageUntil
        }
        if (this.paused) {
          replica.flight = null
          return begun
        }
        return this.exchange(held, action)
    }
  }

  private async exchange(held: Held, action: Extract<Action, { action: 'send' | 'enrol' }>): Promise<number> {
    const { around } = this
    const { replica } = held
    const { flight } = replica
    this.busy = { held, changes: flight === null ? 0 : Math.max(0, flight.last - flight.from + 1) }
    around.changed(held, new Set())
    let heard: Heard
    try {
      heard = action.action === 'send' ? await this.send(replica, action) : await this.enrol(replica, action)
      learnDays(held, around.now())
    } finally {
      this.busy = null
    }
    // Who has left the phone meanwhile, or was read anew, is not written over.
    if (!around.people().includes(held)) return around.now().mono
    await this.keep(held)
    if (!held.open) sleepLines(replica)
    around.changed(held, new Set())
    await around.after(held, heard)
    return around.now().mono
  }

  private async send(replica: Replica, action: Extract<Action, { action: 'send' }>): Promise<Heard> {
    const answer = await this.around.http.exchange({
      method: 'POST',
      path: '/v1/sync',
      token: action.token,
      type: 'application/x-ndjson',
      body: action.body,
      mayCompress: action.mayCompress,
    })
    return hear(replica, action.attempt, answer, this.around.now(), this.around.random())
  }

  private async enrol(replica: Replica, action: Extract<Action, { action: 'enrol' }>): Promise<Heard> {
    const { around } = this
    const leaves = 'token' in action.proof
    const body = {
      token_hash: action.tokenHash,
      name: around.name(),
      ...('code' in action.proof
        ? { code: action.proof.code }
        : { knew: action.knew, ...(action.knewMark === null ? {} : { knew_mark: action.knewMark }) }),
    }
    const answer = await around.http.exchange({
      method: 'POST',
      path: '/v1/enrol',
      token: leaves && 'token' in action.proof ? action.proof.token : null,
      type: 'application/json',
      body: JSON.stringify(body),
    })
    const told = answer !== null && answer.status === 200 ? readEnrolled(parseJson(answer.body)) : null
    this.refusal = answer === null ? null : (problemIn(answer)?.code ?? null)
    if (told === null) {
      const heard = enrolFailed(replica, action.attempt, answer, around.now(), around.random())
      if (heard === 'needs_code' && !leaves) restoreAccess(replica)
      return heard
    }
    const token = replica.access.is === 'enrolling' ? replica.access.token : null
    const heard = enrolled(replica, action.attempt, told, around.now())
    if (heard === 'other_person') restoreAccess(replica)
    if (heard === 'other_person' && token !== null) await around.other({ ...told, token })
    return heard
  }

  private async keepIfTouched(held: Held): Promise<void> {
    const { outbox, rows, troubles, limbo } = held.replica
    if (outbox.touched.size + rows.touched.size + troubles.touched.size + limbo.touched.size > 0) await this.keep(held)
  }

  /** Says whether it is in storage. */
  private async keep(held: Held): Promise<boolean> {
    const records = touchedRecords(held.replica)
    try {
      await this.around.keeper.save(held)
      if (records.size > 0) this.around.changed(held, records)
      return true
    } catch (error) {
      this.around.changed(held, records)
      this.around.failed(error)
      return false
    }
  }
}

/** A code that was worth nothing, or somebody else's, says nothing of the token that is here: it goes on as before. */
function restoreAccess(replica: Replica): void {
  if (replica.identity === null) return
  replica.access = { is: 'enrolled' }
  resume(replica.pace)
}

/** Lines of somebody who is not on duty stay in storage alone. */
function sleepLines(replica: Replica): void {
  for (const [id, entry] of replica.outbox) if (!replica.outbox.touched.has(id)) sleep(entry)
}
