// What single values must be, and what is merely odd about them: the rules of
// `sync-protocol/src/check`, with the same codes. Values are sent as they were typed; the
// normalised form serves search and comparison.

import { fold } from './fold.ts'

export type Outcome =
  | { readonly value: string; readonly warnings: readonly string[] }
  | { readonly refused: string }

const refused = (code: string): Outcome => ({ refused: code })
const ok = (value: string, ...warnings: string[]): Outcome => ({ value, warnings })
const utf8 = (text: string): number => new TextEncoder().encode(text).length
const chars = (text: string): number => Array.from(text).length
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

function folded(text: string, read: (folded: string) => Outcome): Outcome {
  if (utf8(text) > 256) return refused('too_long')
  const plain = fold(text)
  return plain === '' ? refused('empty') : read(plain)
}

const ASSIGNED = new Set(
  ('130 131 132 133 134 135 136 137 138 139 144 145 146 147 148 149 150 151 152 153 155 156 157 158 159 ' +
    '162 165 166 167 170 171 172 173 174 175 176 177 178 180 181 182 183 184 185 186 187 188 189 ' +
    '190 191 192 193 195 196 197 198 199').split(' '),
)

export function phone(text: string): Outcome {
  return folded(text, plain => {
    const bare = plain.replace(/[\s\-‐‑–()]/g, '')
    if (!/^\+?\d*$/.test(bare)) return refused('format')
    const rest = /^(?:\+86|0086)(.*)$/.exec(bare)?.[1] ?? /^86(.{11})$/.exec(bare)?.[1]
    if (rest !== undefined) return mainland(rest) ?? mainland(trunk(rest)) ?? refused('format')
    if (bare.startsWith('+')) return /^\+[1-9]\d{6,14}$/.test(bare) ? ok(bare) : refused('format')
    return mainland(bare) ?? refused('format')
  })
}

/** A landline after the country code stands without its leading zero. */
function trunk(rest: string): string {
  return rest.startsWith('10') || !/^[01]/.test(rest) ? `0${rest}` : ''
}

function mainland(digits: string): Outcome | null {
  if (/^1[3-9]\d{9}$/.test(digits)) return ASSIGNED.has(digits.slice(0, 3)) ? ok(digits) : ok(digits, 'prefix_unassigned')
  return /^0\d{9,11}$/.test(digits) ? ok(digits) : null
}

const USUAL_PLATE =
  /^[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z](?:[0-9A-HJ-NP-Z]{4}[0-9A-HJ-NP-Z挂学警港澳]|[A-HJK][0-9A-HJ-NP-Z]\d{4}|\d{5}[A-HJK])$/

export function plate(text: string): Outcome {
  return folded(text, plain => {
    const bare = plain.replace(/[\s·•‧・.\-]/g, '')
    if (bare === '') return refused('empty')
    if (chars(bare) > 20) return refused('too_long')
    if (CONTROL.test(bare)) return refused('control_character')
    return USUAL_PLATE.test(bare) ? ok(bare) : ok(bare, 'unusual')
  })
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const PROVINCES = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(' '),
)

function checkDigit(digits: string): string {
  const sum = WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0)
  return '10X98765432'[sum % 11]!
}

export function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && month >= 1 && day >= 1
}

/** `today`, as YYYY-MM-DD, lets births in the future and ages above 120 be flagged. */
export function residentId(text: string, today: string | null = null): Outcome {
  return folded(text, plain => {
    let long = plain
    const legacy = plain.length === 15
    if (legacy) {
      if (!/^\d{15}$/.test(plain)) return refused('format')
      const digits = `${plain.slice(0, 6)}19${plain.slice(6)}`
      long = digits + checkDigit(digits)
    }
    if (!/^\d{17}[\dX]$/.test(long)) return refused('format')
    if (checkDigit(long) !== long[17]) return refused('check_digit')
    if (!isDate(Number(long.slice(6, 10)), Number(long.slice(10, 12)), Number(long.slice(12, 14)))) return refused('date')
    if (long.slice(14, 17) === '000') return refused('sequence')
    const warnings: string[] = []
    if (!PROVINCES.has(long.slice(0, 2))) warnings.push('area_unknown')
    if (legacy) warnings.push('legacy_number')
    if (today !== null) {
      const birth = `${long.slice(6, 10)}-${long.slice(10, 12)}-${long.slice(12, 14)}`
      const before = today.slice(5) < birth.slice(5) ? 1 : 0
      if (birth > today) warnings.push('future_birth')
      else if (Number(today.slice(0, 4)) - Number(birth.slice(0, 4)) - before > 120) warnings.push('age_over_120')
    }
    return ok(long, ...warnings)
  })
}

function permit(text: string): { form: 'hk' | 'tw' | 'old'; outcome: Outcome } | null {
  const plain = utf8(text) > 256 ? '' : fold(text)
  const form = /^[HM](\d{8}|\d{10})$/.test(plain) ? 'hk' : /^\d{8}$/.test(plain) ? 'tw' : /^[A-Z]{3}\d{12}$/.test(plain) ? 'old' : null
  return form === null ? null : { form, outcome: ok(plain, 'unverified') }
}

