// Builds dist/app and dist/card: the page, then its service worker with the list of its files.
//
// The service worker's version is a hash over the bytes of every file that it keeps, so that a
// build that changes nothing changes no byte.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'vite'
import { page, TARGET } from '../vite.config.ts'

const ROOT = new URL('..', import.meta.url).pathname
process.chdir(ROOT)
process.env.NODE_ENV = 'production'

function files(folder) {
  return readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })
}

function versionOf(folder, names) {
  const hash = createHash('sha256')
  for (const name of names) hash.update(name).update('\0').update(readFileSync(join(folder, name))).update('\0')
  return hash.digest('hex').slice(0, 16)
}

for (const name of ['app', 'card']) {
  await build(page(name))
  const folder = join('dist', name)
  const names = files(folder).map(path => relative(folder, path)).filter(path => path !== 'sw.js').sort()
  const keep = names.filter(path => path !== 'index.html')
  await build({
    configFile: false,
    root: '.',
    publicDir: false,
    logLevel: 'warn',
    define: { __VERSION__: JSON.stringify(versionOf(folder, names)), __FILES__: JSON.stringify(['./', ...keep]), __NAME__: JSON.stringify(name) },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: TARGET,
      reportCompressedSize: false,
      lib: { entry: 'src/core/sw.ts', formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
    },
  })
}
rmSync(join('dist', 'node_modules'), { recursive: true, force: true })
