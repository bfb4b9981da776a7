// Does one step of a case or a history to a replica and says what came of it, in the words of
// `sync-protocol/vectors/replica.md`.

import { hear, type Answer } from '../../src/core/sync/answer.ts'
import { enrol, enrolFailed, enrolled } from '../../src/core/sync/enrol.ts'
import { capture, dismiss, draft, lose, packed, type Draft, type EntryId, type Refused } from '../../src/core/sync/outbox.ts'
import { apply, type Step } from '../../src/core/sync/reply.ts'
import { loaded, tick, wake, type Replica } from '../../src/core/sync/replica.ts'
import { next, type Action } from '../../src/core/sync/request.ts'
import { allSentAllCurrent, needsAttention, unsent } from '../../src/core/sync/status.ts'
import { views } from '../../src/core/sync/view.ts'
import { digestText } from '../../src/core/sync/digest.ts'
import { readReply } from '../../src/core/sync/wire.ts'
import type { Moment } from '../../src/core/sync/time.ts'

/* eslint-disable @typescript-eslint/no-explicit-any */
export function perform(replica: Replica, step: any): unknown {
  const moment: Moment = { wall: step.wall ?? 0, mono: step.mono ?? 0 }
  const random = randomOf(step.random ?? '')
  const attempt: number = step.attempt ?? replica.pace.attempt
  const body = typeof step.body === 'string' ? step.body : JSON.stringify(step.body ?? null)
  const answer: Answer | null =
    step.status === undefined ? null : { status: step.status, retryAfter: step.retry_after ?? null, body }
  switch (step.do) {
    case 'wake':
      wake(replica, moment)
      return null
    case 'tick':
      tick(replica, moment)
      return null
    case 'loaded':
      loaded(replica, step.schema, step.policy)
      return null
    case 'enrol':
      enrol(replica, step.code, random)
      return null
    case 'enrolled':
      return enrolled(replica, attempt, step.body, moment)
    case 'enrol_failed':
      return enrolFailed(replica, attempt, answer, moment, random)
    case 'capture':
      return captured(capture(replica, step.draft as Draft, moment))
    case 'edit': {
      const made = draft(replica, step.record, step.set)
      return made === null ? null : captured(capture(replica, made, moment))
    }
    case 'next':
      return actionOf(next(replica, moment))
    case 'hear':
      return hear(replica, attempt, answer, moment, random)
    case 'apply':
      apply(replica, step.step as Step, readReply(step.body)!, moment)
      return null
    case 'lose':
      lose(replica, step.entry)
      return null
    case 'dismiss':
      return dismiss(replica, step.entry)
    case 'look':
      return look(replica, moment)
    default:
      throw new Error(`no such step: ${step.do}`)
  }
}

function randomOf(text: string): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let at = 0; at < 32 && at * 2 + 2 <= text.length; at++) bytes[at] = parseInt(text.slice(at * 2, at * 2 + 2), 16)
  return bytes
}

function captured(result: EntryId | Refused): unknown {
  return typeof result === 'number' ? { entry: result } : result
}

function actionOf(action: Action): unknown {
  switch (action.action) {
    case 'send': {
      const [envelope, ...lines] = action.body.slice(0, -1).split('\n')
      return {
        action: 'send', attempt: action.attempt, token: action.token, envelope, lines, may_compress: action.mayCompress,
      }
    }
    case 'enrol':
      return {
        action: 'enrol', attempt: action.attempt, token_hash: action.tokenHash, ...action.proof,
        ...('token' in action.proof ? { knew: action.knew, knew_mark: action.knewMark } : {}),
      }
    default:
      return action
  }
}

function look(replica: Replica, moment: Moment): unknown {
  return {
    unsent: unsent(replica),
    kept: replica.outbox.size,
    packed: packed(replica),
    ack: replica.ack,
    settled: replica.settled,
    durable: replica.durable,
    device: replica.identity?.device ?? null,
    access: replica.access.is,
    era: replica.eras.era,
    offsets: Object.fromEntries(replica.eras.offsets),
    views: Object.fromEntries(
      views(replica).map(({ record, standing, scope, seen, fields }) => [record, { standing, scope, seen, fields }]),
    ),
    attention: needsAttention(replica).map(({ entry, record, kind, verdict, code, path, fields }) => ({
      entry, record, kind, verdict, code, path, fields,
    })),
    holdings: Object.fromEntries(
      [...replica.holdings].map(([scope, { cursor, more, complete, again, count, digest }]) => [
        scope,
        { cursor, more, complete, again, count, digest: digestText(digest) },
      ]),
    ),
    fault: replica.fault,
    last_contact: replica.lastContact,
    all_sent_all_current: allSentAllCurrent(replica, moment),
  }
}
