// The text inside a traveller's card, written out: what an old card holds has to be read for good.

function check(text) {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return ((hash >>> 16) ^ (hash & 0xffff)).toString(16).padStart(4, '0')
}

export function cardOf({ name, phone = '', plate = '', origin = '', destination = '' }) {
  const minutes = Math.floor(Date.now() / 60_000).toString(36)
  const body = ['KD1', minutes, name, phone, '', '', plate, origin, destination].join('|')
  return `${body}|${check(body)}`
}
