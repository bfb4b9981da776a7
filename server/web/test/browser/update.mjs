// A newer version of the app arrives while a push is under way: nothing of it is used before the
// answer is there, and then all of it: node test/browser/update.mjs

import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { build } from 'vite'
import { ROOT, TARGET } from '../../scripts/pages.mjs'
import { buildStage, folder, launch, serve } from './stage.mjs'

async function worker(version) {
  const out = folder('sw')
  await build({
    configFile: false, root: ROOT, publicDir: false, logLevel: 'error',
    define: { __VERSION__: JSON.stringify(version), __FILES__: JSON.stringify(['./', 'mark.js']), __NAME__: '"stage"' },
    build: { outDir: out, target: TARGET, lib: { entry: `${ROOT}src/core/sw.ts`, formats: ['iife'], name: 'sw', fileName: () => 'sw.js' } },
  })
  return readFileSync(join(out, 'sw.js'))
}

const check = (holds, what) => {
  if (!holds) throw new Error(`not so: ${what}`)
  console.log(`ok  ${what}`)
}

const stage = await buildStage()
const files = new Map([['/sw.js', await worker('one')], ['/mark.js', 'one']])
const world = await serve(stage, files)
const browser = await launch(folder('profile'))
const page = await browser.context.newPage()
const until = async (what, deed) => {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await deed().catch(() => false)) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`it did not come to: ${what}`)
}
const mark = () => page.evaluate(async () => (await fetch('/mark.js')).text())

try {
  await page.goto(world.url)
  await page.evaluate(() => stage.open('sw.js'))
  await until('the first version in charge', () => page.evaluate(() => navigator.serviceWorker.controller !== null))
  await page.reload()
  await page.evaluate(() => stage.open('sw.js'))
  await page.evaluate(() => stage.core().enrol('7Q2M'))
  await until('all sent', () => page.evaluate(() => stage.core().upload.value.allSentAllCurrent))
  check((await mark()) === 'one', 'the first version serves its own file')

  files.set('/sw.js', await worker('two'))
  files.set('/mark.js', 'two')
  check((await mark()) === 'one', 'what the server has newer is not mixed in')
  let release
  world.state.held = new Promise(resolve => (release = resolve))
  await page.exposeFunction('confirmed', () => undefined)
  await page.evaluate(() => stage.register(0, 3))
  await page.evaluate(() => stage.core().hurry())
  await until('a push under way', async () => world.state.pushes > 0)
  await page.evaluate(() => void (window.same = true))
  await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()))
  await until('the second version waiting', () => page.evaluate(() => stage.core().update.value === 'ready'))
  await page.evaluate(() => stage.core().applyUpdate())
  await new Promise(resolve => setTimeout(resolve, 1_500))
  check(await page.evaluate(() => window.same === true), 'in the middle of a push nothing is taken, though somebody asked for it')
  check((await mark()) === 'one', 'and the first version still serves')
  release()
  world.state.held = null
  await until('the page loaded anew', () => page.evaluate(() => window.same === undefined))
  await until('the second version serving', async () => (await mark()) === 'two')
  check(true, 'after the answer the second version is there, whole')
  await page.evaluate(() => stage.open('sw.js'))
  await until('all sent', () => page.evaluate(() => stage.core().upload.value.allSentAllCurrent))
  check(world.centre.records.size === 3, 'and all that was captured is at the centre, once')

  files.set('/sw.js', await worker('three'))
  await page.evaluate(() => stage.core().setDirty(true))
  await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()))
  await until('the third version waiting', () => page.evaluate(() => stage.core().update.value === 'ready'))
  await page.evaluate(() => void (window.same = true))
  await page.evaluate(() => stage.core().applyUpdate())
  await new Promise(resolve => setTimeout(resolve, 1_000))
  check(await page.evaluate(() => window.same === true), 'a form with something typed in it is not taken away')
  await page.evaluate(() => stage.core().setDirty(false))
  await until('the page loaded anew', () => page.evaluate(() => window.same === undefined))
  check(true, 'and is left when it is done with')
} finally {
  await browser.kill()
  world.close()
}
