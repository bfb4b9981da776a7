// The screens by themselves: every one in both languages before axe, and the taps of an entry counted.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'

const UI = new URL('../ui/', import.meta.url).pathname

/** Runs one of the programs that look at screens; what it printed is kept with the test. */
function run(script, ...words) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [UI + script, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
    child.once('exit', status => {
      console.log(said.trim())
      resolve({ status, said })
    })
  })
}

test('no screen has an axe violation, a target too small or a page too wide, in Chinese and in English', { timeout: 600_000 }, async () => {
  const { status, said } = await run('pictures.mjs')
  const screens = Number(/(\d+) screens, 0 violations, 0 errors/.exec(said)?.[1] ?? 0)
  assert.equal(status, 0)
  assert.ok(screens >= 100, `${screens} screens`)
})

test('an entry takes at most 3 taps by card, 7 for who is known, 13 for who is new', { timeout: 300_000 }, async () => {
  const { said } = await run('taps.mjs')
  const taps = what => Number(new RegExp(`^taps, ${what}.*? (\\d+) +goal`, 'm').exec(said)?.[1])
  assert.ok(taps('card') <= 3)
  assert.ok(taps('known person') <= 7)
  assert.ok(taps('new person') <= 13)
  // Every one of the thirty that were timed after that is there. How long they took depends on the
  // machine and what else it does: the figures are printed, and asked for where nothing else runs.
  const [, before, after] = /unsent (\d+) before, (\d+) after/.exec(said) ?? []
  assert.equal(Number(after), Number(before) + 30)
})
