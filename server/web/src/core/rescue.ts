// The rescue file: what was not sent yet, sealed so that only the server can open it, to be carried
// by hand when a phone will not get to a network any more. `kadian rescue import` reads it.
//
// `KADIANR1`, an ephemeral P-256 key (65 bytes), a nonce (12), and AES-256-GCM over the gzipped
// JSON, under HKDF-SHA256 of the agreed secret. docs/protocol.md has the layout.

import { gzip } from './net/http.ts'
import { packed } from './sync/outbox.ts'
import type { Rescue } from './api.ts'
import type { Held, Keeper } from './store/keep.ts'

export const MAGIC = 'KADIANR1'
const INFO = 'kadian rescue 1'

/** What one person has not sent. Lines must be awake. */
function rescueOf({ row, replica }: Held, now: number): { readonly changes: number; readonly person: unknown } {
  const lines: { seq: number | null; line: string }[] = []
  for (const entry of replica.outbox.values()) {
    const unsent = entry.seq === null || entry.seq > replica.ack
    if (unsent && typeof entry.line === 'string') lines.push({ seq: entry.seq, line: entry.line })
  }
  const person = {
    name: row.name,
    device: replica.identity?.device ?? null,
    user: replica.identity?.user ?? null,
    now,
    era: replica.eras.era,
    eras: Object.fromEntries(replica.eras.offsets),
    ack: replica.ack,
    ack_mark: replica.ack > 0 ? (replica.marks[replica.ack - 1] ?? null) : null,
    packed: packed(replica),
    changes: lines,
  }
  return { changes: lines.length, person }
}

/** The file of everybody on this phone. */
export async function makeRescue(people: readonly Held[], keeper: Keeper, key: string, now: number): Promise<Rescue> {
  let changes = 0
  const persons: unknown[] = []
  for (const held of people) {
    const asleep = [...held.replica.outbox].filter(([, entry]) => entry.line === undefined).map(([id]) => id)
    // What cannot be read stays; what can is carried out all the same.
    await keeper.wake(held, asleep).catch(() => undefined)
    const one = rescueOf(held, now)
    changes += one.changes
    if (one.changes > 0) persons.push(one.person)
  }
  const point = Uint8Array.from(key.match(/../g) ?? [], pair => parseInt(pair, 16))
  const bytes = await sealFor(point, JSON.stringify({ rescue: 1, made: now, persons }))
  const name = `kadian-rescue-${new Date(now).toISOString().slice(0, 16).replace(/[-:T]/g, '')}.bin`
  return { file: new File([bytes as BlobPart], name, { type: 'application/octet-stream' }), changes }
}

/** Seals bytes for whoever holds the private key to this P-256 point. */
async function sealFor(point: Uint8Array, text: string): Promise<Uint8Array> {
  const curve = { name: 'ECDH', namedCurve: 'P-256' }
  const theirs = await crypto.subtle.importKey('raw', point as BufferSource, curve, false, [])
  const own = (await crypto.subtle.generateKey(curve, true, ['deriveBits'])) as CryptoKeyPair
  const ownPoint = new Uint8Array(await crypto.subtle.exportKey('raw', own.publicKey))
  const secret = await crypto.subtle.deriveBits({ name: 'ECDH', public: theirs }, own.privateKey, 256)
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey'])
  const salt = concat(ownPoint, point)
  const key = await crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: salt as BufferSource, info: new TextEncoder().encode(INFO) },
    base,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt'],
  )
  const raw = new TextEncoder().encode(text)
  const packed = (await gzip(raw)) ?? raw
  const nonce = crypto.getRandomValues(new Uint8Array(12))
  const cipher = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, packed as BufferSource)
  return concat(new TextEncoder().encode(MAGIC), ownPoint, nonce, new Uint8Array(cipher))
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
