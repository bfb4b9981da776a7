// Random histories of a device: captures, clocks that jump, answers that get lost, a centre that is
// stirred, restored and forked. The same seed gives the same history.

import { Centre } from './centre.ts'

export type StepOf = { do: string; [member: string]: unknown }

export function draws(seed: number): (outOf: number) => number {
  let state = seed >>> 0 || 1
  return outOf => {
    // xorshift32
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % outOf
  }
}

/** Makes a history of `length` steps; `perform` does each and says what came of it. */
export function live(seed: number, length: number, perform: (step: StepOf) => unknown): StepOf[] {
  const draw = draws(seed)
  const centre = new Centre(draw)
  const steps: StepOf[] = []
  let wall = 1_795_307_467_000
  let mono = 1_000
  let attempt = 0
  let flying: { action: string; body: string } | null = null
  const records: string[] = []
  const random = () => Array.from({ length: 32 }, () => draw(256).toString(16).padStart(2, '0')).join('')
  const step = (one: StepOf): unknown => {
    const whole = { wall, mono, ...one }
    steps.push(whole)
    return perform(whole)
  }
  const pass = (ms: number) => {
    wall += ms
    mono += ms
  }
  step({ do: 'wake' })
  step({ do: 'enrol', code: '7Q2M-K4ZP', random: random() })
  while (steps.length < length) {
    pass(draw(8_000))
    const way = draw(100)
    if (flying !== null) {
      const { action, body } = flying
      if (draw(12) === 0) step({ do: 'capture', draft: draft(draw, records) })
      flying = null
      const chance = draw(100)
      if (chance < 12) {
        // The request was lost on its way there, or its reply on the way back.
        if (draw(2) === 0 && action === 'send') centre.answer(body, wall + 800)
        if (draw(3) === 0) step({ do: 'wake' })
        else step({ do: action === 'send' ? 'hear' : 'enrol_failed', attempt, random: random() })
      } else if (action === 'enrol') {
        if (chance < 25) step({ do: 'enrol_failed', attempt, random: random(), status: [403, 503, 429, 500][draw(4)]!, body: { code: 'code_used' } })
        else {
          if (body === 'token') {
            centre.marks = []
            centre.durable = 0
            centre.device += 1
          }
          step({ do: 'enrolled', attempt, body: { device: centre.device, user: 'u17' } })
        }
      } else if (chance < 24) {
        const status = [400, 401, 403, 413, 415, 426, 429, 500, 503, 200, 302, 404][draw(12)]!
        const code = ['envelope', 'busy', 'too_old', 'x'][draw(4)]!
        const portal = draw(5) === 0
        step({ do: 'hear', attempt, random: random(), status, body: portal ? '<html>' : { code }, ...(draw(2) === 0 ? { retry_after: draw(90) } : {}) })
        if (status === 403 || status === 401) {
          pass(3_600_000)
          if (status === 401 && draw(2) === 0) step({ do: 'enrol', code: 'AAAA', random: random() })
        }
      } else {
        const answer = centre.answer(body, wall + 800)
        pass(draw(900))
        step({ do: 'hear', attempt, random: random(), status: answer.status, body: answer.body })
      }
      continue
    }
    if (way < 38) {
      step({ do: 'capture', draft: draft(draw, records) })
    } else if (way < 46 && records.length > 0) {
      step({ do: 'edit', record: records[draw(records.length)]!, set: { phone: `1390000${1000 + draw(9000)}` } })
    } else if (way < 76) {
      pass(draw(3) === 0 ? 320_000 : 3_000)
      const action = step({ do: 'next' }) as { action: string; attempt: number; envelope?: string; lines?: string[]; body?: string; token?: string; proof?: object }
      if (action.action === 'send' || action.action === 'enrol') {
        attempt = action.attempt
        const leaves = action.action === 'enrol' && JSON.stringify(action).includes('"token":')
        flying = { action: action.action, body: action.action === 'send' ? action.body! : leaves ? 'token' : 'code' }
      } else if (action.action === 'ask_for_code' && draw(3) === 0) step({ do: 'enrol', code: 'BBBB', random: random() })
    } else if (way < 84) {
      centre.stir(wall)
    } else if (way === 84) {
      if (centre.restore()) pass(1_000)
    } else if (way === 85) {
      // Another copy of this phone has sent something else under the next number.
      centre.marks.push('00c5b1f2a3d4e697')
    } else if (way === 86) {
      wall += (draw(2) === 0 ? 1 : -1) * draw(400_000)
      step({ do: 'tick' })
    } else if (way === 87) {
      pass(draw(2) === 0 ? 90_000_000 : 700_000_000)
      step({ do: 'tick' })
    } else if (way === 88) {
      mono = draw(5_000)
      step({ do: 'wake' })
    } else if (way === 89) step({ do: 'lose', entry: 1 + draw(Math.max(1, records.length)) })
    else if (way === 90) step({ do: 'lose_marks', last: draw(12) })
    else if (way === 91) step({ do: 'hurry' })
    else if (way === 92) step({ do: 'dismiss', entry: 1 + draw(Math.max(1, records.length)) })
    else step({ do: 'look' })
  }
  return steps
}

function draft(draw: (outOf: number) => number, records: string[]): object {
  const again = records.length > 0 && draw(4) === 0
  const record = again ? records[draw(records.length)]! : `01a20099-${hex(draw(0xffff), 4)}-7a11-8c21-${hex(records.length, 12)}`
  if (!again) records.push(record)
  const parent = !again && records.length > 3 && draw(5) === 0 ? records[draw(records.length - 1)]! : null
  const texts = ['王伟', '😀', 'a"b\\c', 'x'.repeat(draw(40)), '\u007f\u2028']
  const set: { [name: string]: unknown } = { note: texts[draw(texts.length)]! }
  if (draw(3) === 0) set['measurement'] = { temperature: 360 + draw(30), method: 'forehead', '10': 1, '9': draw(7), é: null }
  if (draw(5) === 0) set[`itinerary/01a20099-0ebf-7a11-8c21-${hex(draw(5), 12)}`] = draw(2) === 0 ? null : { area: '999999' }
  if (draw(80) === 0) set['note'] = 'y'.repeat(17_000)
  if (draw(90) === 0) set['Bad Name'] = 1
  if (draw(90) === 0) set['note'] = 'a\u0000b'
  const scope = ['checkpoint:S17', 'grid:0731', 'grid:0732', 'checkpoint:S18'][draw(4)]!
  return {
    record, kind: parent === null ? 'registration' : 'visit', set, abnormal: draw(9) === 0, whole: draw(14) === 0,
    ...(parent === null ? { scope } : { parent }),
  }
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, '0')
}
