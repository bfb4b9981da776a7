// Digests: how a device proves that it holds what the centre holds, at 8 bytes a scope. The
// wrapping sum of one number per record.

import { bytesOf, sha256 } from './sha256.ts'
import type { RecordId, Rev } from './limits.ts'

export type Digest = bigint

function entry(record: RecordId, rev: Rev): bigint {
  return new DataView(sha256(bytesOf(`${record}:${rev}`)).buffer).getBigUint64(0)
}

export function add(digest: Digest, record: RecordId, rev: Rev): Digest {
  return BigInt.asUintN(64, digest + entry(record, rev))
}

export function remove(digest: Digest, record: RecordId, rev: Rev): Digest {
  return BigInt.asUintN(64, digest - entry(record, rev))
}

export function minus(digest: Digest, other: Digest): Digest {
  return BigInt.asUintN(64, digest - other)
}

export function digestText(digest: Digest): string {
  return digest.toString(16).padStart(16, '0')
}

export function readDigest(text: string): Digest {
  return BigInt(`0x${text}`)
}
