// The text inside a traveller's QR card: `KD1`, the fields and a check, separated by bars.
//
// Text and not JSON, since every byte makes the picture finer and harder to read from a scratched
// screen. The check is no seal: it only tells a card that was read to its end from one that a wedge
// scanner cut short. Nobody trusts a card: a person at the checkpoint looks at who shows it.

import type { CardFields } from '../core/scan'

const TAG = 'KD1'
const MINUTE = 60_000

/** Longest text of each field: what a kind would take, and what still makes a readable picture. */
const LONGEST = { name: 64, phone: 20, document: 24, number: 32, plate: 12, origin: 60, destination: 60 } as const
const ORDER = Object.keys(LONGEST) as (keyof typeof LONGEST)[]

export function encodeCard(card: CardFields): string {
  const parts = ORDER.map(name => escape(card[name].trim().slice(0, LONGEST[name])))
  const text = [TAG, Math.floor(card.made / MINUTE).toString(36), ...parts].join('|')
  return `${text}|${check(text)}`
}

/** The card, or null for any text that is none, or that did not arrive whole. */
export function decodeCard(text: string): CardFields | null {
  const end = text.lastIndexOf('|')
  const parts = text.slice(0, end).split('|')
  if (parts.length !== ORDER.length + 2 || parts[0] !== TAG) return null
  if (text.slice(end + 1).trim().toLowerCase() !== check(text.slice(0, end))) return null
  const minutes = parseInt(parts[1] ?? '', 36)
  if (!Number.isSafeInteger(minutes) || minutes < 0 || minutes > 1e9) return null
  const card = { made: minutes * MINUTE, name: '', phone: '', document: '', number: '', plate: '', origin: '', destination: '' }
  for (let at = 0; at < ORDER.length; at += 1) {
    const name = ORDER[at]
    if (!name) return null
    const value = unescape(parts[at + 2] ?? '')
    // Control and direction characters never belong on a card.
    if (value.length > LONGEST[name] || /[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(value)) return null
    card[name] = value
  }
  return card.name || card.phone || card.number || card.plate ? card : null
}

function escape(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/%/g, '%25').replace(/\|/g, '%7C')
}

function unescape(text: string): string {
  return text.replace(/%7C/gi, '|').replace(/%25/g, '%')
}

/** Four hex digits: FNV-1a over the UTF-8 bytes, folded. */
function check(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  const folded = (hash >>> 16) ^ (hash & 0xffff)
  return folded.toString(16).padStart(4, '0')
}
