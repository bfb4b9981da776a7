// The device side against its twin in Rust: random histories, compared after every step, whole
// replica against whole replica. The twin is built by cargo if it is not there.
//
// KADIAN_HISTORIES and KADIAN_SEED ask for more of them, or others.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import { hurry } from '../../src/core/sync/pace.ts'
import { dump, dumpRow } from '../../src/core/sync/dump.ts'
import { loseMarks } from '../../src/core/sync/outbox.ts'
import { newReplica } from '../../src/core/sync/replica.ts'
import { next } from '../../src/core/sync/request.ts'
import { allSentAllCurrent, oldestUnsent, unsent } from '../../src/core/sync/status.ts'
import { views } from '../../src/core/sync/view.ts'
import { perform } from './drive.ts'
import { live, type StepOf } from './history.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const HISTORIES = Number(process.env['KADIAN_HISTORIES'] ?? 60)
const SEED = Number(process.env['KADIAN_SEED'] ?? 20_261_122)
const LENGTH = 220

function twin(): string {
  const built = ['release', 'debug'].map(profile => `${ROOT}target/${profile}/twin`).find(existsSync)
  if (built !== undefined) return built
  execFileSync('cargo', ['build', '-p', 'kadian-tests', '--bin', 'twin', '--locked'], { cwd: ROOT, stdio: 'inherit' })
  return `${ROOT}target/debug/twin`
}

/* eslint-disable @typescript-eslint/no-explicit-any */
function replay(seed: number): { steps: StepOf[]; told: any[] } {
  const replica = newReplica()
  const told: any[] = []
  const steps = live(seed, LENGTH, step => {
    const moment = { wall: step['wall'] as number, mono: step['mono'] as number }
    let outcome: any
    if (step.do === 'next') {
      const { mayCompress, tokenHash, knewMark, ...action } = next(replica, moment) as any
      outcome = { ...action, ...(mayCompress === undefined ? {} : { may_compress: mayCompress }), ...(tokenHash === undefined ? {} : { token_hash: tokenHash, knew_mark: knewMark }) }
    } else if (step.do === 'hurry') outcome = hurry(replica) ?? null
    else if (step.do === 'lose_marks') outcome = loseMarks(replica, step['last'] as number) ?? null
    else if (step.do === 'look') {
      outcome = {
        unsent: unsent(replica), oldest: oldestUnsent(replica), proof: allSentAllCurrent(replica, moment),
        views: views(replica).map(({ captured: _, row, ...view }) => ({ ...view, row: row === null ? null : dumpRow(row) })),
      }
    } else outcome = perform(replica, step)
    told.push(JSON.parse(JSON.stringify({ outcome, replica: dump(replica) })))
    return outcome
  })
  return { steps, told }
}

test(`${HISTORIES} histories of ${LENGTH} steps lead both twins to the same`, { timeout: 600_000 }, () => {
  const histories = Array.from({ length: HISTORIES }, (_, i) => ({ seed: SEED + i, ...replay(SEED + i) }))
  const input = histories.map(({ steps }) => JSON.stringify(steps)).join('\n')
  const run = spawnSync(twin(), { input, maxBuffer: 2 ** 31 - 1, encoding: 'utf8' })
  expect(run.stderr).toBe('')
  const lines = run.stdout.trimEnd().split('\n')
  expect(lines.length).toBe(HISTORIES)
  const seen: { [outcome: string]: number } = {}
  histories.forEach(({ seed, steps, told }, i) => {
    const theirs = JSON.parse(lines[i]!)
    steps.forEach((step, at) => {
      const where = `seed ${seed}, step ${at}: ${JSON.stringify(step).slice(0, 300)}`
      expect(told[at].outcome, where).toEqual(theirs[at].outcome)
      expect(told[at].replica, where).toEqual(theirs[at].replica)
      const key = typeof told[at].outcome === 'string' ? told[at].outcome : (told[at].outcome?.action ?? step.do)
      seen[key] = (seen[key] ?? 0) + 1
    })
  })
  // A history in which nothing happens proves nothing.
  const whole = HISTORIES >= 40
  for (const what of whole ? ['applied', 'gap', 'fork', 'no_reply', 'reshaped', 'send', 'enrol', 'needs_code'] : ['applied', 'send']) expect(seen[what] ?? 0, what).toBeGreaterThan(0)
})


