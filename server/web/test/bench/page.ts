// What is measured, in a real browser: called by name from bench.mjs.

import { openCore } from '../../src/core/open.ts'
import { Memory, type Remembered } from '../../src/core/recall.ts'
import type { Core } from '../../src/core/api.ts'

const SURNAMES = '王李张刘陈杨赵黄周吴徐孙朱马胡郭林何高梁'
let core: Core | null = null

function entry(n: number): Parameters<Core['capture']>[0] {
  return {
    kind: 'registration',
    place: 'checkpoint:S001',
    set: {
      person: { name: SURNAMES[n % 20]! + SURNAMES[(n * 7) % 20]!, phone: `138${String(10_000_000 + ((n * 7_654_321) % 89_999_999))}` },
      vehicle: { plate: `豫P${10_000 + ((n * 7_919) % 89_999)}` },
      measurement: { temperature: 360 + (n % 12), method: 'forehead' },
      health_code: 'green',
      disposition: 'passed',
    },
  }
}

const bench = {
  /** Opens the core; says how long until one may capture, and how much is unsent then. */
  async open(): Promise<{ ms: number; unsent: number }> {
    const began = performance.now()
    core = await openCore({ worker: null, base: `${location.origin}/nowhere` })
    await Promise.resolve()
    return { ms: performance.now() - began, unsent: core.upload.value.unsent }
  },
  /** Captures this many; says how long each took. */
  async capture(count: number, from: number): Promise<number[]> {
    const times: number[] = []
    for (let n = from; n < from + count; n += 1) {
      const began = performance.now()
      const captured = await core!.capture(entry(n))
      if (captured.outcome !== 'saved' || captured.kept !== 'database') throw new Error(JSON.stringify(captured))
      times.push(performance.now() - began)
    }
    return times
  },
  /** Looks somebody up among this many, in each of the ways. */
  recall(people: number, times: number): number[] {
    const memory = new Memory()
    const all: Remembered[] = []
    for (let n = 0; n < people; n += 1) {
      const { set } = entry(n)
      const { name, phone } = set['person'] as { name: string; phone: string }
      all.push({ key: `${phone}/${name}`, name, phone, plate: (set['vehicle'] as { plate: string }).plate, document: null, number: null, lastSeen: Date.now() - n, times: 1, fields: {}, masked: false })
    }
    memory.load(all, Date.now())
    const typed = ['1234', '王', '豫P1', '4321', '李张', '88']
    return Array.from({ length: times }, (_, at) => {
      const began = performance.now()
      memory.find(typed[at % typed.length]!, 3)
      return performance.now() - began
    })
  },
}

Object.assign(globalThis, { bench })
