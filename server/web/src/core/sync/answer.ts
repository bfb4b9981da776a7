// What any answer, or none, leads to. Every one that is not a reply changes something or waits
// (I14): a cap gets smaller, a number is taken up elsewhere, a person is asked, or time passes.

import { answers, enrolAgain } from './enrol.ts'
import { isMark } from './mark.ts'
import { markAt, packed, setMark, unsettle } from './outbox.ts'
import { apply, progress, STEPS } from './reply.ts'
import { backOff, waitAnHour, waitAsTold, type Pace } from './pace.ts'
import { tick, type Replica } from './replica.ts'
import { hasWork } from './request.ts'
import type { Moment } from './time.ts'
import { parseJson, PROTOCOL, readProblem, readReply, type Problem, type Reply } from './wire.ts'

/** What came back over HTTP. No answer at all is null. */
export interface Answer {
  readonly status: number
  /** The `Retry-After` header, in seconds. */
  readonly retryAfter: number | null
  readonly body: string
}

/** What became of an answer. */
export type Heard =
  | 'late' | 'no_reply' | 'applied' | 'gap' | 'fork' | 'waiting' | 'reshaped' | 'needs_code'
  | 'blocked' | 'fault' | 'other_person'

/** The reply, if this is one. */
export function replyIn(answer: Answer): Reply | null {
  if (answer.status !== 200) return null
  const reply = readReply(parseJson(answer.body))
  return reply !== null && reply.protocol === PROTOCOL ? reply : null
}

/**
 * The problem, if a centre of ours wrote this: a JSON object with `protocol`, or with the `code` of
 * a problem document. What a captive portal writes is neither.
 */
export function problemIn(answer: Answer): Problem | null {
  if (answer.status === 200) return null
  const value = parseJson(answer.body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { protocol, code } = value as { protocol?: unknown; code?: unknown }
  const ours = (Number.isInteger(protocol) && (protocol as number) >= 0) || typeof code === 'string'
  return ours ? readProblem(value) : null
}

/**
 * Takes in what came back for a sync request, or that nothing did. Of the 32 random bytes four
 * spread the pauses of many phones; all become a token where a fork demands one.
 */
export function hear(self: Replica, attempt: number, answer: Answer | null, moment: Moment, random: Uint8Array): Heard {
  tick(self, moment)
  if (!answers(self, attempt, false)) return 'late'
  if (answer === null) return hearNothing(self, moment, random)
  const reply = replyIn(answer)
  if (reply !== null) return hearReply(self, reply, moment, random)
  const problem = problemIn(answer)
  if (problem === null) return hearNothing(self, moment, random)
  return hearProblem(self, answer, problem, moment, random)
}

function hearNothing(self: Replica, moment: Moment, random: Uint8Array): Heard {
  self.flight = null
  self.pace.small = true
  backOff(self.pace, moment, random)
  return 'no_reply'
}

function hearReply(self: Replica, reply: Reply, moment: Moment, random: Uint8Array): Heard {
  if (isFork(self, reply)) {
    enrolAgain(self, random)
    return 'fork'
  }
  const before = progress(self, moment)
  for (const step of STEPS) apply(self, step, reply, moment)
  // A reply that moves nothing while there is work must not be asked for in a circle.
  if (hasWork(self, moment) && progress(self, moment) === before) backOff(self.pace, moment, random)
  return 'applied'
}

/** Whether a reply shows that another copy of this device exists. */
export function isFork(self: Replica, reply: Reply): boolean {
  const own = markAt(self, reply.ack)
  return (
    reply.ack > packed(self) ||
    (reply.ack_mark !== '') !== reply.ack > 0 ||
    (own !== null && own !== reply.ack_mark)
  )
}

function hearProblem(self: Replica, answer: Answer, problem: Problem, moment: Moment, random: Uint8Array): Heard {
  const { flight, pace } = self
  if (flight === null) return 'late'
  self.flight = null
  const smaller = () => shrink(pace, flight.last + 1 - flight.from, flight.bytes, flight.asks.length)
  const fault = (): Heard => {
    self.fault = problem.code
    waitAnHour(pace, moment)
    return 'fault'
  }
  switch (answer.status) {
    case 401:
      self.access = { is: 'needs_code' }
      waitAnHour(pace, moment)
      return 'needs_code'
    case 403:
      self.access = { is: 'blocked' }
      waitAnHour(pace, moment)
      return 'blocked'
    case 409:
      if (problem.code === 'fork') {
        enrolAgain(self, random)
        return 'fork'
      }
      return problem.code === 'gap' ? hearGap(self, problem, moment, random) : fault()
    case 413:
      return smaller() ? 'reshaped' : fault()
    case 415:
      if (pace.plain) return fault()
      pace.plain = true
      return 'reshaped'
    case 426:
      if (pace.withoutPull) return fault()
      pace.withoutPull = true
      return 'reshaped'
    case 429:
    case 503:
      waitAsTold(pace, answer.retryAfter, moment, random)
      return 'waiting'
    case 400:
      if (!smaller()) return fault()
      self.fault = problem.code
      backOff(pace, moment, random)
      return 'reshaped'
    default:
      backOff(pace, moment, random)
      return 'no_reply'
  }
}

/** Halves what goes into a request; says whether anything was left to halve. */
function shrink(pace: Pace, changes: number, bytes: number, scopes: number): boolean {
  if (changes > 1) {
    pace.mostChanges = Math.floor(changes / 2)
    pace.mostBytes = Math.floor(bytes / 2)
  } else if (scopes > 1) {
    pace.mostScopes = Math.floor(scopes / 2)
  } else {
    return false
  }
  return true
}

/** The centre lacks what it had: send from there again, out of the kept copies. */
function hearGap(self: Replica, problem: Problem, moment: Moment, random: Uint8Array): Heard {
  const fault = (): Heard => {
    self.fault = problem.code
    waitAnHour(self.pace, moment)
    return 'fault'
  }
  const after = problem.after === null || problem.after === '' ? null : problem.after
  if (problem.expected === null || problem.expected <= 0 || (after !== null && !isMark(after))) return fault()
  const last = problem.expected - 1
  const own = markAt(self, last)
  const another = own !== null && after !== null ? own !== after : (last === 0) !== (after === null)
  if (last > packed(self) || another) {
    enrolAgain(self, random)
    return 'fork'
  }
  // What was sent began at or below what is expected: there was no gap.
  if (last >= self.settled) return fault()
  if (after !== null) setMark(self, last, after)
  unsettle(self, last)
  return 'gap'
}