function permitOf(text: string, form: 'hk' | 'tw'): Outcome {
  const found = permit(text)
  if (found !== null) return found.form === form ? found.outcome : refused('format')
  return folded(text, () => refused('format'))
}

function passport(text: string): Outcome {
  return folded(text, plain => {
    const bare = plain.replace(/[ -]/g, '')
    return /^[0-9A-Z]{5,20}$/.test(bare) ? ok(bare, 'unverified') : refused('format')
  })
}

function anyDocument(text: string): Outcome {
  return folded(text, plain => (CONTROL.test(plain) ? refused('control_character') : ok(plain, 'unverified')))
}

/** A form that belongs to another holder is odd, not wrong: people hand over what they have. */
function eighteen(text: string, today: string | null, holder: 'permit' | 'foreign'): Outcome {
  const read = residentId(text, today)
  if ('refused' in read) return read
  const area = read.value.slice(0, 6)
  const isPermit = area === '810000' || area === '820000' || area === '830000'
  const is = isPermit ? 'permit' : read.value.startsWith('9') ? 'foreign' : 'resident'
  return is === holder
    ? ok(read.value, ...read.warnings.filter(code => code !== 'area_unknown'))
    : ok(read.value, ...read.warnings, 'unusual')
}

/** An identity document's number, read by the rule of its type, or by its form. */
export function document(text: string, type: string | null, today: string | null = null): Outcome {
  switch (type) {
    case 'resident_id': return residentId(text, today)
    case 'residence_permit': return eighteen(text, today, 'permit')
    case 'foreign_resident': {
      const found = permit(text)
      return found?.form === 'old' ? found.outcome : eighteen(text, today, 'foreign')
    }
    case 'hk_macau_permit': return permitOf(text, 'hk')
    case 'taiwan_permit': return permitOf(text, 'tw')
    case 'passport': return passport(text)
    case 'birth_certificate':
    case 'other': return anyDocument(text)
    default:
      return folded(text, plain => {
        const bytes = utf8(plain)
        if ((bytes === 15 || bytes === 18) && /^\d{14}/.test(plain)) return residentId(text, today)
        const found = permit(text)
        if (found !== null) return found.outcome
        const read = passport(text)
        return 'refused' in read ? anyDocument(text) : read
      })
  }
}

const HAN = /[〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

export function name(text: string): Outcome {
  if (utf8(text) > 64 * 16) return refused('too_long')
  if (CONTROL.test(text) || DIRECTION.test(text)) return refused(text.includes('\0') ? 'nul_character' : 'control_character')
  const signs = Array.from(text.trim().normalize('NFC'))
  if (signs.length === 0) return refused('empty')
  if (signs.length > 64) return refused('too_long')
  const han = (at: number) => HAN.test(signs[at] ?? '')
  const one = signs.map((sign, at) => (/[·•‧・.．･]/.test(sign) && han(at - 1) && han(at + 1) ? '·' : sign))
  return ok(one.join(''))
}

export function temperature(tenths: number): Outcome {
  if (tenths < 250 || tenths > 450) return refused('range')
  return tenths >= 340 && tenths <= 420 ? ok(String(tenths)) : ok(String(tenths), 'implausible')
}

export function freeText(text: string, max: number): Outcome {
  if (text.includes('\0')) return refused('nul_character')
  return chars(text) > max ? refused('too_long') : ok(text)
}

export function code(text: string, known: readonly string[]): Outcome {
  if (text === '') return refused('empty')
  if (utf8(text) > 64) return refused('too_long')
  if (CONTROL.test(text)) return refused(text.includes('\0') ? 'nul_character' : 'control_character')
  return known.includes(text) ? ok(text) : ok(text, 'unknown_code')
}

export function date(text: string, partial: boolean): Outcome {
  if (text === '') return refused('empty')
  const form = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(text)
  if (form === null || (!partial && form[3] === undefined)) return refused('format')
  const year = Number(form[1])
  if (!isDate(year, Number(form[2] ?? 1), Number(form[3] ?? 1))) return refused('date')
  return year >= 1900 && year < 2100 ? ok(text) : ok(text, 'implausible')
}

export function areaCode(text: string): Outcome {
  return folded(text, plain => {
    if (!/^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$/.test(plain)) return refused('format')
    const odd = Number(plain.slice(6, 9)) > 599 || Number(plain.slice(9, 12)) > 599
    return odd ? ok(plain, 'unusual') : ok(plain)
  })
}

const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY'

export function creditCode(text: string): Outcome {
  return folded(text, plain => {
    if (plain.length !== 18 || ![...plain].every(sign => ALPHABET.includes(sign))) return refused('format')
    let weight = 1
    let sum = 0
    for (const sign of plain.slice(0, 17)) {
      sum = (sum + ALPHABET.indexOf(sign) * weight) % 31
      weight = (weight * 3) % 31
    }
    return ALPHABET[(31 - sum) % 31] === plain[17] ? ok(plain) : refused('check_digit')
  })
}

export function moment(ms: number): Outcome {
  return ms >= 946_684_800_000 && ms < 4_102_444_800_000 ? ok(String(ms)) : ok(String(ms), 'implausible')
}
