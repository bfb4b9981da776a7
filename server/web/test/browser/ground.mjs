// What each scenario stands on: a real server, a road to it, and phones; all of it gone afterwards.

import { test } from 'node:test'
import { Centre } from './centre.mjs'
import { Phone } from './phone.mjs'
import { Road } from './road.mjs'

const PATIENCE_MS = 180_000

/**
 * A test in a browser, named after what the app promises. Where it fails, what every phone shows is
 * told: a promise that is broken is best seen on the screen.
 */
export function scenario(promise, play, timeout = PATIENCE_MS) {
  test(promise, { timeout }, async () => {
    const centre = await new Centre().start()
    const road = await new Road(centre).start()
    const phones = []
    const phone = async (args, name) => {
      const made = new Phone(road, name)
      phones.push(made)
      return made.wake(args)
    }
    try {
      await play({ centre, road, phone })
    } catch (fault) {
      for (const { page } of phones) {
        const shown = await page.locator('body').innerText({ timeout: 2_000 }).catch(() => 'nothing: it is closed')
        console.error(`a phone shows:\n${shown.slice(0, 1_500)}`)
      }
      throw fault
    } finally {
      for (const one of phones) await one.kill()
      road.stop()
      await centre.stop()
    }
  })
}

/** Asks until it is so; the last answer is told where it does not come to it. */
export async function until(what, ask, patience = 30_000) {
  const began = Date.now()
  for (;;) {
    const answer = await ask()
    if (answer === true) return
    if (Date.now() - began > patience) throw new Error(`it did not come to ${what}: ${JSON.stringify(answer)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
