// A start from what the phone holds, without a network, until the form takes a digit; with much unsent.

import { beside, quantile } from './figures.mjs'
import { SLOWER, watchFor } from './phone.mjs'

const STARTS = 7

export async function warmStarts(site, { page, context, slow }, unsent, figure) {
  await page.goto(`${site.address}/app/`)
  // From the code to the shift to the form, as on any phone that is not enrolled yet.
  await page.locator('.enrol .button.quiet').click()
  await page.locator('.foot .button').click()
  await page.locator('.keypad').waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  await context.setOffline(true)
  await watchFor(page, '.register .keypad ~ .codes .code')
  await slow(SLOWER)
  const times = []
  for (let n = 0; n < STARTS; n += 1) {
    await page.reload({ waitUntil: 'commit' })
    times.push(await page.evaluate(() => window.usable))
  }
  figure(`usable warm and offline with ${unsent} unsent, median of ${STARTS}`, Math.round(quantile(times, 0.5)), 1_000, 'ms')
  beside('worst', `${Math.round(Math.max(...times))} ms`)
  await slow(1)
}
