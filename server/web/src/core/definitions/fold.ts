const PLAIN = /^[ -~]*$/

/** Full-width to half-width, trimmed, upper case: how every code-like value is read. */
export function fold(text: string): string {
  return (PLAIN.test(text) ? text : text.normalize('NFKC')).trim().toUpperCase()
}
