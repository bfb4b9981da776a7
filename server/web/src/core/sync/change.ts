// One line of a push: how it is written, and how a line of one's own is read again.

import { bytesOf } from './sha256.ts'
import { isPlace } from './scope.ts'
import { MAX_CHANGE_BYTES, MAX_DEPTH, MAX_MAP_ENTRIES, type RecordId, type Rev } from './limits.ts'

export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }
export type Fields = { readonly [field: string]: Value }

export interface Change {
  readonly era: number
  readonly schema: number
  readonly stamp: string
  readonly kind: string
  readonly record: RecordId
  readonly base: Rev | null
  readonly saw: string | null
  readonly scope: string | null
  readonly parent: RecordId | null
  readonly whole: boolean
  readonly set: Fields
}

export interface Malformed {
  readonly code: string
  readonly path: string
}

export type Line = { readonly change: Change } | { readonly lost: string } | { readonly malformed: Malformed }

const RECORD = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NAME = /^[a-z][a-z0-9_]{0,63}$/
const RAW_STAMP = /^[0-9a-f]{16}$/
const STAMP = /^[0-9a-f]{24}$/
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/

export const isRecordId = (text: string): boolean => RECORD.test(text)
export const isName = (text: string): boolean => NAME.test(text)

/** A field name is `name`, or `map/<entry uuid>`. */
export function isFieldName(text: string): boolean {
  const at = text.indexOf('/')
  return at < 0 ? isName(text) : isName(text.slice(0, at)) && isRecordId(text.slice(at + 1))
}

/** JSON with the members of every object by name, as a change's line has it. */
export function canonical(value: Value): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonical).join(',')}]`
  const names = Object.keys(value).sort(byBytes)
  return `{${names.map(name => `${JSON.stringify(name)}:${canonical(value[name]!)}`).join(',')}}`
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** The order of UTF-8 bytes, which is that of code points. */
export function byBytes(a: string, b: string): number {
  if (a === b) return 0
  const x = Array.from(a)
  const y = Array.from(b)
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!
  }
  return x.length - y.length
}

/** A change's line. The order of members is the order here, of fields by name. */
export function lineOf(change: Change): string {
  const members = [
    `"era":${change.era}`,
    `"schema":${change.schema}`,
    `"stamp":"${change.stamp}"`,
    `"kind":${JSON.stringify(change.kind)}`,
    `"record":"${change.record}"`,
  ]
  if (change.base !== null) members.push(`"base":${change.base}`)
  if (change.saw !== null) members.push(`"saw":"${change.saw}"`)
  if (change.scope !== null) members.push(`"scope":${JSON.stringify(change.scope)}`)
  if (change.parent !== null) members.push(`"parent":"${change.parent}"`)
  if (change.whole) members.push('"whole":true')
  members.push(`"set":${canonical(change.set)}`)
  return `{${members.join(',')}}`
}

/** Reads one line. */
export function parse(line: string): Line {
  const fault = (code: string, path = ''): Line => ({ malformed: { code, path } })
  if (bytesOf(line).length > MAX_CHANGE_BYTES) return fault('size')
  if (depth(line) > MAX_DEPTH) return fault('depth')
  let members: { [name: string]: unknown }
  try {
    members = JSON.parse(line)
  } catch {
    return fault('json')
  }
  if (holds(members, value => typeof value === 'string' && LONE_SURROGATE.test(value))) return fault('json')
  if (holds(members, value => value === Infinity || value === -Infinity)) return fault('number')
  if (typeof members !== 'object' || members === null || Array.isArray(members)) return fault('type')
  if (typeof members['lost'] === 'string') {
    return { lost: Array.from(members['lost'].split('\0').join('')).slice(0, 200).join('') }
  }
  const integer = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  const text = (form: RegExp) => (value: unknown) => typeof value === 'string' && form.test(value)
  const place = (value: unknown) => typeof value === 'string' && isPlace(value)
  const required: [string, (value: unknown) => boolean][] = [
    ['era', integer],
    ['schema', value => integer(value) && (value as number) <= 0xffffffff],
    ['stamp', text(RAW_STAMP)],
    ['kind', text(NAME)],
    ['record', text(RECORD)],
  ]
  const optional: [string, (value: unknown) => boolean][] = [
    ['base', integer],
    ['saw', text(STAMP)],
    ['scope', place],
    ['parent', text(RECORD)],
  ]
  const told = members['whole']
  if (told !== undefined && told !== null && typeof told !== 'boolean') return fault('type', 'whole')
  for (const [name, fits] of required) {
    if (!fits(members[name])) return fault(name in members ? 'type' : 'missing', name)
  }
  for (const [name, fits] of optional) {
    const value = members[name]
    if (value !== undefined && value !== null && !fits(value)) return fault('type', name)
  }
  const set = members['set']
  if (set === undefined) return fault('missing', 'set')
  if (typeof set !== 'object' || set === null || Array.isArray(set)) return fault('type', 'set')
  const wrong = checkValues(set as Fields)
  if (wrong !== null) return { malformed: wrong }
  return {
    change: {
      era: members['era'] as number,
      schema: members['schema'] as number,
      stamp: members['stamp'] as string,
      kind: members['kind'] as string,
      record: members['record'] as string,
      base: (members['base'] as number | undefined) ?? null,
      saw: (members['saw'] as string | undefined) ?? null,
      scope: (members['scope'] as string | undefined) ?? null,
      parent: (members['parent'] as string | undefined) ?? null,
      whole: told === true,
      set: set as Fields,
    },
  }
}

/** Reads a line of one's own. */
export function read(line: string | null | undefined): Change | null {
  if (line === null || line === undefined) return null
  const parsed = parse(line)
  return 'change' in parsed ? parsed.change : null
}

/** How deep the brackets of a JSON text nest; what stands in strings does not count. */
export function depth(text: string): number {
  let level = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x7b || c === 0x5b) deepest = Math.max(deepest, ++level)
    else if (c === 0x7d || c === 0x5d) level = Math.max(0, level - 1)
  }
  return deepest
}

function holds(value: unknown, test: (value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return test(value)
  return Object.entries(value).some(([name, inner]) => (!Array.isArray(value) && test(name)) || holds(inner, test))
}

function checkValues(set: Fields): Malformed | null {
  const names = Object.keys(set).sort(byBytes)
  if (names.length === 0) return { code: 'missing', path: 'set' }
  if (names.filter(name => name.includes('/')).length > MAX_MAP_ENTRIES) return { code: 'size', path: 'set' }
  for (const name of names) {
    if (!isFieldName(name)) return { code: 'type', path: 'set' }
    const code = checkValue(set[name]!)
    if (code !== null) return { code, path: `set.${name}` }
  }
  return null
}

function checkValue(value: Value): string | null {
  if (value === null || typeof value === 'boolean') return null
  if (typeof value === 'number') return Number.isSafeInteger(value) ? null : 'number'
  if (typeof value === 'string') return value.includes('\0') ? 'nul' : null
  if (isList(value)) return first(value.map(checkValue))
  const names = Object.keys(value).sort(byBytes)
  return first(names.map(name => (name.includes('\0') ? 'nul' : checkValue(value[name]!))))
}

function first(codes: (string | null)[]): string | null {
  return codes.find(code => code !== null) ?? null
}
