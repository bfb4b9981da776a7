// Marks: how a device and the server know that they mean the same change by the same number.
// The first 8 bytes of SHA-256 over `<seq>:` and the bytes of the line, as 16 hex digits.

import { bytesOf, hex, sha256 } from './sha256.ts'
import type { Seq } from './limits.ts'

export type Mark = string

export function markOf(seq: Seq, line: string): Mark {
  return hex(sha256(bytesOf(`${seq}:${line}`)).subarray(0, 8))
}

export function isMark(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text)
}
