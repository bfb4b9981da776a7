// What is wrong with what a person typed, before it is captured: the checks of
// `sync-protocol/src/kind/validate.rs`, with the same paths and codes. Fields and members that the
// kind does not define are kept: they only have to be sound values.

import { isRecordId, type Fields, type Value } from '../sync/change.ts'
import type { Code, Condition, Field, Kind, Member } from './kind.ts'
import { valuesAt } from './policy.ts'
import * as values from './values.ts'

export interface Fault {
  /** As `person.phone`. */
  readonly path: string
  /** `missing`, `wrong_type`, `format`, `check_digit`, `range`… An open list. */
  readonly code: string
}

export interface Verdict {
  /** Must be mended: the centre would call the change invalid. */
  readonly refused: readonly Fault[]
  /** May be saved; flagged. */
  readonly odd: readonly Fault[]
}

interface Asked {
  readonly required?: boolean
  readonly required_unless?: Condition
  readonly required_in?: Condition
  readonly missing?: 'flag'
}

type Members = { readonly [name: string]: Value }

/** Checks the fields that a change sets. `creating`: it makes the record. `day`: of the change. */
export function validate(kind: Kind, set: Fields, creating: boolean, day: string | null = null): Verdict {
  const refused: Fault[] = []
  const odd: Fault[] = []
  const problem = (path: string, code: string) => void refused.push({ path, code })
  const warn = (path: string, code: string) => void odd.push({ path, code })
  const judge = (path: string, outcome: values.Outcome) => {
    if ('refused' in outcome) problem(path, outcome.refused)
    else for (const code of outcome.warnings) warn(path, code)
  }
  const lack = (path: string, asked: Asked) => (asked.missing === 'flag' ? warn : problem)(path, 'missing')

  const needed = (asked: Asked, within: { field: string; object: Members } | null): boolean => {
    if (asked.required === true) return true
    if (asked.required_unless) return holds(asked.required_unless, within) === false
    if (asked.required_in) return holds(asked.required_in, within) === true
    return false
  }
  const holds = (condition: Condition, within: { field: string; object: Members } | null): boolean | null => {
    const [field, member] = split(condition.path)
    let found: Value | undefined
    if (member !== undefined && within?.field === field) found = own(within.object, member)
    else if (!creating && !Object.prototype.hasOwnProperty.call(set, field)) return null
    else found = valuesAt(set, field, member)[0]
    return found !== undefined && (condition.is as readonly Value[]).includes(found)
  }

  const codeIn = (path: string, codes: readonly Code[], text: string) => {
    if (codes.some(code => code.retired && code.code === text)) warn(path, 'retired')
    judge(path, values.code(text, codes.map(code => code.code)))
  }
  const scalar = (path: string, of: Field | Member, value: Value, within: Members | null) => {
    const text = typeof value === 'string' ? value : null
    const number = typeof value === 'number' ? value : null
    const list = Array.isArray(value) ? (value as readonly Value[]) : null
    switch (of.type) {
      case 'integer':
        if (number === null) return problem(path, 'wrong_type')
        if ((of.min !== undefined && number < of.min) || (of.max !== undefined && number > of.max)) return problem(path, 'range')
        if ((of.warn_min !== undefined && number < of.warn_min) || (of.warn_max !== undefined && number > of.warn_max)) warn(path, 'implausible')
        return
      case 'temperature': return number === null ? problem(path, 'wrong_type') : judge(path, values.temperature(number))
      case 'time': return number === null ? problem(path, 'wrong_type') : judge(path, values.moment(number))
      case 'boolean': return typeof value === 'boolean' ? undefined : problem(path, 'wrong_type')
      case 'codes':
      case 'areas':
        for (const item of list ?? [null]) {
          if (typeof item !== 'string') return problem(path, 'wrong_type')
          if (of.type === 'codes') codeIn(path, of.codes ?? [], item)
          else judge(path, values.areaCode(item))
        }
        return
      case 'reference':
        if (text === null) return problem(path, 'wrong_type')
        return UUID.test(text) ? undefined : problem(path, 'format')
    }
    if (text === null) return problem(path, 'wrong_type')
    switch (of.type) {
      case 'text': return judge(path, values.freeText(text, of.max_length ?? 500))
      case 'name': return judge(path, values.name(text))
      case 'phone': return judge(path, values.phone(text))
      case 'identity': {
        const type = of.document === undefined || within === null ? null : own(within, of.document)
        return judge(path, values.document(text, typeof type === 'string' ? type : null, day))
      }
      case 'plate': return judge(path, values.plate(text))
      case 'area': return judge(path, values.areaCode(text))
      case 'credit_code': return judge(path, values.creditCode(text))
      case 'code': return codeIn(path, of.codes ?? [], text)
      case 'date': return judge(path, values.date(text, of.partial === true))
      case 'user': return /^u\+?\d+$/.test(text) ? undefined : problem(path, 'format')
      case 'place': return /^[A-Za-z0-9_.-]{1,48}:[A-Za-z0-9_.-]{1,48}$/.test(text) ? undefined : problem(path, 'format')
      // A type that this program does not know is not judged.
      default: return KNOWN.has(of.type) ? problem(path, 'wrong_type') : undefined
    }
  }
  const object = (name: string, field: Field, members: Members) => {
    for (const [key, value] of Object.entries(members)) {
      const member = field.member?.find(member => member.name === key)
      if (member === undefined) {
        warn(name, 'unknown')
        continue
      }
      if (value === null) continue
      if (member.retired) warn(`${name}.${key}`, 'retired')
      scalar(`${name}.${key}`, member, value, members)
    }
    for (const member of field.member ?? []) {
      const value = own(members, member.name)
      if ((value === undefined || value === null) && !member.retired && needed(member, { field: field.name, object: members })) {
        lack(`${name}.${member.name}`, member)
      }
    }
  }
  const one = (name: string, value: Value) => {
    const [base, entry] = name.split('/') as [string, string | undefined]
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(base) || (entry !== undefined && !UUID36.test(name.slice(base.length + 1)))) {
      return problem('', 'field_name')
    }
    const unsound = soundness(value)
    if (unsound !== null) return problem(name, unsound)
    if (RESERVED.has(base)) return reserved(name, value)
    const field = kind.field.find(field => field.name === base)
    if (field === undefined) return warn(name, 'unknown')
    if ((field.type === 'map') !== (entry !== undefined)) return problem(name, 'wrong_type')
    if (value === null) return
    if (field.retired) warn(name, 'retired')
    if (field.type !== 'object' && field.type !== 'map') return scalar(name, field, value, null)
    if (typeof value !== 'object' || Array.isArray(value)) return problem(name, 'wrong_type')
    object(name, field, value as Members)
  }
  const reserved = (name: string, value: Value) => {
    if (name === 'abnormal') return problem(name, 'derived')
    if (value === null) return
    if (name === 'joined_into') {
      if (typeof value !== 'string') return problem(name, 'wrong_type')
      return UUID.test(value) ? undefined : problem(name, 'format')
    }
    if (name !== 'void' || typeof value !== 'object' || Array.isArray(value)) return problem(name, 'wrong_type')
    const reason = own(value as Members, 'reason')
    if (reason === undefined || reason === null) return
    if (typeof reason !== 'string') return problem('void.reason', 'wrong_type')
    judge('void.reason', values.freeText(reason, 500))
  }

  for (const [name, value] of Object.entries(set)) one(name, value)
  for (const field of kind.field) {
    if (field.type === 'map' || field.retired) continue
    const value = own(set, field.name)
    const lacking = value === undefined ? creating : value === null
    if (lacking && needed(field, null)) lack(field.name, field)
  }
  return { refused: refused.sort(byPath), odd: odd.sort(byPath) }
}

