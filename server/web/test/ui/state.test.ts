// What the header says about uploading.

import { expect, test } from 'vitest'
import type { Access, Hand, Upload } from '../../src/core/api'
import { SILENCE, status } from '../../src/ui/state'

const NOW = 1_795_306_560_000
const QUIET: Upload = {
  unsent: 0, oldestUnsent: null, lastContact: NOW - 1000, allSentAllCurrent: true, phase: 'idle', inFlight: 0, nextAt: NOW, fault: null, needsHand: [], unplaced: 0, clockOffset: 0,
}
const HAND: Hand = { entry: 1, record: 'r', kind: null, verdict: 'invalid', code: 'missing', path: null, fields: [], set: null, fix: 'mend' }
const said = (some: Partial<Upload>, access: Access = 'enrolled') => status({ ...QUIET, ...some }, access, NOW).say

test('"all sent" is said on the proof and on nothing else', () => {
  expect(said({})).toBe('current')
  expect(said({ allSentAllCurrent: false })).toBe('checking')
})

test('"all sent" is never said while anything is unsent, in any state whatever', () => {
  const accesses: Access[] = ['unenrolled', 'enrolling', 'enrolled', 'needs_code', 'revoked', 'blocked']
  const phases: Upload['phase'][] = ['idle', 'sending', 'waiting', 'no_code', 'blocked']
  for (const access of accesses) for (const phase of phases) for (const inFlight of [0, 5]) for (const contact of [null, NOW, NOW - SILENCE * 2]) {
    for (const proof of [true, false]) for (const hands of [[], [HAND]]) {
      const say = said({ unsent: 1, phase, inFlight, lastContact: contact, allSentAllCurrent: proof, needsHand: hands }, access)
      expect(say).not.toBe('current')
      expect(say).not.toBe('checking')
    }
  }
})

test('a phone that the centre does not know says so before all else', () => {
  for (const access of ['needs_code', 'revoked', 'blocked'] as const) expect(said({ unsent: 3, needsHand: [HAND] }, access)).toBe('no_code')
  expect(said({}, 'unenrolled')).toBe('unenrolled')
})

test('what needs mending is said before what is only waiting', () => {
  expect(said({ unsent: 3, needsHand: [HAND] })).toBe('hand')
  expect(said({ unsent: 3, needsHand: [{ ...HAND, fix: 'dismiss' }] })).toBe('unsent')
  expect(said({ unsent: 3, unplaced: 3 })).toBe('hand')
})

test('no network is said only when it was tried and nothing was heard for a while', () => {
  expect(said({ unsent: 3, phase: 'waiting', lastContact: NOW - SILENCE - 1 })).toBe('offline')
  expect(said({ unsent: 3, phase: 'waiting', lastContact: NOW - 1000 })).toBe('unsent')
  expect(said({ unsent: 3, phase: 'idle', lastContact: null })).toBe('unsent')
})

test('sending is said while changes are under way', () => {
  expect(said({ unsent: 3, phase: 'sending', inFlight: 2 })).toBe('sending')
  expect(said({ allSentAllCurrent: false, phase: 'sending', inFlight: 0 })).toBe('checking')
})
