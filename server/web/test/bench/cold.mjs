// The first load on a phone that never had the app: how many bytes until the first screen may be used,
// and how long, over a slow network. For a phone without the app that screen asks for the one-time code.

import { beside, quantile } from './figures.mjs'
import { phone, SLOWER, watchFor } from './phone.mjs'

/** 1.6 Mbit/s, 300 ms there and back. */
const NETWORK = { offline: false, latency: 300, downloadThroughput: 200_000, uploadThroughput: 94_000 }
const STARTS = 5
const USABLE = '.enrol textarea:enabled'

export async function coldStarts(site, figure) {
  for (const language of ['zh-CN', 'en']) {
    const times = []
    let load = []
    for (let n = 0; n < STARTS; n += 1) {
      const { page, client, slow, close } = await phone(language)
      const asked = []
      await client.send('Network.enable')
      client.on('Network.requestWillBeSent', ({ request }) => asked.push(new URL(request.url).pathname))
      await client.send('Network.emulateNetworkConditions', NETWORK)
      await watchFor(page, USABLE)
      await slow(SLOWER)
      await page.goto(`${site.address}/app/`, { waitUntil: 'commit' })
      times.push(await page.evaluate(() => window.usable))
      load = asked.filter(path => !/\.(png|webmanifest)$/.test(path))
      await close()
    }
    const bytes = load.reduce((sum, path) => sum + site.sizeOf(path), 0)
    figure(`first load, ${language}, gzip, bytes until the first screen is usable`, bytes, 60_000, 'B')
    for (const path of load) beside(path, `${site.sizeOf(path).toLocaleString('en')} B`)
    figure(`usable cold, ${language}, 1.6 Mbit/s, 300 ms, median of ${STARTS}`, Math.round(quantile(times, 0.5)), 2_000, 'ms')
    beside('worst', `${Math.round(Math.max(...times))} ms`)
  }
}
