// Checks and policy against the cases of `sync-protocol/vectors`, which the server passes too.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import bundled from '../../src/core/definitions/bundled.json'
import { validate } from '../../src/core/definitions/check.ts'
import type { Kind, Policy } from '../../src/core/definitions/kind.ts'
import { abnormal, holding } from '../../src/core/definitions/policy.ts'
import * as values from '../../src/core/definitions/values.ts'

const FOLDER = new URL('../../../../sync-protocol/vectors/', import.meta.url)
/* eslint-disable @typescript-eslint/no-explicit-any */
const cases = (name: string): any[] => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')).cases
const kinds = bundled.kinds as unknown as Kind[]
const policy = bundled.policy as unknown as Policy
const kindOf = (name: string) => kinds.find(kind => kind.name === name)!

const READERS: { [file: string]: (one: any) => values.Outcome | null } = {
  'check-phone': one => values.phone(one.value),
  'check-plate': one => values.plate(one.value),
  'check-resident-id': one => values.residentId(one.value, one.today ?? null),
  'check-document': one => values.document(one.value, one.document ?? null, one.today ?? null),
  'check-name': one => values.name(one.value),
  'check-text': one => values.freeText(one.value, one.max ?? 500),
  'check-code': one => values.code(one.value, ['green', 'yellow', 'red', 'none', 'unreadable']),
  'check-date': one => values.date(one.value, one.partial === true),
  'check-area-code': one => (one.level === 'any' ? values.areaCode(one.value) : null),
  'check-credit-code': one => values.creditCode(one.value),
  'check-temperature': one => (typeof one.value === 'number' ? values.temperature(one.value) : null),
}

describe.each(Object.entries(READERS))('%s', (file, read) => {
  test('every case is read as the server reads it', () => {
    let checked = 0
    for (const one of cases(file)) {
      if (one.value === undefined || one.value === null) continue
      const outcome = read(one)
      if (outcome === null) continue
      const said = JSON.stringify(one)
      if (one.refused !== undefined) expect(outcome, said).toEqual({ refused: one.refused })
      else {
        expect('value' in outcome && [...outcome.warnings].sort(), said).toEqual([...(one.warnings ?? [])].sort())
        if (one.normalised !== undefined) expect('value' in outcome && outcome.value, said).toBe(String(one.normalised))
      }
      checked += 1
    }
    expect(checked).toBeGreaterThan(2)
  })
})

test.each(cases('kind-validate').map(one => [one.says, one]))('a change is checked: %s', (_, one) => {
  const verdict = validate(kindOf(one.kind), one.set, one.creating, one.day)
  const pairs = (faults: readonly { path: string; code: string }[]) => faults.map(fault => [fault.path, fault.code])
  expect({ problems: pairs(verdict.refused), warnings: pairs(verdict.odd) }).toEqual({ problems: one.problems, warnings: one.warnings })
})

test.each(cases('kind-policy').map(one => [one.says, one]))('what is abnormal: %s', (_, one) => {
  expect(abnormal(policy, one.kind, one.fields)).toEqual(one.abnormal)
  const notices = holding(policy, one.kind, one.fields).filter(rule => rule.level === 'notice').map(rule => rule.code)
  expect([...new Set(notices)].sort()).toEqual(one.notices)
})
