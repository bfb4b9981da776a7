// How many taps an entry takes and how soon the next one may begin, on the real app without a centre:
// `node test/ui/taps.mjs`. Prints the figures and fails where one is missed.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { phone, serve } from './browser.mjs'
import { cardText, film } from './camera.mjs'

const WEB = new URL('../..', import.meta.url).pathname

const picture = join(mkdtempSync(join(tmpdir(), 'kadian-film-')), 'card.y4m')
film(picture, cardText())

const site = await serve(WEB)
const { page, context, close } = await phone(['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${picture}`])
page.setDefaultTimeout(8000)
await context.grantPermissions(['camera'])
await page.addInitScript(() => {
  window.taps = 0
  addEventListener('pointerdown', () => { window.taps += 1 }, true)
})
await page.goto(site.address)
const missed = []
function figure(name, is, goal) {
  console.log(`${name.padEnd(44)} ${String(is).padStart(7)}   goal ${goal}`)
  if (is > goal) missed.push(name)
}

const key = digit => page.locator('.keypad .key', { hasText: new RegExp(`^${digit}$`) }).click()
const digits = async text => { for (const one of text) await key(one) }
const chip = text => page.locator('.heat .chip', { hasText: text }).click()
const green = () => page.locator('.code.green').click()
const zero = () => page.evaluate(() => { window.taps = 0 })
const taps = () => page.evaluate(() => window.taps)
const unsent = async () => Number((await page.locator('.pill-first').innerText()).replace(/\D/g, ''))
// The form is free before an entry is in storage; it counts once it is. The toast may still be the one
// of the entry before, so the number is what is waited for.
const stored = all => page.waitForFunction(all => Number(document.querySelector('.pill-first').innerText.replace(/\D/g, '')) >= all, all)

await page.locator('.button.quiet').click()
await page.locator('.foot .button').click()
await page.locator('.keypad').waitFor()

// A new person: eleven digits, a temperature, a code. The name is typed on the phone's own keyboard.
await zero()
await digits('13900001234')
await chip('36.5')
await green()
const tapped = await taps()
if (await page.locator('#name').count()) {
  await page.locator('#name').fill('王建国')
  await page.keyboard.press('Enter')
}
await stored(1)
figure('taps, new person (name by keyboard besides)', tapped, 13)

// A known person, by the last four digits.
await zero()
await digits('1234')
await page.locator('.proposal').first().click()
await chip('36.2')
await green()
const twice = page.locator('.sheet .pair .button').nth(1)
await Promise.race([stored(2), twice.waitFor()])
const known = await taps()
if (await twice.count()) await twice.click()
await stored(2)
figure('taps, known person', known, 7)

// A traveller's card before the camera.
await zero()
const began = Date.now()
await page.locator('.key.scan').click()
await page.locator('.person-name', { hasText: '赵磊' }).waitFor()
const seen = Date.now() - began
await chip('36.8')
await green()
await stored(3)
figure('taps, card', await taps(), 3)
figure('ms, camera open to fields filled', seen, 1500)

// Save to ready at a sixth of the speed: from the tap on the code until the form takes the next digit.
const client = await context.newCDPSession(page)
await client.send('Emulation.setCPUThrottlingRate', { rate: 6 })
const before = await unsent()
const times = []
page.on('pageerror', error => console.log(error.stack))
for (let n = 0; n < 30; n += 1) {
  const tail = String(10000 + n * 7).slice(-4)
  times.push(await page.evaluate(async tail => {
    const press = text => [...document.querySelectorAll('.keypad .key')].find(one => one.textContent === text)
    const frame = () => new Promise(done => requestAnimationFrame(done))
    // A timer may not fire sooner than after four milliseconds; a message may.
    const turn = () => new Promise(done => {
      const channel = new MessageChannel()
      channel.port1.onmessage = done
      channel.port2.postMessage(0)
    })
    const until = async (what, found) => {
      const began = performance.now()
      for (;;) {
        const it = found()
        if (it) return it
        if (performance.now() - began > 8000) throw new Error(`${what}: ${document.body.innerText.slice(0, 200)}`)
        await turn()
      }
    }
    document.querySelector('.key.side').click()
    const name = await until('the name may be typed', () => document.querySelector('#name'))
    name.value = `刘${tail}`
    name.dispatchEvent(new Event('input', { bubbles: true }))
    await frame()
    name.closest('form').requestSubmit()
    await until('the sheet is closed', () => !document.querySelector('.sheet'))
    document.querySelector('.line-value').click()
    for (const one of `1380000${tail}365`) {
      press(one).click()
      await frame()
    }
    await until('a code may be tapped', () => !document.querySelector('.code.green').disabled)
    await frame()
    const began = performance.now()
    document.querySelector('.code.green').click()
    await until('the form is empty again', () => !/\d/.test(document.querySelector('.line-value').textContent))
    return performance.now() - began
  }, tail))
}
times.sort((a, b) => a - b)
figure('ms, save to ready at 6x, median', Math.round(times[15]), 100)
figure('ms, save to ready at 6x, p95', Math.round(times[28]), 100)
await stored(before + 30).catch(() => undefined)
const after = await unsent()
console.log(`unsent ${before} before, ${after} after 30 more`)
if (after !== before + 30) missed.push('entries')
await close()
site.close()
if (missed.length > 0) console.log('missed:', missed.join('; '))
process.exit(missed.length > 0 ? 1 : 0)
