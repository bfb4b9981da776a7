// Draws every screen in both languages, looks for what people with disabilities stumble over, and keeps
// pictures: `node test/ui/pictures.mjs [folder] [part of a name] [zh|en]`.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AXE, phone, serve } from './browser.mjs'
import { cardText, film } from './camera.mjs'
import { VIEWS } from './views.mjs'

const [folder = '', part = '', only = ''] = process.argv.slice(2)
if (folder) mkdirSync(folder, { recursive: true })
const site = await serve()
// A card that is only just being held before the camera: the picture stays until it is drawn.
const films = mkdtempSync(join(tmpdir(), 'kadian-film-'))
film(join(films, 'card.y4m'), cardText(), 190)
const { page, context, close } = await phone(['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${join(films, 'card.y4m')}`])
await context.grantPermissions(['camera'])
// Where it says where it is: at a centre's address, not at this one.
const CENTRE = 'https://kadian.example/app/'
await context.route(`${CENTRE}**`, route => {
  const name = new URL(route.request().url()).pathname.slice('/app/'.length) || 'index.html'
  return route.fulfill({ path: join(site.folder, name) }).catch(() => route.fulfill({ status: 404 }))
})
page.setDefaultTimeout(4000)
const errors = []
page.on('pageerror', error => errors.push(String(error)))
page.on('console', message => { if (message.type() === 'error' && !message.text().includes('404')) errors.push(message.text()) })
let bad = 0
let screens = 0
for (const lang of only ? [only] : ['zh', 'en']) {
  for (const [name, state, go] of VIEWS.filter(([name]) => name.includes(part))) {
    try {
      await page.goto(`${CENTRE}?state=${state}&lang=${lang}${process.env.STAGE ?? ''}`)
      await page.locator('main').first().waitFor()
      if (go) await go(page)
      await page.waitForTimeout(80)
      await page.addScriptTag({ path: AXE })
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'], rules: { 'color-contrast-enhanced': { enabled: true } } }))
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('main button, main a[href], .tabs button, .sheet button')]
          .filter(one => one.getClientRects().length > 0 && !one.closest('.aside'))
          .map(one => [one.textContent.slice(0, 20), Math.round(one.getBoundingClientRect().width), Math.round(one.getBoundingClientRect().height)])
          .filter(([, width, height]) => height < 54 || width < 44))
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
      screens += 1
      for (const one of found.violations) {
        bad += 1
        console.log(`${lang} ${name}: ${one.id} ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 110) + ' :: ' + (node.any[0]?.message ?? '').slice(0, 140)).join('\n    ')}`)
      }
      for (const one of small) console.log(`${lang} ${name}: small target ${one.join(' ')}`)
      if (wide) console.log(`${lang} ${name}: wider than the phone`)
      bad += small.length + (wide ? 1 : 0)
    } catch (fault) {
      bad += 1
      console.log(`${lang} ${name}: ${String(fault).split('\n').slice(0, 3).join(' ')}`)
    }
    if (folder) await page.screenshot({ path: `${folder}/${name}-${lang}.png`, scale: 'css' })
  }
}
// The traveller's card is a page of its own.
const cards = await serve(new URL('../../src/card', import.meta.url).pathname)
for (const lang of 'f16-card'.includes(part) ? (only ? [only] : ['zh', 'en']) : []) {
  const look = async name => {
    await page.addScriptTag({ path: AXE })
    const found = await page.evaluate(() => axe.run(document, { rules: { 'color-contrast-enhanced': { enabled: true } } }))
    screens += 1
    bad += found.violations.length
    for (const one of found.violations) console.log(`${lang} ${name}: ${one.id} ${one.nodes[0].html.slice(0, 110)}`)
    if (folder) await page.screenshot({ path: `${folder}/${name}-${lang}.png`, scale: 'css' })
  }
  await page.goto(cards.address)
  await page.evaluate(() => localStorage.clear())
  await page.reload()
  if (lang === 'en') await page.locator('.pill').click()
  await look('f16-card-empty')
  await page.locator('button.main').click()
  await page.locator('.note.bad').waitFor()
  await look('f16-card-lacking')
  const line = page.locator('input')
  await line.nth(0).fill('张三丰')
  await line.nth(1).fill('13800000099')
  await line.nth(3).fill('豫P12345')
  await line.nth(5).fill('三号楼 2-401')
  await page.locator('button.main').click()
  await page.locator('.qr').waitFor()
  await page.evaluate(() => document.querySelectorAll('main, html').forEach(one => { one.scrollTop = 0 }))
  await look('f16-card')
}
cards.close()
console.log(`${screens} screens, ${bad} violations, ${errors.length} errors on the pages`)
for (const error of new Set(errors)) console.log('  ', error)
await close()
site.close()
rmSync(films, { recursive: true, force: true })
process.exit(bad + errors.length > 0 ? 1 : 0)
