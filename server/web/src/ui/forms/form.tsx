// A form drawn from a kind's definition: every field that is asked, in the order of the definition.
// Objects and maps are folded up behind a line that says what stands in them.

import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Fault, Field, Fields, Kind, Member, Value } from '../../core/api'
import { say, t } from '../../i18n'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { asked, box, entries, isEmpty, members, need, type Box } from './ask'
import { entryId } from './entry-id'
import { Input } from './input'
import { shown } from './show'

interface FormProps {
  kind: Kind
  fields: Fields
  /** Fields that another part of the screen asks. */
  without?: ReadonlySet<string>
  /** Fields that come before all others: what somebody came to mend. */
  first?: ReadonlySet<string>
  faults?: readonly Fault[]
  onField: (name: string, value: Value | undefined) => void
}

export function Form({ kind, fields, without, first, faults = [], onField }: FormProps) {
  const all = asked(kind, without)
  const order = first ? [...all.filter(of => first.has(of.name)), ...all.filter(of => !first.has(of.name))] : all
  return (
    <div class="form">
      {order.map(of => (
        <Part key={of.name} kind={kind} of={of} fields={fields} faults={faults} onField={onField} />
      ))}
    </div>
  )
}

interface PartProps {
  kind: Kind
  of: Field
  fields: Fields
  faults: readonly Fault[]
  onField: (name: string, value: Value | undefined) => void
}

/** One field of any shape. */
export function Part({ kind, of, fields, faults, onField }: PartProps) {
  if (of.type === 'map') return <Entries kind={kind} of={of} fields={fields} onField={onField} />
  if (of.type === 'object') return <Fold kind={kind} of={of} fields={fields} faults={faults} onField={onField} />
  return (
    <Input of={of} kind={kind.name} path={of.name} value={fields[of.name]} need={need(of, fields)}
      fault={faults.find(fault => fault.path === of.name)} onInput={value => onField(of.name, value)} />
  )
}

function Fold({ kind, of, fields, faults, onField }: PartProps) {
  const value = box(fields, of.name)
  const wrong = faults.some(fault => fault.path === of.name || fault.path.startsWith(`${of.name}.`))
  const must = need(of, fields) !== 'free' && isEmpty(value)
  return (
    <Folded name={say(of.label)} must={must} text={isEmpty(value) ? '' : shown(of, value)} open={wrong}>
      {of.help && <p class="help">{say(of.help)}</p>}
      <Members kind={kind} of={of} fields={fields} value={value} faults={faults} onInput={next => onField(of.name, next)} />
    </Folded>
  )
}

interface FoldedProps {
  name: string
  text: string
  must?: boolean
  /** Opens it; closing is left to the person. */
  open?: boolean
  children: ComponentChildren
}

/** A line that says what stands inside, and opens. */
export function Folded({ name, text, must, open, children }: FoldedProps) {
  const box = useRef<HTMLDetailsElement>(null)
  useLayoutEffect(() => {
    if (open && box.current) box.current.open = true
  }, [open])
  return (
    <details class="fold" ref={box}>
      <summary>
        <span class="name">{name}{must && <em class="must">{t('form.must')}</em>}</span>
        <span class="fold-value">{text}</span>
        <Icon name="next" />
      </summary>
      <div class="fold-body">{children}</div>
    </details>
  )
}

interface MembersProps {
  kind: Kind
  of: Field
  fields: Fields
  value: Box
  /** Tells entries of one map apart. */
  at?: string
  only?: ReadonlySet<string>
  without?: ReadonlySet<string>
  faults: readonly Fault[]
  onInput: (value: Box) => void
}

/** The members of an object, or of one entry of a map. */
export function Members({ kind, of, fields, value, at = '', only, without, faults, onInput }: MembersProps) {
  const shown = members(of).filter(one => (only ? only.has(one.name) : true) && !without?.has(one.name))
  const wrong = (one: Member): boolean => faults.some(fault => fault.path === `${of.name}.${one.name}`)
  return (
    <>
      {[...shown.filter(wrong), ...shown.filter(one => !wrong(one))].map(one => (
        <Input key={one.name} of={one} kind={kind.name} path={`${of.name}.${one.name}`} at={at} value={value[one.name]}
          need={need(one, fields, of.name, value)} fault={faults.find(fault => fault.path === `${of.name}.${one.name}`)}
          onInput={next => onInput(put(value, one.name, next))} />
      ))}
    </>
  )
}

function put(value: Box, name: string, next: Value | undefined): Box {
  const { [name]: _, ...rest } = value
  return next === undefined ? rest : { ...rest, [name]: next }
}

function Entries({ kind, of, fields, onField }: Omit<PartProps, 'faults'>) {
  const standing = entries(fields, of.name)
  return (
    <fieldset class="entries">
      <legend class="name">{say(of.label)}</legend>
      {of.help && <p class="help">{say(of.help)}</p>}
      {standing.map((entry, at) => (
        <Folded key={entry.id} name={String(at + 1)} text={isEmpty(entry.value) ? '' : shown(of, entry.value)} open={isEmpty(entry.value)}>
          <Members kind={kind} of={of} fields={fields} value={entry.value} at={entry.id} faults={[]}
            onInput={next => onField(`${of.name}/${entry.id}`, next)} />
          <Button tone="danger" icon="close" onPress={() => onField(`${of.name}/${entry.id}`, null)}>{t('form.remove')}</Button>
        </Folded>
      ))}
      <Button icon="plus" onPress={() => onField(`${of.name}/${entryId(Date.now())}`, {})}>{t('form.add', { what: say(of.label) })}</Button>
    </fieldset>
  )
}
