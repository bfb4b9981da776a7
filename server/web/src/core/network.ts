// The core's side of the network: loaded after the first screen, it drives the engine, enrols, and
// fetches what stands beside sync.

import type { Core, Enrolment } from './api.ts'
import type { Definitions } from './definitions/load.ts'
import type { Engine } from './engine.ts'
import type { Fetch, Http } from './net/http.ts'
import { restoreAccess, type Phone } from './phone.ts'
import type { Held } from './store/keep.ts'
import type { Heard } from './sync/answer.ts'
import { loaded, setPlaces } from './sync/replica.ts'
import { newerDefinitions } from './sync/status.ts'
import type { Moment } from './sync/time.ts'

/** How long a screen waits for an enrolment before it goes on without. */
const ENROL_PATIENCE_MS = 15_000
/** Places that one reply lists at most. */
const MOST_PLACES = 200
export interface Around {
  readonly phone: Phone
  readonly definitions: Definitions
  readonly now: () => Moment
  readonly base: string
  readonly fetch: Fetch
  readonly changed: (held: Held, records: ReadonlySet<string>) => void
  /** Other definitions hold from now on. */
  readonly defined: () => void
  /** An exchange has ended. */
  readonly settled: () => void
  readonly failed: (error: unknown) => void
  readonly keep: (held: Held) => Promise<void>
  readonly goOnDuty: (held: Held) => Promise<void>
}

export class Network {
  /** Null until it is loaded. */
  engine: Engine | null = null
  private http: Http | null = null
  private traffic: Promise<typeof import('./traffic.ts')> | null = null
  private enrolling: { held: Held; tell: (outcome: Enrolment) => void } | null = null

  constructor(private readonly around: Around) {}

  load(): Promise<typeof import('./traffic.ts')> {
    const { around } = this
    this.traffic ??= import('./traffic.ts').then(traffic => {
      this.http = new traffic.Http(around.base, around.fetch)
      this.engine = new traffic.Engine({
        http: this.http,
        get keeper() {
          return around.phone.keeper
        },
        now: around.now,
        random: () => crypto.getRandomValues(new Uint8Array(32)),
        name: () => phoneName(),
        people: () => (around.phone.trouble === 'elsewhere' ? [] : around.phone.people),
        changed: around.changed,
        after: (held, heard) => this.after(held, heard),
        other: told => this.other(told),
        failed: around.failed,
      })
      return traffic
    })
    return this.traffic
  }

  async enrol(held: Held, code: string): Promise<Enrolment> {
    const { enrol } = await this.load()
    enrol(held.replica, code.trim().toUpperCase(), crypto.getRandomValues(new Uint8Array(32)))
    const outcome = new Promise<Enrolment>(tell => {
      this.enrolling = { held, tell }
      setTimeout(() => tell({ outcome: 'later' }), ENROL_PATIENCE_MS)
    })
    this.engine?.hurry()
    return outcome
  }

  async lookUp(token: string, of: Parameters<Core['lookUp']>[0], purpose: string): ReturnType<Core['lookUp']> {
    const { lookUp } = await this.load()
    return this.http === null ? { outcome: 'no_answer' } : lookUp(this.http, token, of, purpose)
  }

  private async after(held: Held, heard: Heard): Promise<void> {
    const { enrolling, http } = this
    const { definitions, phone } = this.around
    if (enrolling?.held === held && held.replica.access.is !== 'enrolling') {
      this.enrolling = null
      if (heard === 'other_person') {
        restoreAccess(held)
        enrolling.tell({ outcome: 'other_person', person: phone.onDuty?.row.id ?? held.row.id })
      } else if (heard === 'needs_code') enrolling.tell({ outcome: 'refused', code: this.engine?.refusal ?? 'code_unknown' })
      else enrolling.tell({ outcome: 'enrolled', person: held.row.id })
    }
    const token = held.replica.identity?.token
    if (heard === 'applied' && token !== undefined && http !== null && held.replica.lastContact !== null) {
      const newer = newerDefinitions(held.replica) !== null
      const { fetchDefinitions } = await this.load()
      if ((newer || definitions.rescueKey === null) && (await fetchDefinitions(definitions, http, token, phone.db, newer))) {
        for (const { replica } of phone.people) loaded(replica, definitions.schema, definitions.policyVersion)
        this.around.defined()
      }
      if (held.replica.places.length === MOST_PLACES) await this.fetchPlaces(held, http, token)
    }
    this.around.settled()
  }

  /** All places, where one reply did not hold them. */
  private async fetchPlaces(held: Held, http: Http, token: string): Promise<void> {
    const { allPlaces } = await this.load()
    const all = await allPlaces(http, token)
    if (all === null || all.length <= held.replica.places.length) return
    setPlaces(held.replica, all)
    await this.around.keep(held)
  }

  private async other(told: { device: number; user: string; token: string }): Promise<void> {
    const held = await this.around.phone.add('', this.around.definitions)
    held.replica.identity = told
    held.replica.access = { is: 'enrolled' }
    await this.around.keep(held)
    await this.around.phone.saveMemory()
    await this.around.goOnDuty(held)
  }
}

function phoneName(): string {
  const agent = typeof navigator === 'undefined' ? '' : navigator.userAgent
  return /Android [\d.]+; ([^;)]+)/.exec(agent)?.[1]?.trim().slice(0, 40) ?? (/iPhone|iPad/.exec(agent)?.[0] || 'phone')
}
