// Everything that has to do with the network, in a file of its own that is loaded right after the
// first screen: whoever opens the app to register somebody does not wait for it. It drives the engine,
// enrols, fetches what stands beside sync, and brings back what the browser threw away.

import type { Core, Enrolment } from './api.ts'
import { fetchDefinitions } from './definitions/fetch.ts'
import { allPlaces, lookUp } from './desk.ts'
import { Engine } from './engine.ts'
import { Http } from './net/http.ts'
import type { Around } from './network.ts'
import { settlePlaces } from './placing.ts'
import { ofPerson } from './store/db.ts'
import type { Held } from './store/keep.ts'
import type { Heard } from './sync/answer.ts'
import { enrol } from './sync/enrol.ts'
import { loaded, setPlaces } from './sync/replica.ts'
import { newerDefinitions } from './sync/status.ts'

export { comeBack } from './come-back.ts'

/** How long a screen waits for an enrolment before it goes on without. */
const ENROL_PATIENCE_MS = 15_000
/** Places that one reply lists at most. */
const MOST_PLACES = 200

export class Traffic {
  readonly engine: Engine
  private readonly http: Http
  private enrolling: { held: Held; tell: (outcome: Enrolment) => void } | null = null

  constructor(private readonly around: Around) {
    const { state } = around
    const { phone } = state
    this.http = new Http(around.base, around.fetch)
    this.engine = new Engine({
      http: this.http,
      get keeper() {
        return phone.keeper
      },
      now: state.now,
      random: () => crypto.getRandomValues(new Uint8Array(32)),
      name: () => phoneName(),
      people: () => (phone.trouble === 'elsewhere' ? [] : phone.people),
      changed: (held, records) => state.changed(held, records),
      after: (held, heard) => this.after(held, heard),
      other: told => this.other(told),
      failed: error => state.failed(error),
    })
  }

  async enrol(held: Held, code: string): Promise<Enrolment> {
    enrol(held.replica, code.trim().toUpperCase(), crypto.getRandomValues(new Uint8Array(32)))
    const outcome = new Promise<Enrolment>(tell => {
      this.enrolling = { held, tell }
      setTimeout(() => tell({ outcome: 'later' }), ENROL_PATIENCE_MS)
    })
    this.engine.hurry()
    return outcome
  }

  lookUp(token: string, of: Parameters<Core['lookUp']>[0], purpose: string): ReturnType<Core['lookUp']> {
    return lookUp(this.http, token, of, purpose)
  }

  private async after(held: Held, heard: Heard): Promise<void> {
    const { enrolling, http } = this
    const { definitions, phone } = this.around.state
    if (enrolling?.held === held && held.replica.access.is !== 'enrolling') {
      this.enrolling = null
      if (heard === 'other_person') enrolling.tell({ outcome: 'other_person', person: phone.onDuty?.row.id ?? held.row.id })
      else if (heard === 'needs_code') enrolling.tell({ outcome: 'refused', code: this.engine.refusal ?? 'code_unknown' })
      else enrolling.tell({ outcome: 'enrolled', person: held.row.id })
    }
    if (settlePlaces(held.replica)) {
      await this.around.state.keep(held)
      this.engine.kick()
    }
    const token = held.replica.identity?.token
    if (heard === 'applied' && token !== undefined && held.replica.lastContact !== null) {
      const newer = newerDefinitions(held.replica) !== null
      if ((newer || definitions.rescueKey === null) && (await fetchDefinitions(definitions, http, token, phone.db, newer))) this.defined()
      if (held.replica.places.length === MOST_PLACES) await this.fetchPlaces(held, token)
      // As many as one reply lists may be too few to say what is lost.
      if (held.replica.places.length !== MOST_PLACES) await this.forget(held)
    }
    this.around.settled()
  }

  /** Other definitions hold from now on: what is on screen is judged anew. */
  private defined(): void {
    const { definitions, phone, screen } = this.around.state
    for (const { replica } of phone.people) loaded(replica, definitions.schema, definitions.policyVersion)
    if (phone.onDuty !== null) screen?.begin()
    this.around.state.bump()
  }

  /** All places, where one reply did not hold them. */
  private async fetchPlaces(held: Held, token: string): Promise<void> {
    const all = await allPlaces(this.http, token)
    if (all === null || all.length <= held.replica.places.length) return
    setPlaces(held.replica, all)
    await this.around.state.keep(held)
  }

  private async forget(held: Held): Promise<void> {
    const { phone } = this.around.state
    await phone.remembering
    if (phone.onDuty === held) await phone.forget(held)
    // Without the key it cannot be read who was seen where: once all places are lost, all of it goes.
    else if (held.replica.places.length === 0) await phone.db.write(['people'], tx => void tx.objectStore('people').delete(ofPerson(held.row.id)), 'relaxed')
  }

  private async other(told: { device: number; user: string; token: string }): Promise<void> {
    const { phone, definitions } = this.around.state
    const held = await phone.add('', definitions)
    held.replica.identity = told
    held.replica.access = { is: 'enrolled' }
    await this.around.state.keep(held)
    await phone.saveMemory()
    await this.around.goOnDuty(held)
  }
}

function phoneName(): string {
  const agent = typeof navigator === 'undefined' ? '' : navigator.userAgent
  return /Android [\d.]+; ([^;)]+)/.exec(agent)?.[1]?.trim().slice(0, 40) ?? (/iPhone|iPad/.exec(agent)?.[0] || 'phone')
}
