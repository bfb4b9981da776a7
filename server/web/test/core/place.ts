// What the core stands on in tests: a database in memory, a toy centre behind fetch, a journal.

import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { openCore } from '../../src/core/open.ts'
import bundled from '../../src/core/definitions/bundled.json'
import { Centre } from '../sync/centre.ts'
import type { Shelf } from '../../src/core/store/mirror.ts'

export class FakePlaces {
  readonly kept = new Map<string, string>()
  full = false
  get length(): number {
    return this.kept.size
  }
  key(at: number): string | null {
    return [...this.kept.keys()][at] ?? null
  }
  getItem(key: string): string | null {
    return this.kept.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException('full', 'QuotaExceededError')
    this.kept.set(key, value)
  }
  removeItem(key: string): void {
    this.kept.delete(key)
  }
}

/** The browser's cache, in memory. */
export class FakeShelf implements Shelf {
  readonly kept = new Map<string, Uint8Array>()
  async put(path: string, body: Response): Promise<void> {
    this.kept.set(path, new Uint8Array(await body.arrayBuffer()))
  }
  async match(path: string): Promise<Response | undefined> {
    const found = this.kept.get(path)
    return found === undefined ? undefined : new Response(found as BodyInit)
  }
  async delete(path: string): Promise<boolean> {
    return this.kept.delete(path)
  }
  async keys(): Promise<readonly { readonly url: string }[]> {
    return [...this.kept.keys()].map(path => ({ url: `http://centre.test${path}` }))
  }
  /** Copies of entries, whoever's. */
  entries(): number {
    return [...this.kept.keys()].filter(path => path.includes('/entry/')).length
  }
}

type Way = 'works' | 'silent' | 'portal' | 'reply_lost'

export class World {
  /** A centre in a good mood: nothing is parked, nothing is wrong. */
  readonly centre = new Centre(outOf => outOf - 1)
  readonly journal = new FakePlaces()
  readonly shelf = new FakeShelf()
  way: Way = 'works'
  readonly bodies: string[] = []
  readonly tokens: string[] = []
  /** By which code or token each number was asked for. */
  readonly enrolled: string[] = []
  rescueKey: string | null = null
  /** What every sync hears instead of an answer. */
  refusal: { readonly status: number; readonly code: string; readonly headers?: Record<string, string> } | null = null
  /** Server minus phone. */
  ahead = 0

  constructor() {
    globalThis.indexedDB = new IDBFactory()
    this.centre.utcOffset = -new Date().getTimezoneOffset()
  }

  /** What a browser does whose log was torn: the database is gone, and an empty one stands there. */
  throwDatabaseAway(): void {
    globalThis.indexedDB = new IDBFactory()
  }

  async open(): Promise<Core & { close(): Promise<void> }> {
    const core = await openCore({
      base: 'http://centre.test',
      worker: null,
      journal: this.journal,
      shelf: async () => this.shelf,
      fetch: (url, init) => this.fetch(url, init),
    })
    return core as Core & { close(): Promise<void> }
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    if (this.way === 'silent') throw new TypeError('no network')
    if (this.way === 'portal') return new Response('<html>sign in</html>', { status: 200, headers: { 'content-type': 'text/html' } })
    const path = new URL(url).pathname
    const answer = await this.answer(path, init)
    if (this.way === 'reply_lost') throw new TypeError('cut off')
    return answer
  }

  private async answer(path: string, init: RequestInit): Promise<Response> {
    const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })
    if (path === '/v1/enrol') {
      const asked = JSON.parse(String(init.body))
      this.enrolled.push(asked.code ?? String((init.headers as Record<string, string>)['authorization']))
      if (asked.code === 'BAD') return json({ code: 'code_used', status: 403 }, 403)
      this.centre.marks = []
      return json({ protocol: 1, device: this.centre.device, line: this.centre.device, user: asked.code === 'OTHER' ? 'u18' : 'u17', now: Date.now() })
    }
    if (path === '/v1/sync') {
      const body = await textOf(init)
      this.bodies.push(body)
      this.tokens.push(String((init.headers as Record<string, string>)['authorization']))
      // Too old to be served is said only to who asks for something.
      const serves = this.refusal?.status === 426 && JSON.parse(body.split('\n')[0]!).pull.length === 0
      if (this.refusal !== null && !serves) {
        const { status, code, headers } = this.refusal
        return new Response(JSON.stringify({ code, status }), { status, headers })
      }
      const answer = this.centre.answer(body, Date.now() + this.ahead)
      return json(answer.body, answer.status)
    }
    if (path === '/v1/kinds') return json({ schema: 1, kinds: bundled.kinds })
    if (path === '/v1/policy') return json({ version: 1, policy: bundled.policy })
    if (path === '/v1/rescue-key' && this.rescueKey !== null) return json({ key: this.rescueKey })
    return json({ code: 'not_found' }, 404)
  }
}

async function textOf(init: RequestInit): Promise<string> {
  if (typeof init.body === 'string') return init.body
  const stream = new Blob([init.body as BlobPart]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).text()
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const core of open.splice(0)) await core.close()
})

/** Starts the program on what the phone holds; it ends with the test. */
export async function start(world: World): Promise<Core & { close(): Promise<void> }> {
  const core = await world.open()
  open.push(core)
  return core
}

/** Waits for what is to come; says what is when it does not. */
export async function until(what: () => boolean, said: () => unknown = () => ''): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (what()) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`it did not come to that: ${JSON.stringify(said())}`)
}

export function passer(name: string, more: object = {}): { kind: string; place: string; set: { [field: string]: any } } {
  return {
    kind: 'registration',
    place: 'checkpoint:S17',
    set: {
      person: { name, phone: '13800000000' },
      measurement: { temperature: 365, method: 'forehead' },
      health_code: 'green',
      disposition: 'passed',
      ...more,
    },
  }
}
