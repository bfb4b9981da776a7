// When a phone that nobody touches is locked.

import { expect, test } from 'vitest'
import { isIdle } from '../../src/ui/start/idle'

const MINUTE = 60_000

test('a phone is locked after its minutes and not before, and never where nobody wants it', () => {
  expect(isIdle(0, 5 * MINUTE - 1, 5)).toBe(false)
  expect(isIdle(0, 5 * MINUTE, 5)).toBe(true)
  expect(isIdle(0, 600 * MINUTE, 0)).toBe(false)
  expect(isIdle(10 * MINUTE, 0, 2)).toBe(false)
})
