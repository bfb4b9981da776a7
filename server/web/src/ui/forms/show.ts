// Values in words, by their definition.

import type { Field, Fields, Kind, Member, Value } from '../../core/api'
import { say, t } from '../../i18n'
import { degrees, moment } from '../../i18n/time'
import { now } from '../now'
import { entries, field, isBox, members } from './ask'

/** One value as people read it. A code that the list does not have is shown as it is. */
export function shown(of: Field | Member | undefined, value: Value | undefined): string {
  if (value === undefined || value === null) return '—'
  if (of && (of.type === 'code' || of.type === 'codes')) {
    const list = Array.isArray(value) ? (value as readonly Value[]) : [value]
    return list.map(code => named(of, String(code))).join(t('list.and'))
  }
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no')
  if (typeof value === 'number') {
    if (of?.type === 'temperature') return `${degrees(value)}℃`
    if (of?.type === 'time') return moment(value, now.value)
    return String(value)
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map(String).join(t('list.and'))
  if (isBox(value)) return inner(of, value)
  return String(value)
}

export function named(of: Field | Member | undefined, code: string): string {
  const found = of?.codes?.find(one => one.code === code)
  return found ? say(found) : code
}

function inner(of: Field | Member | undefined, value: { readonly [name: string]: Value }): string {
  const known = of && 'member' in of ? members(of as Field) : []
  const parts = known
    .filter(one => value[one.name] !== undefined && value[one.name] !== null)
    .map(one => (one.type === 'boolean' ? `${say(one.label)}: ${shown(one, value[one.name])}` : shown(one, value[one.name])))
  return parts.length > 0 ? parts.join(' · ') : '—'
}

/** The label of a field as the wire names it: `members/<id>` is said as the map's. */
export function labelOf(kind: Kind | undefined, name: string): string {
  const [own = '', deep] = name.replace(/^set\./, '').split(/[./]/)
  const of = field(kind, own)
  if (!of) return own
  const part = name.includes('/') ? undefined : of.member?.find(one => one.name === deep)
  return part ? `${say(of.label)} · ${say(part.label)}` : say(of.label)
}

/** Label and value of everything that stands in a record, in the order of the form. */
export function lines(kind: Kind, fields: Fields): readonly { readonly name: string; readonly label: string; readonly text: string }[] {
  return kind.field.flatMap(of => {
    if (of.type === 'map') {
      return entries(fields, of.name).map(entry => ({
        name: `${of.name}/${entry.id}`,
        label: say(of.label),
        text: shown(of, entry.value),
      }))
    }
    const value = fields[of.name]
    return value === undefined || value === null ? [] : [{ name: of.name, label: say(of.label), text: shown(of, value) }]
  })
}
