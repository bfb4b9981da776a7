// Serves the app as server/src/http/pages.rs does: gzip at its best, no-cache, an ETag, the same policy
// of what a page may load. Beside it, under /bench/, the page that drives the core alone, so that both
// have one storage.

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { page as settings, ROOT } from '../../scripts/pages.mjs'

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.webmanifest': 'application/manifest+json', '.png': 'image/png',
}
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"

async function benchPage() {
  const out = mkdtempSync(join(tmpdir(), 'kadian-bench-'))
  const made = settings('app')
  const input = `${ROOT}test/bench/page.html`
  await build({ ...made, root: `${ROOT}test/bench`, publicDir: false, build: { ...made.build, outDir: out, rolldownOptions: { ...made.build.rolldownOptions, input } } })
  return out
}

export async function site() {
  const bench = await benchPage()
  const fileOf = path => (path.startsWith('/bench/') ? join(bench, path.slice(7)) : join(ROOT, 'dist', path.endsWith('/') ? `${path}index.html` : path))
  const files = new Map()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x')
    try {
      if (!files.has(pathname)) {
        const raw = readFileSync(fileOf(pathname))
        files.set(pathname, { body: gzipSync(raw, { level: 9 }), tag: `"${createHash('sha256').update(raw).digest('hex').slice(0, 32)}-gz"` })
      }
      const { body, tag } = files.get(pathname)
      const headers = { 'cache-control': 'no-cache', etag: tag, 'content-security-policy': POLICY }
      if (request.headers['if-none-match'] === tag) return response.writeHead(304, headers).end()
      const type = TYPES[extname(fileOf(pathname))] ?? 'application/octet-stream'
      response.writeHead(200, { ...headers, 'content-type': type, 'content-encoding': 'gzip' }).end(body)
    } catch {
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{"code":"not_found"}')
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://localhost:${server.address().port}`,
    /** Bytes of a file as they were sent. */
    sizeOf: path => files.get(path)?.body.length ?? 0,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
