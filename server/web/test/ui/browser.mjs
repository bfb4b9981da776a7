// The stage page, built and served, and a browser on it: what the tests of the screens share.

import { createServer } from 'node:http'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { chromium } from 'playwright-core'
import { build } from 'vite'
import { bundled } from '../../scripts/bundled.mjs'

const HERE = new URL('.', import.meta.url).pathname
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' }

export const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Builds a folder with an index.html and serves it until `close`. */
export async function serve(root = HERE) {
  const folder = mkdtempSync(join(tmpdir(), 'kadian-stage-'))
  await build({
    configFile: false, root, base: './', publicDir: false, logLevel: 'warn',
    oxc: { jsx: { importSource: 'preact' } },
    plugins: [bundled()],
    build: { outDir: folder, emptyOutDir: true, target: ['chrome80', 'safari14'], cssTarget: ['chrome80', 'safari14'], modulePreload: { polyfill: false }, reportCompressedSize: false },
  })
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    const file = join(folder, normalize(path === '/' ? '/index.html' : path))
    if (!file.startsWith(folder) || !existsSync(file)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  return {
    folder,
    address: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A phone of 360 by 740 with a browser profile of its own. */
export async function phone(args = []) {
  const profile = mkdtempSync(join(tmpdir(), 'kadian-profile-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
    locale: 'zh-CN',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args],
  })
  return {
    context,
    page: context.pages()[0] ?? (await context.newPage()),
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}
