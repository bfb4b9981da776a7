// Measures the core in Chromium with the processor slowed down six times, as a phone of some years
// is slower than this machine: node scripts/bench.mjs [entries]

import { createServer } from 'node:http'
import { readFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { build } from 'vite'
import { page as settings, ROOT } from './pages.mjs'

const ENTRIES = Number(process.argv[2] ?? 10_000)
const SLOWER = 6
const out = mkdtempSync(join(tmpdir(), 'kadian-bench-'))
const made = settings('app')
await build({ ...made, root: `${ROOT}test/bench`, publicDir: false, build: { ...made.build, outDir: out, rolldownOptions: { ...made.build.rolldownOptions, input: `${ROOT}test/bench/page.html` } } })

const server = createServer((request, response) => {
  const types = { '.html': 'text/html', '.js': 'text/javascript' }
  try {
    const body = readFileSync(join(out, new URL(request.url, 'http://x').pathname))
    response.writeHead(200, { 'content-type': types[extname(request.url)] ?? 'application/octet-stream' }).end(body)
  } catch {
    response.writeHead(404).end()
  }
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}/page.html`

const profile = mkdtempSync(join(tmpdir(), 'kadian-profile-'))
const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await context.newPage()
page.on('pageerror', error => console.error('page:', error.message))
const client = await context.newCDPSession(page)
const slow = rate => client.send('Emulation.setCPUThrottlingRate', { rate })
const at = (times, share) => [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]
const say = (what, figure, goal) => console.log(`${what.padEnd(52)}${figure.padStart(12)}   goal ${goal}`)

await page.goto(url)
await page.evaluate(() => bench.open())
await page.evaluate(count => bench.capture(count, 0), ENTRIES)
await slow(SLOWER)
await page.reload()
const opened = await page.evaluate(() => bench.open())
if (opened.unsent !== ENTRIES) throw new Error(`${opened.unsent} unsent instead of ${ENTRIES}`)
say(`start with ${ENTRIES} unsent, ${SLOWER}x slower`, `${opened.ms.toFixed(0)} ms`, '1,500 ms')
const times = await page.evaluate(from => bench.capture(200, from), ENTRIES)
say(`save, p50 / p95 with ${ENTRIES} unsent, ${SLOWER}x slower`, `${at(times, 0.5).toFixed(1)} / ${at(times, 0.95).toFixed(1)} ms`, '100 ms')
const recalls = await page.evaluate(() => bench.recall(20_000, 60))
say(`recall among 20,000, worst, ${SLOWER}x slower`, `${Math.max(...recalls).toFixed(1)} ms`, '50 ms')
await context.close()
server.close()
