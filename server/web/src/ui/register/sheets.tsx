// The sheets over the register screen: name, plate, everything else the kind asks, what is missing,
// and "this was a moment ago".

import { say, t } from '../../i18n'
import { ago } from '../../i18n/time'
import { asked, box, codes, field } from '../forms/ask'
import { Form, Members, Part } from '../forms/form'
import { faultText } from '../forms/input'
import { labelOf } from '../forms/show'
import { now } from '../now'
import { Button } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { asking, kind, name, number, OWN, phone, plate, slot } from './entry'
import { current, put } from './long-form'
import { PlatePad } from './plate-pad'
import { finish, lacking, twice, update } from './save'

interface Closing {
  onClose: () => void
}

/** Typed with the phone's own keyboard: nobody's keypad knows all names. */
export function NameSheet({ onClose }: Closing) {
  const done = (event: Event): void => {
    event.preventDefault()
    if (name.value.trim()) slot.value = 'temperature'
    onClose()
  }
  return (
    <Sheet title={t('slot.name')} onClose={onClose}>
      <form onSubmit={done} class="stack">
        <label class="aside" for="name">{t('slot.name')}</label>
        <NameInput />
        <Button submit tone="main" big>{t('act.done')}</Button>
      </form>
    </Sheet>
  )
}

function NameInput() {
  return (
    <input id="name" class="tall" value={name.value} maxLength={64} autoComplete="off" enterKeyHint="done" data-first
      onInput={event => { asking.value = 'name'; name.value = event.currentTarget.value }} />
  )
}

export function PlateSheet({ onClose }: Closing) {
  return (
    <Sheet title={t('slot.plate')} full onClose={onClose}>
      <PlatePad value={plate.value} onInput={text => { asking.value = 'plate'; slot.value = 'plate'; plate.value = text }}
        onDone={() => { onClose() }} />
    </Sheet>
  )
}

/** The whole form: everything that the kind asks and the screen has no place for. */
export function MoreSheet({ onClose }: Closing) {
  const of = kind.value
  if (!of) return null
  return (
    <Sheet title={t('register.more')} full onClose={onClose} foot={<Button tone="main" big onPress={onClose}>{t('act.done')}</Button>}>
      <Form kind={of} fields={current()} without={OWN} onField={put} />
    </Sheet>
  )
}

/** One field of several parts, or a list of codes too long for a row. */
export function BoxSheet({ name: own, onClose }: Closing & { name: string }) {
  const of = kind.value
  const one = of && field(of, own)
  if (!of || !one) return null
  if (own === 'health_code') {
    return (
      <Sheet title={say(one.label)} onClose={onClose}>
        <div class="stack">
          {codes(one).map(code => (
            <Button key={code.code} big onPress={() => { onClose(); void finish(code.code) }}>{say(code)}</Button>
          ))}
        </div>
      </Sheet>
    )
  }
  return (
    <Sheet title={say(one.label)} onClose={onClose} foot={<Button tone="main" big onPress={onClose}>{t('act.done')}</Button>}>
      {one.type === 'object' ? (
        <Members kind={of} of={one} fields={current()} value={box(current(), own)} faults={[]} onInput={value => put(own, value)} />
      ) : (
        <Part kind={of} of={one} fields={current()} faults={[]} onField={put} />
      )}
    </Sheet>
  )
}

/** A code was tapped too early: only what is missing is asked, and then it is saved. */
export function LackSheet() {
  const open = lacking.value
  const of = kind.value
  if (!open || !of) return null
  const leave = (): void => {
    lacking.value = null
  }
  const owners = new Set(open.faults.map(fault => fault.path.split(/[./]/)[0] ?? ''))
  const code = open.code === null ? '' : say(codes(field(of, 'health_code')).find(one => one.code === open.code) ?? { zh: open.code, en: open.code })
  const save = (event: Event): void => {
    event.preventDefault()
    void finish(open.code)
  }
  const onlyName = open.faults.every(fault => fault.path === 'person' || fault.path === 'person.name') && (phone.value || number.value || plate.value)
  return (
    <Sheet title={t('lack.title')} onClose={leave}>
      <form class="stack" onSubmit={save}>
        <ul class="faults">
          {open.faults.map(fault => <li key={fault.path}>{labelOf(of, fault.path)}: {faultText(fault.code)}</li>)}
        </ul>
        {onlyName ? (
          <>
            <label for="name">{t('slot.name')}</label>
            <NameInput />
          </>
        ) : (
          asked(of).filter(one => owners.has(one.name)).map(one =>
            one.type === 'object' ? (
              <Members key={one.name} kind={of} of={one} fields={current()} value={box(current(), one.name)} faults={open.faults}
                only={wanted(open.faults.map(fault => fault.path), one.name)} onInput={value => put(one.name, value)} />
            ) : (
              <Part key={one.name} kind={of} of={one} fields={current()} faults={open.faults} onField={put} />
            ),
          )
        )}
        <Button submit tone="main" big>{t('lack.save', { code })}</Button>
      </form>
    </Sheet>
  )
}

/** The members that are at fault; all that matter where the object as a whole is missing. */
function wanted(paths: readonly string[], own: string): ReadonlySet<string> {
  const inner = paths.filter(path => path.startsWith(`${own}.`)).map(path => path.slice(own.length + 1))
  return new Set(inner.length > 0 ? inner : ['name', 'phone', 'document', 'number', 'temperature', 'code'])
}

/** The same person a moment ago. */
export function TwiceSheet() {
  const question = twice.value
  if (!question) return null
  const leave = (): void => {
    twice.value = null
  }
  return (
    <Sheet title={t('twice.title', { time: ago(question.earlier.time, now.value) })} onClose={leave}
      foot={
        <div class="pair">
          <Button big tone="main" onPress={() => void update()}>{t('twice.update')}</Button>
          <Button big onPress={() => void finish(question.code, true)}>{t('twice.again')}</Button>
        </div>
      }>
      <p>{t('twice.text')}</p>
    </Sheet>
  )
}

