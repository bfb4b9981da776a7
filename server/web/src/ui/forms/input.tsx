// One question, drawn by its type. What is typed is kept as it was typed; what is odd about it is said
// below, and never taken away.

import { useState } from 'preact/hooks'
import type { Fault, Field, Member, Value } from '../../core/api'
import { say, t, type Message } from '../../i18n'
import { degrees } from '../../i18n/time'
import { core } from '../core'
import { Choice, Chip, Button } from '../parts/press'
import { codes, type Need } from './ask'

interface InputProps {
  of: Field | Member
  kind: string
  /** As `person.phone`. */
  path: string
  /** Tells the same question apart where it is asked more than once. */
  at?: string
  value: Value | undefined
  need?: Need
  /** Wrong in a way that a save found. */
  fault?: Fault | undefined
  onInput: (value: Value | undefined) => void
}

/** More codes than this are a list to pick from, fewer are all in sight. */
const IN_SIGHT = 7

export function Input(props: InputProps) {
  const { of, kind, path, at = '', value, need = 'free', fault, onInput } = props
  const id = `in-${at}-${path.replace(/[^a-z0-9]/gi, '-')}`
  const label = say(of.label)
  const typed = fault ?? (value === undefined || value === null || value === '' ? null : core.checkValue(kind, path, value))
  const note = typed && !(fault === undefined && typed.code === 'missing') ? faultText(typed.code) : null
  const name = (
    <span class="name">
      {label}
      {need !== 'free' && <em class="must">{t('form.must')}</em>}
    </span>
  )
  const notes = (
    <>
      {of.help && <span class="help" id={`${id}-help`}>{say(of.help)}</span>}
      {note && <span class="fault" id={`${id}-fault`} role="alert">{note}</span>}
    </>
  )

  if (of.type === 'boolean') {
    const options = [{ code: 'yes', text: t('yes') }, { code: 'no', text: t('no') }]
    const chosen = value === true ? 'yes' : value === false ? 'no' : undefined
    return (
      <div class="field">
        <Choice label={label} options={options} value={chosen} clear onChoose={code => onInput(code === undefined ? undefined : code === 'yes')} />
        {notes}
      </div>
    )
  }
  if (of.type === 'code' && codes(of).length <= IN_SIGHT) {
    const options = codes(of).map(code => ({ code: code.code, text: say(code) }))
    return (
      <div class="field">
        <Choice label={label} options={options} value={typeof value === 'string' ? value : undefined} clear onChoose={onInput} />
        {notes}
      </div>
    )
  }
  if (of.type === 'codes') {
    const taken = Array.isArray(value) ? (value as readonly string[]) : []
    const flip = (code: string): void =>
      onInput(taken.includes(code) ? taken.filter(one => one !== code) : [...taken, code])
    return (
      <div class="field" role="group" aria-label={label}>
        <span aria-hidden="true">{name}</span>
        <div class="chips">
          {codes(of).map(code => (
            <Chip key={code.code} on={taken.includes(code.code)} onPress={() => flip(code.code)}>{say(code)}</Chip>
          ))}
        </div>
        {notes}
      </div>
    )
  }
  const about = [of.help && `${id}-help`, note && `${id}-fault`].filter(Boolean).join(' ') || undefined
  return (
    <div class="field">
      <label for={id}>{name}</label>
      {of.type === 'code' ? (
        <select id={id} value={typeof value === 'string' ? value : ''} aria-describedby={about} aria-invalid={note !== null}
          onChange={event => onInput(event.currentTarget.value || undefined)}>
          <option value="">{t('form.none')}</option>
          {codes(of).map(code => <option key={code.code} value={code.code}>{say(code)}</option>)}
        </select>
      ) : of.type === 'integer' ? (
        <Steps id={id} label={label} value={typeof value === 'number' ? value : undefined} of={of} about={about} onInput={onInput} />
      ) : (
        <Line id={id} of={of} value={value} about={about} wrong={note !== null} onInput={onInput} />
      )}
      {notes}
    </div>
  )
}

/** A number with one key down and one up. */
function Steps(props: { id: string; label: string; value: number | undefined; of: Field | Member; about: string | undefined; onInput: (value: Value | undefined) => void }) {
  const { id, label, value, of, about, onInput } = props
  const step = (by: number): void => {
    const next = (value ?? (by > 0 ? (of.min ?? 0) - 1 : 1)) + by
    onInput(Math.min(of.max ?? next, Math.max(of.min ?? next, next)))
  }
  return (
    <div class="steps">
      <Button icon="minus" label={t('form.less', { what: label })} onPress={() => step(-1)} />
      <input id={id} inputMode="numeric" value={value === undefined ? '' : String(value)} aria-describedby={about}
        onInput={event => onInput(whole(event.currentTarget.value))} />
      <Button icon="plus" label={t('form.more', { what: label })} onPress={() => step(1)} />
    </div>
  )
}

