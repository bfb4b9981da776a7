// SHA-256, computed at once: marks and digests are made inside pure steps that cannot wait for
// WebCrypto, and there are few bytes to a mark.

const K = new Uint32Array(64)
const INITIAL = new Uint32Array(8)
{
  // The constants are the fractional parts of the cube and square roots of the first primes.
  const fraction = (x: number) => ((x - Math.floor(x)) * 4294967296) | 0
  let found = 0
  for (let n = 2; found < 64; n++) {
    let prime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
    if (!prime) continue
    if (found < 8) INITIAL[found] = fraction(Math.sqrt(n))
    K[found++] = fraction(Math.cbrt(n))
  }
}

const W = new Uint32Array(64)
const encoder = new TextEncoder()

/** UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

export function sha256(message: Uint8Array): Uint8Array {
  const h = INITIAL.slice()
  const length = message.length
  const padded = new Uint8Array(((length + 8) >> 6 << 6) + 64)
  padded.set(message)
  padded[length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(length / 0x20000000))
  view.setUint32(padded.length - 4, length << 3)
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) W[i] = view.getUint32(at + i * 4)
    for (let i = 16; i < 64; i++) {
      const a = W[i - 15]!
      const b = W[i - 2]!
      const s0 = (a >>> 7 | a << 25) ^ (a >>> 18 | a << 14) ^ a >>> 3
      const s1 = (b >>> 17 | b << 15) ^ (b >>> 19 | b << 13) ^ b >>> 10
      W[i] = W[i - 16]! + s0 + W[i - 7]! + s1 | 0
    }
    let [a, b, c, d, e, f, g, k] = h as unknown as [number, number, number, number, number, number, number, number]
    for (let i = 0; i < 64; i++) {
      const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)
      const t1 = k + s1 + (e & f ^ ~e & g) + K[i]! + W[i]! | 0
      const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)
      const t2 = s0 + (a & b ^ a & c ^ b & c) | 0
      k = g
      g = f
      f = e
      e = d + t1 | 0
      d = c
      c = b
      b = a
      a = t1 + t2 | 0
    }
    h[0]! += a
    h[1]! += b
    h[2]! += c
    h[3]! += d
    h[4]! += e
    h[5]! += f
    h[6]! += g
    h[7]! += k
  }
  const out = new Uint8Array(32)
  const result = new DataView(out.buffer)
  h.forEach((word, i) => result.setUint32(i * 4, word))
  return out
}

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16)
  return text
}
