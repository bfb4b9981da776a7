// What a form asks, read from a kind's definition. Pure: no drawing, no storage. A question that an
// officer adds overnight is asked from the moment its definition arrives.

import type { Code, Field, Fields, Kind, Member, Value } from '../../core/api'
import type { Condition } from '../../core/definitions/kind'

/** An object's or an entry's members, by name. */
export type Box = { readonly [name: string]: Value }

const DRAWN = new Set([
  'text', 'name', 'phone', 'identity', 'plate', 'area', 'areas', 'credit_code', 'integer', 'temperature',
  'code', 'codes', 'boolean', 'date', 'time', 'place', 'object', 'map',
])

/** The fields that people are asked: known types, not retired, not filled in by the app itself. */
export function asked(kind: Kind, without: ReadonlySet<string> = new Set()): readonly Field[] {
  return kind.field.filter(field => !field.retired && DRAWN.has(field.type) && !without.has(field.name))
}

/** The members of an object or map that people are asked. */
export function members(field: Field): readonly Member[] {
  return (field.member ?? []).filter(member => !member.retired && DRAWN.has(member.type))
}

export function field(kind: Kind | undefined, name: string): Field | undefined {
  return kind?.field.find(one => one.name === name && !one.retired)
}

export function member(of: Field | undefined, name: string): Member | undefined {
  return of?.member?.find(one => one.name === name && !one.retired)
}

/** The codes of a field or member that may still be chosen. */
export function codes(of: Field | Member | undefined): readonly Code[] {
  return (of?.codes ?? []).filter(code => !code.retired)
}

export function isBox(value: Value | undefined): value is Box {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of an object field; empty where nothing stands. */
export function box(fields: Fields, name: string): Box {
  const value = fields[name]
  return isBox(value) ? value : {}
}

/** The entries of a map that stand, in the order of their ids: the order in which they were made. */
export function entries(fields: Fields, map: string): readonly { readonly id: string; readonly value: Box }[] {
  const start = `${map}/`
  return Object.keys(fields)
    .filter(name => name.startsWith(start))
    .sort()
    .flatMap(name => {
      const value = fields[name]
      return isBox(value) ? [{ id: name.slice(start.length), value }] : []
    })
}

export type Need = 'refused' | 'flagged' | 'free'

/**
 * Whether an answer must be there: `refused` without it, `flagged` without it, or left to the person.
 * `within` is the object or entry that a member stands in, and `owner` the field's name: a condition
 * on the own field looks into the same object.
 */
export function need(of: Field | Member, fields: Fields, owner?: string, within?: Box): Need {
  const must =
    of.required === true ||
    (of.required_unless !== undefined && !holds(of.required_unless, fields, owner, within)) ||
    (of.required_in !== undefined && holds(of.required_in, fields, owner, within))
  if (!must) return 'free'
  return of.missing === 'flag' ? 'flagged' : 'refused'
}

function holds(condition: Condition, fields: Fields, owner?: string, within?: Box): boolean {
  const [name = '', inner] = condition.path.split('.')
  const value = inner === undefined ? fields[name] : name === owner && within ? within[inner] : box(fields, name)[inner]
  return condition.is.some(one => one === value)
}

/** Whether a value says nothing: then it is left out of what is captured. */
export function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && Object.values(value).every(isEmpty)
}

/** The same without members that say nothing; undefined where nothing is left. */
export function trimmed(value: Value | undefined): Value | undefined {
  if (isEmpty(value)) return undefined
  if (!isBox(value)) return typeof value === 'string' ? value.trim() || undefined : value
  const left: { [name: string]: Value } = {}
  for (const [name, inner] of Object.entries(value)) {
    const kept = trimmed(inner)
    if (kept !== undefined) left[name] = kept
  }
  return Object.keys(left).length > 0 ? left : undefined
}

/** Fields ready to be captured: what says nothing is left out. */
export function filled(fields: Fields): Fields {
  const left: { [name: string]: Value } = {}
  for (const [name, value] of Object.entries(fields)) {
    const kept = trimmed(value)
    if (kept !== undefined) left[name] = kept
  }
  return left
}

/** What an edit has to carry: fields that differ from what stood there; what was emptied is gone. */
export function differing(before: Fields, after: Fields): Fields {
  const changed: { [name: string]: Value } = {}
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = trimmed(before[name]) ?? null
    const is = trimmed(after[name]) ?? null
    if (!same(was, is)) changed[name] = is
  }
  return changed
}

export function same(one: Value, other: Value): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, at) => same(value, (other as readonly Value[])[at] ?? null))
  }
  if (!isBox(one) || !isBox(other)) return false
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].every(name => same(one[name] ?? null, other[name] ?? null))
}

/** Only the fields and members that the definition has: what an older or other kind would not take. */
export function fitting(kind: Kind, fields: Fields): Fields {
  const left: { [name: string]: Value } = {}
  for (const [name, value] of Object.entries(fields)) {
    const of = field(kind, name.split('/')[0] ?? '')
    if (!of) continue
    if (of.type === 'object' && isBox(value)) {
      left[name] = Object.fromEntries(Object.entries(value).filter(([inner]) => member(of, inner)))
    } else {
      left[name] = value
    }
  }
  return left
}