/** One value by itself, at `person.phone`. */
export function checkValue(kind: Kind, path: string, value: Value): Fault | null {
  const [base, member] = split(path)
  const name = base.split('/')[0]!
  const field = kind.field.find(field => field.name === name)
  if (field === undefined || value === null) return null
  const set: Fields = { [base]: member === undefined ? value : { [member]: value } }
  const verdict = validate(kind, set, false)
  return [...verdict.refused, ...verdict.odd].find(fault => fault.path === path && fault.code !== 'missing') ?? null
}

const UUID36 = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/
const UUID = /^(urn:uuid:|\{)?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?$/
const RESERVED = new Set(['joined_into', 'void', 'abnormal'])
const KNOWN = new Set(['object', 'map'])

function split(path: string): [string, string | undefined] {
  const at = path.indexOf('.')
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)]
}

function own(object: Members, name: string): Value | undefined {
  return Object.prototype.hasOwnProperty.call(object, name) ? object[name] : undefined
}

function byPath(a: Fault, b: Fault): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : a.code < b.code ? -1 : a.code > b.code ? 1 : 0
}

/** What any value must be: whole numbers, no U+0000, not too deep, not too large. */
function soundness(value: Value): string | null {
  let parts = 0
  const walk = (value: Value, depth: number): string | null => {
    parts += 1
    if (parts > 1024) return 'too_large'
    if (typeof value === 'number') return Number.isSafeInteger(value) ? null : Number.isInteger(value) ? 'range' : 'not_integer'
    if (typeof value === 'string') return value.includes('\0') ? 'nul_character' : null
    if (typeof value !== 'object' || value === null) return null
    if (depth > 14) return 'too_deep'
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value) && key.includes('\0')) return 'nul_character'
      const found = walk(inner as Value, depth + 1)
      if (found !== null) return found
    }
    return null
  }
  return walk(value, 1)
}

/** Whether a field's name is one of a map's entries. */
export function isEntry(name: string, map: string): boolean {
  return name.startsWith(`${map}/`) && isRecordId(name.slice(map.length + 1))
}
