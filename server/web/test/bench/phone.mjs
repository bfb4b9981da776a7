// A phone of some years: Chromium with a small screen and fingers, its processor slowed down.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const SLOWER = 6
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

/** A browser with a fresh profile; `language` as the phone's own. */
export async function phone(language = 'zh-CN') {
  const profile = mkdtempSync(join(tmpdir(), 'kadian-profile-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGS,
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    locale: language,
    timezoneId: 'Asia/Shanghai',
  })
  // The tab that the browser opens with: another one would share its time with it.
  const page = context.pages()[0] ?? (await context.newPage())
  page.on('pageerror', error => console.error('page:', error.stack))
  const client = await context.newCDPSession(page)
  return {
    context,
    page,
    client,
    slow: rate => client.send('Emulation.setCPUThrottlingRate', { rate }),
    close: () => context.close(),
  }
}

/**
 * Told to the page before it loads: notes when what `selector` names stands there and the page has
 * time for a finger. In ms since the address was entered.
 */
export async function watchFor(page, selector) {
  await page.addInitScript(selector => {
    const usable = new Promise(resolve => {
      const look = () => {
        if (!document.querySelector(selector)) return requestAnimationFrame(look)
        const channel = new MessageChannel()
        channel.port1.onmessage = () => resolve(performance.now())
        channel.port2.postMessage(0)
      }
      requestAnimationFrame(look)
    })
    Object.assign(window, { usable })
  }, selector)
}
