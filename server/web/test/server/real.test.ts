// The core against the real server: `kadian demo` in a process of its own, started and ended here.
// The phone must stand in the time zone of its checkpoint (npm test sets it): it asks for its days.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { Core } from '../../src/core/api.ts'
import { openCore } from '../../src/core/open.ts'
import { FakePlaces, passer, until } from '../core/place.ts'
import { gzip } from '../../src/core/net/http.ts'
import { packOf } from '../bench/pack.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const BINARY = ['release', 'debug'].map(profile => `${ROOT}target/${profile}/kadian`).find(existsSync) ?? 'kadian'

let server: ChildProcess
let said = ''
const told = (form: RegExp) => form.exec(said)?.[1] ?? ''

beforeAll(async () => {
  server = spawn(BINARY, ['demo', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  server.stdout!.on('data', (text: Buffer) => (said += text.toString()))
  for (let tries = 0; tries < 600 && !said.includes('Ctrl-C'); tries += 1) await new Promise(resolve => setTimeout(resolve, 100))
})
afterAll(() => void server.kill('SIGINT'))

type Closing = Core & { close(): Promise<void> }

async function open(online: () => boolean): Promise<Closing> {
  const base = told(/serving (http:\S+)/)
  const core = await openCore({
    base,
    worker: null,
    journal: new FakePlaces(),
    fetch: (url, init) => (online() ? fetch(url, init) : Promise.reject(new TypeError('no network'))),
  })
  return core as Closing
}

const registrations = (core: Core) => core.views({ kind: 'registration' })

test('a phone enrols, registers offline, syncs, is rescued by hand, and syncs again: one record each', { timeout: 120_000 }, async () => {
  globalThis.indexedDB = new IDBFactory()
  let online = true
  const core = await open(() => online)
  const code = told(/#code=(\S+)/)
  expect(core.readScan(`${told(/serving (http:\S+)/)}/app/#code=${code}`)).toEqual({ scan: 'enrol', code })
  expect(await core.enrol(code)).toMatchObject({ outcome: 'enrolled' })
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  const place = core.places.value.find(({ place }) => place.startsWith('checkpoint:'))!.place
  const save = (name: string) => core.capture({ ...passer(name), place })

  online = false
  expect(await save('王伟')).toMatchObject({ outcome: 'saved' })
  expect(await save('李静')).toMatchObject({ outcome: 'saved' })
  expect(core.upload.value.unsent).toBe(2)
  online = true
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  expect(registrations(core).filter(view => view.own && view.standing === 'confirmed').length).toBe(2)
  expect(registrations(core)[0]?.fields['person']).toMatchObject({ phone: '13800000000' })

  // Two more that will not get out: they are carried by hand.
  online = false
  const fever = await core.capture({ ...passer('张三', { measurement: { temperature: 388, method: 'forehead' } }), place })
  expect(fever).toMatchObject({ outcome: 'saved' })
  expect(await save('赵磊')).toMatchObject({ outcome: 'saved' })
  const rescue = await core.rescue()
  if (rescue === 'no_key') throw new Error('the server published no key')
  expect(rescue.changes).toBe(2)
  const bytes = Buffer.from(await rescue.file.arrayBuffer())
  expect(bytes.includes('张三')).toBe(false)
  const file = join(mkdtempSync(join(tmpdir(), 'kadian-rescue-')), rescue.file.name)
  writeFileSync(file, bytes)
  const database = `sqlite://${told(/data\s+(\S+)/)}/kadian.sqlite`
  const take = () => JSON.parse(execFileSync(BINARY, ['--database', database, 'rescue', 'import', file, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
  expect(take()).toMatchObject([{ changes: 2, before: 0, applied: 2, merged: 0, parked: 0, invalid: 0 }])
  expect(take()).toMatchObject([{ changes: 2, before: 2, applied: 0 }])

  // And then the network comes back after all: what was taken in is known, and not there twice.
  online = true
  core.hurry()
  await until(() => core.upload.value.allSentAllCurrent, () => core.upload.value)
  const own = registrations(core).filter(view => view.own)
  expect(own.length).toBe(4)
  expect(own.every(view => view.standing === 'confirmed')).toBe(true)
  expect(own.filter(view => view.abnormal.includes('fever')).length).toBe(1)
  expect(core.upload.value.needsHand).toEqual([])
  expect(own.flatMap(view => Object.keys(view.conflicts))).toEqual([])
  await core.close()
})

test('500 entries go in one request of at most 45 kB', { timeout: 120_000 }, async () => {
  // A phone that never enrolled: only the sizes of what would go are looked at.
  const { body, carried } = packOf(1_200)
  const packed = (await gzip(new TextEncoder().encode(body)))!
  console.log(`${carried} entries: ${body.length} bytes, ${packed.length} compressed`)
  expect(carried).toBe(500)
  expect(packed.length).toBeLessThanOrEqual(45_000)
})
