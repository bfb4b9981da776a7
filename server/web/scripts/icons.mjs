// Draws the icons of the two pages: a barrier that is open, white on the colour of the app. Run by
// hand when the drawing changes; the pictures are kept in static/.

import { mkdirSync, writeFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { ROOT } from './pages.mjs'

const GROUND = [0x10, 0x34, 0x3c]
const MARK = [0xff, 0xff, 0xff]
const SIGN = [0x2f, 0xc4, 0x7a]

/** Whether a point of the unit square belongs to the drawing, and in what colour. */
function colourAt(x, y) {
  const post = Math.abs(x - 0.27) < 0.045 && y > 0.36 && y < 0.78
  const foot = y > 0.73 && y < 0.79 && x > 0.16 && x < 0.84
  // The bar is raised: from the post up to the right.
  const along = (x - 0.27) * 0.82 + (0.42 - y) * 0.57
  const across = Math.abs((x - 0.27) * 0.57 - (0.42 - y) * 0.82)
  const bar = along > -0.08 && along < 0.6 && across < 0.042
  const light = (x - 0.66) ** 2 + (y - 0.55) ** 2 < 0.085 ** 2
  if (light) return SIGN
  return post || bar || foot ? MARK : GROUND
}

function crc(bytes) {
  let c = ~0
  for (const byte of bytes) {
    c ^= byte
    for (let k = 0; k < 8; k += 1) c = (c >>> 1) ^ (0xedb88320 & -(c & 1))
  }
  return ~c >>> 0
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length)
  body.copy(out, 4)
  out.writeUInt32BE(crc(body), body.length + 4)
  return out
}

function png(size) {
  const rows = []
  for (let y = 0; y < size; y += 1) {
    const row = Buffer.alloc(1 + size * 3)
    for (let x = 0; x < size; x += 1) {
      // Four points a pixel soften the edges.
      const points = [0.25, 0.75].flatMap(dx => [0.25, 0.75].map(dy => colourAt((x + dx) / size, (y + dy) / size)))
      for (let c = 0; c < 3; c += 1) row[1 + x * 3 + c] = points.reduce((sum, point) => sum + point[c], 0) / 4
    }
    rows.push(row)
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(size, 0)
  head.writeUInt32BE(size, 4)
  head.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

for (const name of ['app', 'card']) {
  mkdirSync(`${ROOT}static/${name}`, { recursive: true })
  for (const size of [180, 192, 512]) writeFileSync(`${ROOT}static/${name}/icon-${size}.png`, png(size))
}
