// A real Chromium with a profile that outlives it, and a way to kill it as a battery would.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const PHONE = { width: 360, height: 740 }
/** How long a browser may take until it can be spoken to, on a machine that is busy. */
const START_MS = 60_000

export function folder(name) {
  const made = mkdtempSync(join(tmpdir(), `kadian-${name}-`))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A browser in a process group of its own, so that killing it leaves nothing behind. */
export async function launch(profile, more = []) {
  const args = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--lang=en-US', '--remote-debugging-port=0', `--user-data-dir=${profile}`, ...more, 'about:blank',
  ]
  if (!existsSync(CHROMIUM)) throw new Error('Chromium is missing; on Debian: sudo apt-get install chromium')
  const child = spawn(CHROMIUM, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = new Promise(resolve => child.once('exit', resolve))
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Dead already: that was wanted.
    }
  }
  process.once('exit', end)
  const browser = await chromium.connectOverCDP(await endpointOf(child))
  const context = browser.contexts()[0]
  const page = context.pages()[0] ?? (await context.newPage())
  await page.setViewportSize(PHONE)
  return {
    context,
    page,
    async kill() {
      end()
      await gone
      process.off('exit', end)
      await browser.close().catch(() => undefined)
    },
  }
}

/** Where the browser listens: it says so by itself. */
function endpointOf(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`the browser did not start: ${said}`)), START_MS)
    child.stderr.on('data', text => {
      said += text
      const found = /ws:\/\/\S+/.exec(said)
      if (!found) return
      clearTimeout(timer)
      resolve(found[0])
    })
    child.once('exit', () => reject(new Error(`the browser did not start: ${said}`)))
  })
}
