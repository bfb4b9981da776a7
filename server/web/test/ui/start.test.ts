// Before the first entry: which browsers are let in, what a scanner is, what one tap claims.

import { expect, test } from 'vitest'
import type { Gate, Household, RecordView } from '../../src/core/api'
import { first as enFirst } from '../../src/i18n/en-first'
import { rest as enRest } from '../../src/i18n/en-rest'
import { speakWhole } from '../../src/i18n'
import { ago, day, degrees, moment } from '../../src/i18n/time'
import { first as zhFirst } from '../../src/i18n/zh-first'
import { rest as zhRest } from '../../src/i18n/zh-rest'
import { canBeWell, wellVisit } from '../../src/ui/grid/all-well'
import { age } from '../../src/ui/grid/household'
import { Wedge } from '../../src/ui/scan/wedge'
import { judgeGate } from '../../src/ui/start/judge'

const zh = { ...zhFirst, ...zhRest }
const en = { ...enFirst, ...enRest }

const GOOD: Gate = { secure: true, indexedDb: true, serviceWorker: true, crypto: true, camera: true, inApp: null, ios: false, standalone: false }

test('a browser that keeps nothing has no "go on anyway"', () => {
  for (const lack of [{ secure: false }, { indexedDb: false }, { crypto: false }]) {
    expect(judgeGate({ ...GOOD, ...lack })).toMatchObject({ open: false, hard: true })
  }
})

test('a browser that may lose entries says so and lets the person decide', () => {
  for (const lack of [{ inApp: 'wechat' }, { serviceWorker: false }, { ios: true }]) {
    expect(judgeGate({ ...GOOD, ...lack })).toMatchObject({ open: false, hard: false })
  }
  expect(judgeGate(GOOD)).toEqual({ open: true })
  expect(judgeGate({ ...GOOD, ios: true, standalone: true })).toEqual({ open: true })
})

function type(wedge: Wedge, text: string, between: number, from = 0): string | null {
  let at = from
  let heard: string | null = null
  for (const key of [...text, 'Enter']) {
    heard = wedge.key(key, at) ?? heard
    at += between
  }
  return heard
}

test('a burst of keys with Enter at its end is a scanner', () => {
  expect(type(new Wedge(), '13800000099', 8)).toBe('13800000099')
  expect(type(new Wedge(), 'KD1|张三|x', 12)).toBe('KD1|张三|x')
})

test('fingers are no scanner, however long they type', () => {
  expect(type(new Wedge(), '13800000099', 120)).toBeNull()
  const wedge = new Wedge()
  type(wedge, '1380', 120)
  expect(type(wedge, '99999919900101001X', 5, 10_000)).toBe('99999919900101001X')
})

test('a key pressed by itself and Enter are no scan', () => {
  expect(type(new Wedge(), '12', 5)).toBeNull()
})

const view = (fields: RecordView['fields']): RecordView => ({
  record: 'h', kind: 'household', parent: null, scope: null, place: null, fields, standing: 'confirmed', time: 0, by: null, own: false, conflicts: {}, abnormal: [], flags: [], isVoid: false,
})
const home = (states: string[], fields: RecordView['fields'] = {}): Household => ({
  view: view(fields), members: states.map((state, at) => ({ id: String(at), fields: { state } })), visits: [], today: 'unvisited', stair: '', door: '',
})

test('"all well" claims nothing about who is away, and no temperature', () => {
  const set = wellVisit(home(['at_home', 'away', 'commuting', 'returned', 'deceased', '']), 5)
  expect(set).toEqual({
    visited_at: 5, manner: 'door', outcome: 'met', at_home: 4,
    'members/0': { state: 'at_home' }, 'members/2': { state: 'commuting' }, 'members/3': { state: 'at_home' }, 'members/5': { state: 'at_home' },
  })
})

test('a household under control, in conflict or without members is looked at, not ticked off', () => {
  expect(canBeWell(home(['at_home']))).toBe(true)
  expect(canBeWell(home([]))).toBe(false)
  expect(canBeWell(home(['at_home'], { control: { state: 'home_quarantine' } }))).toBe(false)
  expect(canBeWell(home(['at_home'], { control: { state: 'none' } }))).toBe(true)
  const disputed = home(['at_home'])
  expect(canBeWell({ ...disputed, view: { ...disputed.view, conflicts: { phone: [{ value: '1', time: 0, by: 'u1' }] } } })).toBe(false)
})

test('both languages fill in the same blanks', () => {
  const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()
  for (const name of Object.keys(zh) as (keyof typeof zh)[]) expect([name, blanks(en[name])]).toEqual([name, blanks(zh[name])])
})

test('times are said as people say them', () => {
  const now = new Date(2026, 10, 27, 9, 5).getTime()
  expect(day(now)).toBe('2026-11-27')
  expect(moment(now, now)).toBe('09:05')
  expect(moment(now - 86_400_000, now)).toBe('昨天 09:05')
  expect(moment(now - 3 * 86_400_000, now)).toBe('11-24 09:05')
  expect(ago(now - 125_000, now)).toBe('2 分钟前')
  expect(ago(now + 5000, now)).toBe('刚刚')
  expect(degrees(365)).toBe('36.5')
})

test('an age is as exact as the date of birth', async () => {
  await speakWhole()
  const now = new Date(2026, 10, 27).getTime()
  expect(age('1990-11-28', now)).toBe('35 岁')
  expect(age('1990-11-27', now)).toBe('36 岁')
  expect(age('1990', now)).toBe('36 岁')
  expect(age(undefined, now)).toBe('')
})
