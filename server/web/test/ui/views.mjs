// Every screen, and the taps that lead to it from the start of a state.

import { cardText } from './camera.mjs'

const tap = (page, name) => page.getByRole('button', { name }).first().click()
const tab = (page, at) => page.locator('nav.tabs button').nth(at).click()
const digits = async (page, text) => {
  for (const digit of text) await page.locator('.keypad .key', { hasText: new RegExp(`^${digit}$`) }).click()
}
const code = (page, which) => page.locator(`.code.${which}`).click()

/** Name of the picture, state, and the way there. Tabs: 0 grid, 1 register, 2 records, 3 upload, 4 me. */
export const VIEWS = [
  ['f00-gate-in-app', 'gate'],
  ['f00-gate-ios', 'gateIos'],
  ['f00-gate-hard', 'gateHard'],
  ['f01-enrol-code', 'fresh'],
  ['f01-enrol-refused', 'fresh', async page => { await page.locator('.code-line').fill('WRONG'); await page.locator('form button[type=submit]').click() }],
  ['f01-enrol-name', 'fresh', async page => { await page.locator('.code-line').fill('7Q2M-K4ZP'); await page.locator('form button[type=submit]').click(); await page.locator('input.tall').waitFor() }],
  ['f01-enrol-pin', 'fresh', async page => { await page.locator('.code-line').fill('7Q2M-K4ZP'); await page.locator('form button[type=submit]').click(); await page.locator('form button.main').click() }],
  ['f01-install', 'fresh', async page => { await page.locator('.code-line').fill('7Q2M-K4ZP'); await page.locator('form button[type=submit]').click(); await page.locator('form button.main').click(); await page.locator('.button.quiet').click() }],
  ['f02-who', 'locked'],
  ['f02-pin', 'locked', async page => { await page.locator('.person-row').first().click(); await digits(page, '12') }],
  ['f02-locked', 'ordinary', async page => { await tab(page, 1); await page.evaluate(() => window.stage.lock()); await page.locator('.pin').waitFor() }],
  ['f02-wrong-pin', 'locked', async page => { await page.locator('.person-row').first().click(); await digits(page, '654321'); await page.locator('.note.bad').waitFor() }],
  ['f03-shift', 'noShift', page => tab(page, 1)],
  ['f03-place', 'unplaced'],
  ['f03-register', 'ordinary', page => tab(page, 1)],
  ['f03-typing', 'ordinary', async page => { await tab(page, 1); await digits(page, '138001') }],
  ['f04-recall', 'ordinary', async page => { await tab(page, 1); await digits(page, '1234') }],
  ['f04-recognised', 'ordinary', async page => { await tab(page, 1); await digits(page, '1234'); await page.locator('.proposal').first().click(); await tap(page, /^36\.5$/) }],
  ['f03-hot', 'ordinary', async page => { await tab(page, 1); await digits(page, '13800000099376') }],
  ['f03-name-missing', 'ordinary', async page => { await tab(page, 1); await digits(page, '13800000099'); await tap(page, /^36\.5$/); await code(page, 'green') }],
  ['f03-name', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.side').nth(0).click() }],
  ['f03-plate', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.side').nth(1).click() }],
  ['f03-plate-signs', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.side').nth(1).click(); await page.locator('.plate-keys .key').nth(5).click() }],
  ['f03-more', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.side').nth(2).click() }],
  ['f03-more-open', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.side').nth(2).click(); await page.locator('.fold summary').first().click() }],
  ['f03-itinerary', 'ordinary', async page => { await tab(page, 1); await page.locator('.open-row .open').first().click() }],
  ['f03-question', 'question', page => tab(page, 1)],
  ['f03-twice', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000011'); await code(page, 'green') }],
  ['f03-tally', 'tally', page => tab(page, 1)],
  ['f05-scan', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.scan').click(); await film(page) }],
  ['f05-no-camera', 'ordinary', async page => { await tab(page, 1); await noCamera(page); await page.locator('.key.scan').click(); await page.locator('.note.warn').waitFor() }],
  ['f05-stand', 'ordinary', stand],
  ['f05-stand-read', 'ordinary', async page => { await stand(page); await scanner(page, cardText()); await page.locator('.stand.gone').waitFor({ state: 'attached' }) }],
  ['f05-stand-no-camera', 'ordinary', async page => { await tab(page, 1); await page.locator('.key.scan').click(); await film(page); await noCamera(page); await page.locator('.scan > .button').click(); await page.locator('.toast-text').waitFor(); await page.waitForTimeout(600) }],
  ['f03-heat-half', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099', '38'); await code(page, 'green'); await page.locator('.sheet').waitFor() }],
  ['f06-abnormal', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099', '376'); await code(page, 'green'); await page.locator('.abnormal-head').waitFor() }],
  ['f06-red', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099'); await code(page, 'red'); await page.locator('.abnormal-head').waitFor() }],
  ['f06-second', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099', '376'); await code(page, 'green'); await page.locator('.heat-box').click(); await page.locator('.sheet .key').nth(2).click() }],
  ['f06-half', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099', '376'); await code(page, 'green'); await page.locator('.heat-box').click(); await page.locator('.sheet .key').nth(2).click(); await page.locator('.sheet .square').first().click(); await page.locator('.foot .button').last().click(); await page.locator('.note.bad').waitFor() }],
  ['f07-saved', 'ordinary', async page => { await tab(page, 1); await known(page, '13800000099'); await code(page, 'green'); await page.locator('.toast').waitFor(); await page.waitForTimeout(600) }],
  ['f08-records', 'ordinary', page => tab(page, 2)],
  ['f08-record', 'ordinary', async page => { await tab(page, 2); await page.locator('.record').nth(3).click() }],
  ['f08-lacks', 'nameless', async page => { await tab(page, 2); await page.locator('.record').nth(1).click() }],
  ['f08-lacks-add', 'nameless', async page => { await tab(page, 2); await page.locator('.record').nth(1).click(); await page.locator('.note.warn .button').click() }],
  ['f08-correct', 'ordinary', async page => { await tab(page, 2); await page.locator('.record').nth(3).click(); await page.locator('.pair .button').first().click() }],
  ['f08-strike', 'ordinary', async page => { await tab(page, 2); await page.locator('.record').nth(3).click(); await page.locator('.pair .button').nth(1).click() }],
  ['f09-upload', 'ordinary', page => tab(page, 3)],
  ['f09-unplaced', 'unplaced', async page => { await page.locator('.button.quiet').click(); await tab(page, 3) }],
  ['f09-placeless', 'placeless', page => tab(page, 2)],
  ['f09-current', 'current', page => tab(page, 3)],
  ['f09-sending', 'sending', page => tab(page, 3)],
  ['f09-offline', 'offline', page => tab(page, 3)],
  ['f09-hands', 'hands', page => tab(page, 3)],
  ['f09-hands-list', 'hands', async page => { await tab(page, 3); await page.locator('.hands').scrollIntoViewIfNeeded() }],
  ['f09-mend', 'hands', async page => { await tab(page, 3); await page.locator('.hand .button').first().click() }],
  ['f09-low', 'low', async page => { await tab(page, 3); await page.locator('.note.warn').last().scrollIntoViewIfNeeded() }],
  ['f10-grid', 'ordinary', page => tab(page, 0)],
  ['f10-search', 'ordinary', async page => { await tab(page, 0); await page.locator('input[type=search]').fill('302') }],
  ['f10-all-well', 'ordinary', async page => { await tab(page, 0); await page.locator('.well').first().click(); await page.waitForTimeout(600) }],
  ['f11-household', 'ordinary', async page => { await tab(page, 0); await page.locator('.door').nth(1).click() }],
  ['f11-conflict', 'ordinary', async page => { await tab(page, 0); await page.locator('.door').nth(0).click() }],
  ['f11-visit', 'ordinary', async page => { await tab(page, 0); await page.locator('.door').nth(2).click(); await page.locator('.foot .button').nth(2).click() }],
  ['f11-visit-fever', 'ordinary', async page => { await tab(page, 0); await page.locator('.door').nth(2).click(); await page.locator('.foot .button').nth(2).click(); await page.locator('.visited .chip.warn').first().click(); await page.locator('.visited input[inputmode=decimal]').first().fill('38.1') }],
  ['f15-me', 'ordinary', page => tab(page, 4)],
  ['f15-lock', 'ordinary', async page => { await tab(page, 4); await page.locator('.settings .choice').first().scrollIntoViewIfNeeded() }],
  ['f15-me-below', 'ordinary', async page => { await tab(page, 4); await page.locator('.settings section').nth(1).scrollIntoViewIfNeeded() }],
  ['f17-revoked', 'revoked'], ['f17-blocked', 'blocked'], ['f17-needs-code', 'needsCode'], ['f17-too-old', 'tooOld'],
  ['f17-clock', 'clockOff'], ['f17-full', 'full'], ['f17-broken', 'broken'], ['f17-elsewhere', 'elsewhere'],
  ['f17-put-aside', 'needsCode', async page => { await page.locator('main .button.big').nth(1).click() }],
]

const film = page => page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0).then(() => page.waitForTimeout(400))
const noCamera = page => page.evaluate(() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }
})
/** A scanner that poses as a keyboard. */
const scanner = (page, text) => page.evaluate(keys => {
  for (const key of keys) dispatchEvent(new KeyboardEvent('keydown', { key }))
}, [...text, 'Enter'])
/** The phone in a stand, waiting for the first card. */
async function stand(page) {
  await tab(page, 1)
  await page.locator('.key.scan').click()
  await film(page)
  await page.locator('.scan > .button').click()
  await film(page)
}

/** A whole number, a name and a temperature: everything but the code. */
async function known(page, number, heat = '365') {
  await page.locator('.key.side').first().click()
  await page.locator('#name').fill('张三丰')
  await page.locator('.sheet form button').click()
  await page.locator('.line-value').click()
  await digits(page, number)
  await digits(page, heat)
}