const MODES: Partial<Record<Field['type'], 'tel' | 'decimal' | 'numeric'>> = { phone: 'tel', temperature: 'decimal', area: 'numeric' }

/** Text of any type. Temperatures are typed with or without the point; days and times by the phone's picker. */
function Line(props: { id: string; of: Field | Member; value: Value | undefined; about: string | undefined; wrong: boolean; onInput: (value: Value | undefined) => void }) {
  const { id, of, value, about, wrong, onInput } = props
  const [text, setText] = useState(() => written(of, value))
  const long = of.type === 'text' && (of.max_length ?? 500) >= 200
  const read = (typed: string): void => {
    setText(typed)
    onInput(parsed(of, typed))
  }
  // What came from elsewhere (a scan, a recall) replaces what was typed.
  const current = same(parsed(of, text), value) ? text : written(of, value)
  if (long) {
    return <textarea id={id} rows={2} value={current} maxLength={of.max_length} aria-describedby={about} aria-invalid={wrong}
      onInput={event => read(event.currentTarget.value)} />
  }
  const rest = {
    id,
    value: current,
    'aria-describedby': about,
    'aria-invalid': wrong,
    onInput: (event: { readonly currentTarget: HTMLInputElement }): void => read(event.currentTarget.value),
  }
  if (of.type === 'date' && !of.partial) return <input type="date" {...rest} />
  if (of.type === 'time') return <input type="datetime-local" {...rest} />
  return <input type="text" inputMode={MODES[of.type]} maxLength={of.max_length} autoComplete="off"
    placeholder={of.type === 'date' ? '1990-01-31' : undefined} {...rest} />
}

function same(one: Value | undefined, other: Value | undefined): boolean {
  return String(one ?? '') === String(other ?? '')
}

function written(of: Field | Member, value: Value | undefined): string {
  if (value === undefined || value === null) return ''
  if (of.type === 'temperature' && typeof value === 'number') return degrees(value)
  if (of.type === 'time' && typeof value === 'number') {
    const local = new Date(value - new Date(value).getTimezoneOffset() * 60_000)
    return local.toISOString().slice(0, 16)
  }
  return Array.isArray(value) ? (value as readonly string[]).join(' ') : String(value)
}

function parsed(of: Field | Member, text: string): Value | undefined {
  const bare = text.trim()
  if (!bare) return undefined
  if (of.type === 'temperature') return tenths(bare) ?? bare
  if (of.type === 'time') return new Date(bare).getTime() || undefined
  if (of.type === 'areas') return bare.split(/[\s,，、]+/)
  return text
}

/** 36.5, 36,5 and 365 are all 365 tenths; 36 and 37 are whole degrees. */
export function tenths(text: string): number | undefined {
  const found = /^(\d{2})(?:[.,，。]?(\d))?$/.exec(text.trim())
  return found ? Number(found[1]) * 10 + Number(found[2] ?? 0) : undefined
}

function whole(text: string): Value | undefined {
  const bare = text.trim()
  if (!bare) return undefined
  return /^-?\d{1,15}$/.test(bare) ? Number(bare) : bare
}

const FAULTS: { readonly [code: string]: Message } = {
  missing: 'fault.missing', empty: 'fault.missing', format: 'fault.format', type: 'fault.format', wrong_type: 'fault.format',
  check_digit: 'fault.checkDigit', date: 'fault.date', range: 'fault.range', too_long: 'fault.tooLong', length: 'fault.tooLong',
  control_character: 'fault.character', nul_character: 'fault.character', implausible: 'fault.implausible', unusual: 'fault.unusual',
  prefix_unassigned: 'fault.prefix', area_unknown: 'fault.area', future_birth: 'fault.birth', age_over_120: 'fault.birth',
  legacy_number: 'fault.legacy', unknown_code: 'fault.code', code: 'fault.code', unverified: 'fault.unverified',
  tenths: 'fault.tenths',
}

/** The sentence for a reason; the list of reasons is open. */
export function faultText(code: string): string {
  return t(FAULTS[code] ?? 'fault.other', { code })
}
