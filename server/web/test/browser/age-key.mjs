// A key that backups are sealed for, as `age-keygen` makes them: the program has no command for it,
// and a test must not need another package.

import { generateKeyPairSync } from 'node:crypto'

const SIGNS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

function checksum(values) {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    GENERATORS.forEach((generator, bit) => {
      if ((top >>> bit) & 1) sum ^= generator
    })
  }
  return sum
}

/** Bech32 (BIP 173) without its limit of 90 signs. */
function bech32(name, bytes) {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const data = (bits.match(/.{1,5}/g) ?? []).map(five => parseInt(five.padEnd(5, '0'), 2))
  const codes = [...name].map(sign => sign.charCodeAt(0))
  const spread = [...codes.map(code => code >> 5), 0, ...codes.map(code => code & 31)]
  const sum = checksum([...spread, ...data, 0, 0, 0, 0, 0, 0]) ^ 1
  const check = [5, 4, 3, 2, 1, 0].map(place => (sum >>> (5 * place)) & 31)
  return `${name}1${[...data, ...check].map(value => SIGNS[value]).join('')}`
}

export function ageKey() {
  const { privateKey } = generateKeyPairSync('x25519')
  const { d, x } = privateKey.export({ format: 'jwk' })
  return {
    recipient: bech32('age', Buffer.from(x, 'base64url')),
    identity: bech32('age-secret-key-', Buffer.from(d, 'base64url')).toUpperCase(),
  }
}
