// Builds dist/app and dist/card: the page, then its service worker with the list of its files; and
// the table by which the server embeds them.
//
// The service worker's version is a hash over the bytes of every file that it keeps, so that a
// build that changes nothing changes no byte.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { build } from 'vite'
import { checkFirstLoad } from './first-load.mjs'
import { NAMES, page, ROOT, TARGET } from './pages.mjs'

const DIST = join(ROOT, 'dist')
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

function files(folder) {
  return readdirSync(folder)
    .flatMap(name => {
      const path = join(folder, name)
      return statSync(path).isDirectory() ? files(path) : [path]
    })
    .sort()
}

const hashOf = path => createHash('sha256').update(readFileSync(path)).digest('hex')

async function buildWorker(name) {
  const folder = join(DIST, name)
  const names = files(folder).map(path => relative(folder, path))
  const version = createHash('sha256')
  for (const path of names) version.update(`${path}:${hashOf(join(folder, path))}\n`)
  const keep = ['./', ...names.filter(path => path !== 'index.html')]
  await build({
    configFile: false,
    root: ROOT,
    publicDir: false,
    logLevel: 'warn',
    define: {
      __VERSION__: JSON.stringify(version.digest('hex').slice(0, 16)),
      __FILES__: JSON.stringify(keep),
      __NAME__: JSON.stringify(name),
    },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: TARGET,
      reportCompressedSize: false,
      lib: { entry: join(ROOT, 'src/core/sw.ts'), formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
    },
  })
}

/** The list of what is embedded, as source that the server includes. */
function tableOf(paths) {
  const rows = paths.map(path => {
    const type = TYPES[extname(path)]
    if (type === undefined) throw new Error(`${path}: what type is that?`)
    const name = relative(DIST, path).split('\\').join('/')
    return `    Page { path: "/${name}", media: "${type}", hash: "${hashOf(path)}", bytes: include_bytes!("${name}") },`
  })
  return `// Made by scripts/build.mjs: what the server embeds.\n&[\n${rows.join('\n')}\n]\n`
}

rmSync(DIST, { recursive: true, force: true })
for (const name of NAMES) {
  if (name === 'card' && !existsSync(join(ROOT, 'src/card/index.html'))) continue
  await build(page(name))
  if (name === 'app') checkFirstLoad(join(DIST, name))
  await buildWorker(name)
}
writeFileSync(join(DIST, 'table.rs'), tableOf(files(DIST)))
