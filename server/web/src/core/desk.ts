// What is asked of the centre beside sync: whether somebody was seen, and all places where one
// reply did not hold them.

import * as v from 'valibot'

import type { Core, Fields } from './api.ts'
import type { Http } from './net/http.ts'
import { heldPlace, parseJson } from './sync/wire.ts'

const matchReply = v.object({
  match: v.nullable(
    v.object({ place: v.string(), time: v.number(), set: v.record(v.string(), v.any()), abnormal: v.array(v.string()) }),
  ),
})
const scopesReply = v.object({ places: v.array(heldPlace), next: v.optional(v.string()) })

type LookedUp = Awaited<ReturnType<Core['lookUp']>>

export async function lookUp(http: Http, token: string, of: object, purpose: string): Promise<LookedUp> {
  const body = JSON.stringify({ ...of, purpose })
  const answer = await http.exchange({ method: 'POST', path: '/v1/look-up', token, type: 'application/json', body })
  const read = v.safeParse(matchReply, answer?.status === 200 ? parseJson(answer.body) : null)
  if (!read.success) return { outcome: 'no_answer' }
  const { match } = read.output
  if (match === null) return { outcome: 'nobody' }
  return { outcome: 'found', place: match.place, time: match.time, fields: match.set as Fields, abnormal: match.abnormal }
}

/** Every place, page by page; null where a page did not come. */
export async function allPlaces(http: Http, token: string): Promise<v.InferOutput<typeof heldPlace>[] | null> {
  const all: v.InferOutput<typeof heldPlace>[] = []
  let after = ''
  for (;;) {
    const path = `/v1/scopes?limit=500${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`
    const answer = await http.exchange({ method: 'GET', path, token })
    const read = v.safeParse(scopesReply, answer?.status === 200 ? parseJson(answer.body) : null)
    if (!read.success) return null
    all.push(...read.output.places)
    if (read.output.next === undefined) return all
    after = read.output.next
  }
}
