// What a phone loads before the first screen may be used: not more than is allowed, and with all the
// words that it says.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ROOT } from './pages.mjs'

/** Bytes, as the server sends them. */
const MOST = 60_000
const FILES = ['index.html', 'index.js', 'index.css']
/** What a file of the program cannot start without. */
const NEEDS = /(?:from|import)\s*["'`]\.\/([^"'`]+)["'`]/g

/** Throws where the first load of the app, as it was built into `folder`, is not what it has to be. */
export function checkFirstLoad(folder) {
  const needed = [...readFileSync(join(folder, 'index.js'), 'utf8').matchAll(NEEDS)].map(([, name]) => name)
  // Each of them would be asked for only once the program is there: one wait more on a bad network.
  if (needed.length > 0) throw new Error(`index.js does not start without ${needed.join(', ')}: something is shared that should be loaded with what needs it`)
  const sizes = FILES.map(name => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length)
  const sum = sizes.reduce((a, b) => a + b)
  if (sum > MOST) throw new Error(`the first load is ${sum} bytes, ${MOST} are allowed: ${FILES.map((name, at) => `${name} ${sizes[at]}`).join(', ')}`)
  const program = readFileSync(join(folder, 'index.js'), 'utf8')
  const later = readFileSync(`${ROOT}src/i18n/zh-rest.ts`, 'utf8').matchAll(/^ {2}'([^']+)':/gm)
  // What a browser lacks is only named there; a later screen says it.
  const early = [...later].map(([, name]) => name).filter(name => new RegExp(`(?<!push)\\(["'\`]${name.replace(/\./g, '\\.')}["'\`]`).test(program))
  if (early.length > 0) throw new Error(`said before its words are there: ${early.join(', ')}; they belong into zh-first.ts and en-first.ts`)
}
