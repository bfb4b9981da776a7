// The core alone, without a screen: a start with much unsent, an entry, a recall.

import { beside, quantile } from './figures.mjs'
import { phone as fresh, SLOWER } from './phone.mjs'

const STARTS = 5

/** Leaves a phone on which this many entries are unsent. */
export async function coreFigures(site, unsent, figure) {
  const phone = await fresh()
  const { page, slow } = phone
  await page.goto(`${site.address}/bench/page.html`)
  await page.evaluate(() => bench.open())
  await page.evaluate(count => bench.capture(count, 0), unsent)
  await slow(SLOWER)
  const starts = []
  for (let n = 0; n < STARTS; n += 1) {
    await page.reload()
    const opened = await page.evaluate(() => bench.open())
    if (opened.unsent !== unsent) throw new Error(`${opened.unsent} unsent instead of ${unsent}`)
    starts.push(opened.ms)
  }
  figure(`start of the core with ${unsent} unsent, median of ${STARTS}`, Math.round(quantile(starts, 0.5)), 1_500, 'ms')
  const recalls = await page.evaluate(() => bench.recall(20_000, 60))
  figure('recall among 20,000 people, p95 of 60', Math.round(quantile(recalls, 0.95)), 50, 'ms')
  beside('worst', `${Math.round(Math.max(...recalls))} ms`)
  await slow(1)
  return phone
}
