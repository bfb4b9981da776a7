// One card before a phone in a stand is one passer, however long it is held there.

import { expect, test } from 'vitest'
import { Again } from '../../src/ui/scan/standing'

test('a card that is held on is read once; another is new at once, and the same again after a while', () => {
  const again = new Again()
  expect(again.isNew('a', 0)).toBe(true)
  for (let at = 120; at < 60_000; at += 120) expect(again.isNew('a', at)).toBe(false)
  expect(again.isNew('b', 60_000)).toBe(true)
  expect(again.isNew('a', 60_200)).toBe(true)
  expect(again.isNew('a', 60_200 + 15_000)).toBe(true)
})
