// Scopes: a place (`grid:0731`), or a place on one day (`checkpoint:S17@2026-11-22`).

const FORM = /^[a-z_]{1,16}:[A-Za-z0-9_-]{1,32}(@(\d{4}-\d\d-\d\d))?$/

export function isScope(text: string): boolean {
  const form = FORM.exec(text)
  return form !== null && (form[2] === undefined || isDay(form[2]))
}

export function isPlace(text: string): boolean {
  return isScope(text) && !text.includes('@')
}

export function isDay(text: string): boolean {
  return dayOf(Date.parse(`${text}T00:00:00Z`)) === text
}

/** The calendar day, in UTC, of a time; null where the calendar ends. */
export function dayOf(ms: number): string | null {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? null : date.toISOString().slice(0, 10)
}

export function placeOf(scope: string): string {
  const at = scope.indexOf('@')
  return at < 0 ? scope : scope.slice(0, at)
}

export function dayIn(scope: string): string | null {
  const at = scope.indexOf('@')
  return at < 0 ? null : scope.slice(at + 1)
}

/** By level, then code, then day; no day comes before any. */
export function compareScopes(a: string, b: string): number {
  const [aLevel, aCode] = placeOf(a).split(':') as [string, string]
  const [bLevel, bCode] = placeOf(b).split(':') as [string, string]
  return order(aLevel, bLevel) || order(aCode, bCode) || order(dayIn(a) ?? '', dayIn(b) ?? '')
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
