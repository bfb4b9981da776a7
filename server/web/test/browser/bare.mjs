// Builds the bare page; the road serves it beside the app, from the same origin.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { page as settings, ROOT } from '../../scripts/pages.mjs'
import { folder } from './chromium.mjs'

export async function buildBare() {
  const out = folder('bare')
  const made = settings('app')
  const input = `${ROOT}test/browser/bare.html`
  await build({
    ...made, root: `${ROOT}test/browser`, publicDir: false, logLevel: 'error',
    build: { ...made.build, outDir: out, emptyOutDir: false, rolldownOptions: { ...made.build.rolldownOptions, input } },
  })
  return new Map(readdirSync(out).map(name => [`/bare/${name}`, readFileSync(join(out, name))]))
}
