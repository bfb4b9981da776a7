// The core on a bare page: the tests of the browser call it by name.

import { openCore } from '../../src/core/open.ts'
import type { Core } from '../../src/core/api.ts'

let core: Core | null = null

const stage = {
  async open(worker: string | null): Promise<void> {
    core = await openCore({ worker })
  },
  core: () => core!,
  /** Captures without a pause; each is told once it is confirmed, as a screen would show it. */
  async register(from: number, count: number): Promise<void> {
    for (let n = from; n < from + count; n += 1) {
      const captured = await core!.capture({
        kind: 'registration',
        place: 'checkpoint:S17',
        set: { person: { name: `甲${n}`, phone: '13800000000' }, measurement: { temperature: 365 }, health_code: 'green', disposition: 'passed' },
      })
      if (captured.outcome === 'saved') (globalThis as unknown as { confirmed(id: string): void }).confirmed(captured.record)
    }
  },
  /** Every record that is here, unsent ones told apart. */
  async records(): Promise<string[]> {
    for (let tries = 0; tries < 200; tries += 1) {
      const found = core!.views({ kind: 'registration' }).map(view => view.record)
      // Lines are woken a few at a time: what is unsent has to be on screen too.
      const pending = core!.views({ kind: 'registration' }).filter(view => view.standing === 'pending').length
      if (pending >= core!.upload.value.unsent) return found
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    throw new Error('lines sleep on')
  },
}

Object.assign(globalThis, { stage })
