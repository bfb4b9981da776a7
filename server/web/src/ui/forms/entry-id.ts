// Ids for entries of maps: UUID version 7, so that entries sort by when they were made.

export function entryId(now: number, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): string {
  const hex = [...random].map(byte => byte.toString(16).padStart(2, '0')).join('')
  const time = Math.floor(now).toString(16).padStart(12, '0')
  const variant = (0x80 | ((random[2] ?? 0) & 0x3f)).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${hex.slice(1, 4)}-${variant}${hex.slice(6, 8)}-${hex.slice(8, 20)}`
}
