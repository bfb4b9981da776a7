// A phone is handed on: whoever is new needs nobody's PIN but a code of their own.

import assert from 'node:assert/strict'
import { scenario } from './ground.mjs'

const PIN = '258036'

async function typePin(page) {
  for (const digit of PIN) await page.locator('.pin .key', { hasText: digit }).first().click()
}

scenario('who is new on a locked phone enrols from under the PIN of the one before, and is a person once', async ({ centre, phone }) => {
  const held = await phone()
  await held.open()
  const { page } = held
  await page.locator('.code-line').fill(centre.code('gate'))
  await held.button('Enrol').click()
  await page.getByText('Enrolled', { exact: true }).waitFor()
  await held.button('Next').click()
  await typePin(page)
  await page.getByRole('heading', { name: 'Once more' }).waitFor()
  await typePin(page)
  await held.button('Start').click()

  await held.reload()
  await page.locator('.pin').waitFor()
  await held.button('Somebody new').click()
  await page.locator('.code-line').fill(centre.code('leader'))
  await held.button('Enrol').click()
  await page.getByText('Enrolled', { exact: true }).waitFor()
  await held.button('Next').click()
  await held.button('Later').click()
  await held.button('Start').click()
  await page.locator('.door').first().waitFor()

  // Two people, of whom the first has the PIN: whoever takes it up again is asked who they are.
  await page.locator('.tabs button', { hasText: 'Me' }).click()
  await held.button('Hand over').click()
  await page.locator('.person-row').first().waitFor()
  assert.equal(await page.locator('.person-row').count(), 2)
})
