// The network, as the rest of the core knows it: loaded after the first screen, whatever is asked of it
// before waits for that.

import type { Core, Enrolment } from './api.ts'
import type { Engine } from './engine.ts'
import { insist } from './insist.ts'
import type { Fetch } from './net/http.ts'
import type { State } from './state.ts'
import type { Traffic } from './traffic.ts'
import type { Held } from './store/keep.ts'

export interface Around {
  readonly state: State
  readonly base: string
  readonly fetch: Fetch
  /** An exchange has ended. */
  readonly settled: () => void
  readonly goOnDuty: (held: Held) => Promise<void>
}

export class Network {
  private traffic: Traffic | null = null
  private loading: Promise<Traffic> | null = null

  constructor(private readonly around: Around) {}

  /** Null until it is loaded. */
  get engine(): Engine | null {
    return this.traffic?.engine ?? null
  }

  load(): Promise<Traffic> {
    this.loading ??= insist(() => import('./traffic.ts')).then(({ Traffic }) => (this.traffic = new Traffic(this.around)))
    return this.loading
  }

  async enrol(held: Held, code: string): Promise<Enrolment> {
    return (await this.load()).enrol(held, code)
  }

  async lookUp(of: Parameters<Core['lookUp']>[0], purpose: string): ReturnType<Core['lookUp']> {
    const token = this.around.state.phone.onDuty?.replica.identity?.token
    return token === undefined ? { outcome: 'no_answer' } : (await this.load()).lookUp(token, of, purpose)
  }

  async rescue(): ReturnType<Core['rescue']> {
    const { phone, definitions, now } = this.around.state
    const key = definitions.rescueKey
    if (key === null || typeof crypto === 'undefined' || crypto.subtle === undefined) return 'no_key'
    const { makeRescue } = await import('./soon.ts')
    return makeRescue(phone.people, phone.keeper, key, now().wall)
  }
}
