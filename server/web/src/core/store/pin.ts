// A person's key under a PIN: made, wrapped, and brought back by whoever knows it.

import { importKey, seal, unseal, type Wrapped } from './seal.ts'

const ROUNDS = 600_000

async function pinKey(pin: string, salt: Uint8Array, rounds: number): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', new TextEncoder().encode(pin), 'PBKDF2', false, ['deriveKey'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: salt as BufferSource, iterations: rounds }
  return crypto.subtle.deriveKey(how, base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/** A new key and its wrapping. The raw bytes are gone when this returns. */
export async function newPersonKey(pin: string): Promise<{ key: CryptoKey; wrapped: Wrapped }> {
  const raw = crypto.getRandomValues(new Uint8Array(32))
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const text = Array.from(raw, byte => byte.toString(16).padStart(2, '0')).join('')
  const wrapped = { salt, rounds: ROUNDS, key: await seal(await pinKey(pin, salt, ROUNDS), text) }
  const key = await importKey(raw)
  raw.fill(0)
  return { key, wrapped }
}

/** The key, if this is the PIN. */
export async function unwrap(wrapped: Wrapped, pin: string): Promise<CryptoKey | null> {
  const text = await unseal(await pinKey(pin, wrapped.salt, wrapped.rounds), wrapped.key)
  if (text === null) return null
  const raw = Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16))
  const key = await importKey(raw)
  raw.fill(0)
  return key
}
