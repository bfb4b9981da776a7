// Which rules of the policy hold for a record: to warn at capture, and to send the abnormal first.
// The server decides. What is not there satisfies nothing but `absent`.

import type { Fields, Value } from '../sync/change.ts'
import type { Policy, Rule } from './kind.ts'

interface Test {
  readonly op: string
  readonly value?: Value
  readonly list?: string
}

type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly entry: string; readonly all: readonly (Test & { readonly member: string })[] }
  | (Test & { readonly field: string; readonly member?: string })

/** The rules that hold, in the order of the document. */
export function holding(policy: Policy, kind: string, fields: Fields): Rule[] {
  return policy.rule.filter(
    rule => rule.kind === kind && (rule.when as readonly Condition[]).every(one => holds(one, fields, policy)),
  )
}

/** The codes that make a record abnormal, sorted, each once. */
export function abnormal(policy: Policy, kind: string, fields: Fields): string[] {
  const codes = holding(policy, kind, fields).filter(rule => rule.level !== 'notice').map(rule => rule.code)
  return [...new Set(codes)].sort()
}

function holds(condition: Condition, fields: Fields, policy: Policy): boolean {
  if ('entry' in condition) {
    return valuesAt(fields, condition.entry).some(entry =>
      condition.all.every(test => passes(test, memberOf(entry, test.member), policy)),
    )
  }
  if ('all' in condition) return condition.all.every(one => holds(one, fields, policy))
  if ('any' in condition) return condition.any.some(one => holds(one, fields, policy))
  return passes(condition, valuesAt(fields, condition.field, condition.member), policy)
}

/** The values at a path; of a map, those of all its entries. */
export function valuesAt(fields: Fields, field: string, member?: string): Value[] {
  const whole: Value[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && (name === field || name.startsWith(`${field}/`))) whole.push(value)
  }
  return member === undefined ? whole : whole.flatMap(value => memberOf(value, member))
}

function memberOf(value: Value, member: string): Value[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  if (!Object.prototype.hasOwnProperty.call(value, member)) return []
  const found = (value as { readonly [name: string]: Value })[member]!
  return found === null ? [] : [found]
}

/** For a path through a map there are several values: any of them will do. */
function passes(test: Test, values: readonly Value[], policy: Policy): boolean {
  const each = values.flatMap(value => (Array.isArray(value) ? (value as readonly Value[]) : [value]))
  const any = (fits: (value: Value) => boolean) => each.some(fits)
  const number = (fits: (n: number, limit: number) => boolean) =>
    any(value => typeof value === 'number' && fits(value, test.value as number))
  const wanted = test.list === undefined ? test.value : (policy.lists?.[test.list] ?? [])
  const among = (value: Value) => Array.isArray(wanted) && wanted.includes(value)
  switch (test.op) {
    case 'present': return any(value => value !== false && value !== '')
    case 'absent': return values.length === 0
    case '=': return any(value => value === wanted)
    case '!=': return values.length > 0 && !any(value => value === wanted)
    case 'in': return any(among)
    case 'not_in': return values.length > 0 && !any(among)
    case 'under':
      return any(value => typeof value === 'string' && Array.isArray(wanted) && wanted.some(area => value.startsWith(area)))
    case '>': return number((n, limit) => n > limit)
    case '>=': return number((n, limit) => n >= limit)
    case '<': return number((n, limit) => n < limit)
    case '<=': return number((n, limit) => n <= limit)
    default: return false
  }
}
