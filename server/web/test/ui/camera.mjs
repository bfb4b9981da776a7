// A film of a card before a camera, for the browser's fake camera: one still frame as y4m.

import { writeFileSync } from 'node:fs'
import encodeQR from 'qr'

const WIDTH = 640
const HEIGHT = 480
/** Pixels of the side of the code in the picture. */
const SIDE = 400

/** The text of a card made now, written out: what an old card holds has to be read for good. */
export function cardText() {
  const minutes = Math.floor(Date.now() / 60_000).toString(36)
  const body = `KD1|${minutes}|赵磊|13700000077|||豫P77777|沙河镇|三号楼`
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(body)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return `${body}|${((hash >>> 16) ^ (hash & 0xffff)).toString(16).padStart(4, '0')}`
}

/** With `low`, the card is that many pixels below the middle: half out of the picture it is not read yet. */
export function film(path, text, low = 0) {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 3 })
  const light = Buffer.alloc(WIDTH * HEIGHT, 120)
  const left = (WIDTH - SIDE) / 2
  const top = (HEIGHT - SIDE) / 2 + low
  for (let y = 0; y < SIDE && top + y < HEIGHT; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const dark = rows[Math.floor((y / SIDE) * rows.length)][Math.floor((x / SIDE) * rows.length)]
      light[(top + y) * WIDTH + left + x] = dark ? 20 : 235
    }
  }
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, colour])
  writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]))
}
