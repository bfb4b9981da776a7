// A person with the app in the hand: what they tap and what they read, on a phone that can be killed
// and opened again.

import { cardOf } from './card.mjs'
import { folder, launch } from './chromium.mjs'
import { installHands } from './hands.mjs'

const STEP_MS = 20_000

export class Phone {
  /** Names that the screen said were saved. */
  confirmed = []

  constructor(road, name = 'phone') {
    this.road = road
    this.profile = folder(name)
  }

  /** Opens the browser, not yet the app. */
  async wake(args = []) {
    this.browser = await launch(this.profile, args)
    const { page } = this.browser
    this.page = page
    page.setDefaultTimeout(STEP_MS)
    await page.exposeFunction('heardSaved', name => void this.confirmed.push(name))
    await page.addInitScript(installHands)
    return this
  }

  async open(path = '/app/') {
    await this.page.goto(this.road.url + path)
    await this.page.locator('main').first().waitFor()
    return this
  }

  async reload() {
    await this.page.reload()
    await this.page.locator('main').first().waitFor()
  }

  kill() {
    return this.browser.kill()
  }

  button(text) {
    return this.page.getByRole('button', { name: text, exact: true })
  }

  tab(text) {
    return this.page.locator('.tabs button', { hasText: text }).click()
  }

  /** From the code to the first screen; no PIN. */
  async enrol(code) {
    await this.page.locator('.code-line').fill(code)
    await this.button('Enrol').click()
    await this.afterCode()
  }

  async afterCode() {
    await this.page.getByText('Enrolled', { exact: true }).waitFor()
    await this.button('Next').click()
    await this.button('Later').click()
    await this.button('Start').click()
  }

  /** For whom a checkpoint is there: without one the form asks for its number. */
  async beginShift() {
    await this.tab('Register')
    await this.page.locator('.chips.wholes .chip').first().waitFor()
    await this.button('Begin the shift').click()
    await this.page.locator('.keypad').waitFor()
  }

  /** One passer, by a scanner that types, a temperature and a code; resolves when the screen says saved. */
  async register(name) {
    await this.page.evaluate(([name, card]) => hands.passer(name, card), [name, cardOf({ name, phone: '13800000000' })])
  }

  /** Passers one after the other until the browser is gone. */
  registerOnAndOn(names) {
    const cards = names.map(name => [name, cardOf({ name, phone: '13800000000' })])
    return this.page.evaluate(async cards => {
      for (const [name, card] of cards) await hands.passer(name, card)
    }, cards)
  }

  /** A household of my grid, by its door. */
  async openDoor(door) {
    await this.tab('My grid')
    await this.page.locator('.door', { hasText: door }).click()
    await this.page.locator('main.household').waitFor()
  }

  back() {
    return this.button('Back').click()
  }

  async unsent() {
    return Number((await this.page.locator('.pill-first').innerText()).replace(/\D/g, ''))
  }

  says() {
    return this.page.locator('.pill').innerText()
  }

  /** Everybody in the list of this shift, however many pages it takes. */
  async listed() {
    await this.tab('Records')
    return this.page.evaluate(() => hands.listed())
  }

  async sendNow() {
    await this.tab('Upload')
    await this.button('Send now').click()
  }

  /** Sends until the proof is there that everything is at the centre and all of it here. */
  async untilAllSent(patience = 60_000) {
    await this.tab('Upload')
    const began = Date.now()
    for (;;) {
      const said = await this.page.locator('.upload-say').innerText()
      if (said === 'All sent, all current') return
      if (Date.now() - began > patience) throw new Error(`not all sent after ${patience} ms: ${await this.page.locator('main').innerText()}`)
      await this.button('Send now').click()
      await this.page.waitForTimeout(150)
    }
  }
}
