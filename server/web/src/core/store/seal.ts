// Sealing of what lies in storage: AES-GCM, with one key for the phone and one for each person.
//
// The phone's key needs no PIN: lines of the outbox must be sent while their person is locked. A
// person's key is wrapped under their PIN, where they set one; rows and what is recalled are sealed
// under it. Keys cannot be exported by a script. docs/security.md says what this protects and what
// it does not.
//
// Where the browser has no WebCrypto (a page without TLS) values are kept as they are, marked so.

/** A first byte that says how, 12 of a nonce, then the ciphertext; or a 0 and the text. */
export type Sealed = Uint8Array

const PLAIN = 0
const AES_GCM = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function canSeal(): boolean {
  return typeof crypto !== 'undefined' && crypto.subtle !== undefined
}

export async function newKey(): Promise<CryptoKey | null> {
  if (!canSeal()) return null
  return crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']) as Promise<CryptoKey>
}

export async function seal(key: CryptoKey | null, text: string): Promise<Sealed> {
  const bytes = encoder.encode(text)
  if (key === null) {
    const out = new Uint8Array(bytes.length + 1)
    out[0] = PLAIN
    out.set(bytes, 1)
    return out
  }
  const nonce = crypto.getRandomValues(new Uint8Array(12))
  const cipher = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, bytes))
  const out = new Uint8Array(13 + cipher.length)
  out[0] = AES_GCM
  out.set(nonce, 1)
  out.set(cipher, 13)
  return out
}

/** The text, or null where the bytes were damaged or sealed under another key. */
export async function unseal(key: CryptoKey | null, sealed: Sealed): Promise<string | null> {
  if (sealed[0] === PLAIN) return decoder.decode(sealed.subarray(1))
  if (sealed[0] !== AES_GCM || key === null) return null
  try {
    const iv = sealed.slice(1, 13)
    return decoder.decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed.slice(13)))
  } catch {
    return null
  }
}

/** A person's key, wrapped under a PIN. */
export interface Wrapped {
  readonly salt: Uint8Array
  readonly rounds: number
  readonly key: Sealed
}

export function importKey(raw: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw as BufferSource, 'AES-GCM', false, ['encrypt', 'decrypt'])
}
