// A film of a card held before a camera, for the browser's fake camera: one still frame as y4m.

import { writeFileSync } from 'node:fs'
import encodeQR from 'qr'

const WIDTH = 640
const HEIGHT = 480
/** Pixels of the side of the code in the picture. */
const SIDE = 400

export function film(path, text) {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 3 })
  const light = Buffer.alloc(WIDTH * HEIGHT, 120)
  const left = (WIDTH - SIDE) / 2
  const top = (HEIGHT - SIDE) / 2
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const dark = rows[Math.floor((y / SIDE) * rows.length)][Math.floor((x / SIDE) * rows.length)]
      light[(top + y) * WIDTH + left + x] = dark ? 20 : 235
    }
  }
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, colour])
  writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]))
}
