// Save to ready, on the app itself: from the tap on a code until the form is empty and takes the next
// digit, and until the entry is confirmed, which is after its commit. Beside it the time in which the
// page had a processor: on a machine that has other work, waiting for one is not the app's.

import { beside, quantile } from './figures.mjs'
import { SLOWER } from './phone.mjs'

const SAVES = 60
/** A person does not save the next one within half a second. */
const BETWEEN_MS = 500

export async function saves(site, { page, client, slow }, unsent, figure) {
  await page.locator('.keypad').waitFor()
  await client.send('Performance.enable', { timeDomain: 'threadTicks' })
  const worked = async () => (await client.send('Performance.getMetrics')).metrics.find(one => one.name === 'TaskDuration').value
  await slow(SLOWER)
  const ready = []
  const confirmed = []
  const work = []
  for (let n = 0; n < SAVES; n += 1) {
    await page.evaluate(type, { digits: `1390${String(1_000_000 + n * 7_919).slice(-7)}`, name: `刘${'一二三四五六七八九十'[n % 10]}` })
    const before = await worked()
    ready.push(await page.evaluate(tap))
    work.push((await worked() - before) * 1_000)
    confirmed.push(await page.evaluate(() => window.confirmed))
    await page.waitForTimeout(BETWEEN_MS)
  }
  figure(`save to ready with ${unsent} unsent, p95 of ${SAVES}`, Math.round(quantile(ready, 0.95)), 100, 'ms')
  beside('p50', `${Math.round(quantile(ready, 0.5))} ms`)
  beside('tap to confirmed, which is after the commit: p50 / p95', `${Math.round(quantile(confirmed, 0.5))} / ${Math.round(quantile(confirmed, 0.95))} ms`)
  beside('processor of the page, tap to ready: p50 / p95', `${Math.round(quantile(work, 0.5))} / ${Math.round(quantile(work, 0.95))} ms`)
  await slow(1)
}

/** In the page: types one passer as fingers would. */
async function type({ digits, name }) {
  const frame = () => new Promise(done => requestAnimationFrame(done))
  const until = async found => {
    while (!found()) await frame()
    return found()
  }
  document.querySelector('.key.side').click()
  const input = await until(() => document.querySelector('#name'))
  input.value = name
  input.dispatchEvent(new Event('input', { bubbles: true }))
  input.closest('form').requestSubmit()
  await until(() => !document.querySelector('.sheet'))
  document.querySelector('.line-value').click()
  for (const digit of `${digits}365`) {
    ;[...document.querySelectorAll('.keypad .key')].find(one => one.textContent === digit).click()
    await frame()
  }
  await until(() => !document.querySelector('.code.green').disabled)
  await frame()
}

/** In the page: the tap that ends it, and what comes of it. */
async function tap() {
  const turn = () => new Promise(done => {
    const channel = new MessageChannel()
    channel.port1.onmessage = done
    channel.port2.postMessage(0)
  })
  const until = async (what, found) => {
    const began = performance.now()
    while (!found()) {
      if (performance.now() - began > 8_000) throw new Error(`${what}: ${document.body.innerText.slice(0, 300)}`)
      await turn()
    }
  }
  const keys = [...document.querySelectorAll('.keypad .key')]
  const said = () => document.querySelector('.line-value')?.textContent ?? ''
  const before = document.querySelector('.toast')
  const began = performance.now()
  window.confirmed = new Promise(resolve => {
    const heard = new MutationObserver(() => {
      if ([null, before].includes(document.querySelector('.toast'))) return
      heard.disconnect()
      resolve(performance.now() - began)
    })
    heard.observe(document.querySelector('.toast-place'), { childList: true, subtree: true })
  })
  document.querySelector('.code.green').click()
  await until('the form is empty', () => said() !== '' && !/\d/.test(said()))
  keys.find(one => one.textContent === '1').click()
  await until('a key is heeded', () => /1/.test(said()))
  const ready = performance.now() - began
  keys.find(one => one.querySelector('svg') && !one.classList.contains('scan')).click()
  return ready
}
