// What the tests of the browser stand on: the bare page built, a toy centre over HTTP, a profile
// that outlives the browser, and a browser that can be killed.

import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { build } from 'vite'
import { page as settings, ROOT } from '../../scripts/pages.mjs'

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' }

export function folder(name) {
  return mkdtempSync(join(tmpdir(), `kadian-${name}-`))
}

/** Builds the page; the toy centre comes with it, since it is written for the same tests. */
export async function buildStage() {
  const out = folder('stage')
  const made = settings('app')
  const { build: how } = made
  const input = `${ROOT}test/browser/page.html`
  await build({ ...made, root: `${ROOT}test/browser`, publicDir: false, build: { ...how, outDir: out, rolldownOptions: { ...how.rolldownOptions, input } } })
  const centre = folder('centre')
  await build({ configFile: false, root: ROOT, publicDir: false, logLevel: 'warn', build: { outDir: centre, ssr: `${ROOT}test/sync/centre.ts`, rolldownOptions: { output: { entryFileNames: 'centre.mjs' } } } })
  const { Centre } = await import(join(centre, 'centre.mjs'))
  return { out, Centre }
}

/** Serves the page, files that a test adds, and the centre; `held` keeps an answer back. */
export async function serve({ out, Centre }, files = new Map()) {
  const centre = new Centre(outOf => outOf - 1)
  centre.utcOffset = -new Date().getTimezoneOffset()
  const state = { centre, files, held: null, pushes: 0, forks: 0, gaps: 0, lostLines: 0 }
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://x').pathname
    const json = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (path === '/v1/enrol') {
      // Whoever leaves a number begins anew under another.
      if (request.headers.authorization) {
        centre.device += 1
        centre.marks = []
      }
      return json(200, { protocol: 1, device: centre.device, line: centre.device, user: 'u17', now: Date.now() })
    }
    if (path === '/v1/sync') {
      const parts = []
      for await (const part of request) parts.push(part)
      const raw = Buffer.concat(parts)
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString()
      if (text.trim().includes('\n')) {
        state.pushes += 1
        if (state.held !== null) await state.held
      }
      const answer = centre.answer(text, Date.now())
      if (answer.body.code === 'fork') state.forks += 1
      if (answer.body.code === 'gap') state.gaps += 1
      state.lostLines += text.split('\n').filter(line => line.startsWith('{"lost"')).length
      return json(answer.status, answer.body)
    }
    if (path.startsWith('/v1/')) return json(404, { code: 'not_found' })
    const added = files.get(path)
    try {
      const body = added ?? readFileSync(join(out, path === '/' ? 'page.html' : path))
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/html', 'cache-control': 'no-cache' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { ...state, state, url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

/** A browser in a process group of its own, so that killing it leaves nothing behind. */
export async function launch(profile) {
  const args = ['--headless=new', '--no-sandbox', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-first-run', '--disable-gpu', 'about:blank']
  const child = spawn(CHROMIUM, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const endpoint = await new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', text => {
      said += text
      const found = /ws:\/\/\S+/.exec(said)
      if (found) resolve(found[0])
    })
    child.once('exit', () => reject(new Error(`the browser did not start: ${said}`)))
  })
  const browser = await chromium.connectOverCDP(endpoint)
  const gone = new Promise(resolve => child.once('exit', resolve))
  return {
    context: browser.contexts()[0],
    /** As a battery that dies: no handler of the page runs. */
    async kill() {
      process.kill(-child.pid, 'SIGKILL')
      await gone
    },
  }
}
