// From the address to the first entry at the centre, with a camera, without a network, and with a
// battery that dies.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { film } from '../ui/camera.mjs'
import { folder } from './chromium.mjs'
import { scenario, until } from './ground.mjs'

const camera = text => {
  const path = join(folder('film'), 'code.y4m')
  film(path, text)
  return ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${path}`]
}

scenario('an installed app that enrolled by its camera opens offline, and what it saved before the battery died arrives once', async ({ centre, road, phone }) => {
  const one = await phone(camera(`${road.url}/app/#code=${centre.code('gate')}`))
  await one.browser.context.grantPermissions(['camera'], { origin: road.url })
  await one.open()

  // What a browser looks at before it offers to install.
  const devtools = await one.browser.context.newCDPSession(one.page)
  const { errors, data } = await devtools.send('Page.getAppManifest')
  assert.deepEqual(errors, [])
  const manifest = JSON.parse(data)
  assert.equal(manifest.display, 'standalone')
  assert.equal(new URL(manifest.start_url, `${road.url}/app/`).pathname, '/app/')
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors')
  assert.deepEqual(installabilityErrors, [])
  await one.page.evaluate(async () => void (await navigator.serviceWorker.ready))

  await one.button('Scan the code').click()
  await one.afterCode()
  await one.beginShift()
  await until('all sent', async () => /All sent/.test(await one.says()) || one.says())

  road.becomes('closed')
  await one.browser.context.setOffline(true)
  await one.reload()
  await one.page.locator('.keypad').waitFor()
  await one.register('王伟')
  await one.register('李静')
  assert.deepEqual(one.confirmed, ['王伟', '李静'])
  assert.equal(await one.unsent(), 2)

  await one.kill()
  await one.wake()
  await one.open()
  await until('both in the list', async () => {
    const listed = await one.listed()
    return (listed.length === 2 && listed.includes('王伟') && listed.includes('李静')) || listed
  })
  assert.equal(await one.unsent(), 2)
  assert.deepEqual(await centre.registered(), [])

  road.becomes('open')
  await one.untilAllSent()
  assert.deepEqual((await centre.registered()).sort(), ['李静', '王伟'])
  assert.equal(await one.unsent(), 0)
  assert.match(await one.says(), /All sent/)
})
