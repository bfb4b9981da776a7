// The request that carries this many entries of a checkpoint, as the phone would send it.

import { newRecordId } from '../../src/core/facts.ts'
import { capture } from '../../src/core/sync/outbox.ts'
import { newReplica } from '../../src/core/sync/replica.ts'
import { next } from '../../src/core/sync/request.ts'

const SURNAMES = '王李张刘陈杨赵黄周吴徐孙朱马胡郭林何高梁'

export function packOf(entries: number): { readonly body: string; readonly carried: number } {
  const replica = newReplica()
  replica.identity = { device: 77_632, user: 'u17', token: 'a'.repeat(64) }
  replica.access = { is: 'enrolled' }
  for (let n = 0; n < entries; n += 1) {
    const random = crypto.getRandomValues(new Uint8Array(16))
    const moment = { wall: 1_795_307_467_000 + n * 12_345, mono: n * 12_345 }
    const set = {
      person: { name: SURNAMES[n % 20]! + SURNAMES[(n * 7) % 20]!, phone: `138${String(10_000_000 + ((n * 7_654_321) % 89_999_999))}` },
      vehicle: { plate: `豫P${String(10_000 + ((n * 7_919) % 89_999))}` },
      measurement: { temperature: 360 + (n % 12), method: 'forehead' },
      health_code: 'green',
      itinerary_code: { code: 'green', star: false },
      disposition: 'passed',
    }
    capture(replica, { record: newRecordId(moment.wall, random), kind: 'registration', scope: 'checkpoint:S001', set }, moment)
  }
  const action = next(replica, { wall: 1_795_327_467_000, mono: 20_000_000 })
  if (action.action !== 'send') throw new Error(action.action)
  return { body: action.body, carried: action.body.trim().split('\n').length - 1 }
}
