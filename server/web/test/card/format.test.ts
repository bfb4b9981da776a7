// The text of a traveller's card: what is written is read back, and nothing else is taken for one.

import { expect, test } from 'vitest'
import { decodeCard, encodeCard } from '../../src/card/format'
import type { CardFields } from '../../src/core/scan'

const card: CardFields = {
  name: '张三丰',
  phone: '13800000000',
  document: 'resident_id',
  number: '99999919900101001X',
  plate: '豫P12345',
  origin: '沙河镇',
  destination: '三号楼 2-401',
  made: 1_795_306_560_000,
}

test('a card is read back as it was written', () => {
  expect(decodeCard(encodeCard(card))).toEqual(card)
})

test('the text of a card is pinned, so that old cards stay readable', () => {
  expect(encodeCard(card)).toBe(
    'KD1|htbsg|张三丰|13800000000|resident_id|99999919900101001X|豫P12345|沙河镇|三号楼 2-401|97ee',
  )
})

test('bars and percent signs inside a field do not move the others', () => {
  const odd = { ...card, name: 'A|B%7C', destination: '100%|' }
  expect(decodeCard(encodeCard(odd))).toEqual(odd)
})

test('a card that a scanner cut short or misread is not taken', () => {
  const text = encodeCard(card)
  for (let end = 0; end < text.length; end += 1) expect(decodeCard(text.slice(0, end))).toBeNull()
  expect(decodeCard(text.replace('13800000000', '13800000001'))).toBeNull()
})

test('other codes are no cards', () => {
  for (const text of ['', '|', 'KD2|1|a|b|c|d|e|f|g|0000', 'https://example.org/?a=1|2', '13800000000']) {
    expect(decodeCard(text)).toBeNull()
  }
})

test('seconds are cut off, so that a card does not tell more than it must', () => {
  expect(decodeCard(encodeCard({ ...card, made: card.made + 59_999 }))?.made).toBe(card.made)
})
