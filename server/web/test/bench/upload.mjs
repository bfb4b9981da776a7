// The upload of 500 entries as the phone sends it: one request, compressed.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { ROOT } from '../../scripts/pages.mjs'

export async function upload(figure) {
  const out = mkdtempSync(join(tmpdir(), 'kadian-upload-'))
  await build({
    configFile: false, root: ROOT, publicDir: false, logLevel: 'warn', ssr: { noExternal: true },
    build: { outDir: out, emptyOutDir: true, ssr: `${ROOT}test/bench/pack.ts`, rolldownOptions: { output: { entryFileNames: 'pack.mjs' } } },
  })
  const { packOf } = await import(join(out, 'pack.mjs'))
  const { body, carried } = packOf(500)
  if (carried !== 500) throw new Error(`one request carries ${carried} entries instead of 500`)
  figure('upload of 500 entries in one request, gzip', gzipSync(body).length, 45_000, 'B')
}
