// Registering on one screen: who, how warm, which code. The tap on the code saves.

import { useEffect } from 'preact/hooks'
import { say, t } from '../../i18n'
import { core } from '../core'
import { codes, field } from '../forms/ask'
import { later, laterSheet, whenLater } from '../lazy'
import { Bar } from '../parts/bar'
import { Icon, Mark, type Shape } from '../parts/icon'
import { Keypad, type KeyName } from '../parts/keypad'
import { enter } from '../route'
import { isStanding } from '../scan/standing'
import {
  asking, busy, clear, digits, dirty, found, has, kind, name, notThem, number, NUMBER_DIGITS, phone, PHONE_DIGITS, plate, resting, slot,
  temperature,
} from './entry'
import { Failure } from './failure'
import { Middle } from './middle'
import { close, sheet } from './open'
import { receive } from './receive'
import { finish, failure } from './save'

const Tally = later(all => all.Tally)
const ScanSheet = laterSheet(all => all.ScanSheet)
const PlateSheet = laterSheet(all => all.PlateSheet)
const NameSheet = laterSheet(all => all.NameSheet)
const Stand = laterSheet(all => all.Stand)
const MoreSheet = laterSheet(all => all.MoreSheet)
const BoxSheet = laterSheet(all => all.BoxSheet)
const LackSheet = laterSheet(all => all.LackSheet)
const TwiceSheet = laterSheet(all => all.TwiceSheet)

export function Register() {
  useEffect(() => whenLater(all => all.listenToWedge(receive, typedKey)), [])
  const shift = core.shift.value
  if (!shift) return null
  const title = core.places.value.find(one => one.place === shift.place)?.name ?? (shift.place || t('shift.unnamed'))
  return (
    <>
      <Bar title={title}>
        <button type="button" class="link" onClick={() => enter({ at: 'shift' })}>
          {t(`direction.${shift.direction}`)} <Icon name="swap" />
        </button>
      </Bar>
      {shift.tally ? <Tally /> : <Fast />}
      <Sheets />
    </>
  )
}

/** Sheets redraw by themselves: opening one draws nothing else anew. */
function Sheets() {
  const open = sheet.value
  return (
    <>
      {open === 'scan' && <ScanSheet onClose={close} onStand={() => { close(); isStanding.value = true }} onText={text => { close(); receive(text) }} />}
      {open === 'plate' && <PlateSheet onClose={close} />}
      {open === 'name' && <NameSheet onClose={close} />}
      {open === 'more' && <MoreSheet onClose={close} />}
      {open !== null && typeof open === 'object' && <BoxSheet name={open.field} onClose={close} />}
      <LackSheet />
      <TwiceSheet />
    </>
  )
}

function Fast() {
  return (
    <main class="register">
      {isStanding.value && <Stand />}
      {(!isStanding.value || dirty.value) && <><Line /><Middle /></>}
      <Failure />
      <Keypad
        onKey={press}
        side={[
          <button key="scan" type="button" class="key scan" onClick={() => { sheet.value = 'scan' }}>
            <Icon name="scan" /><span>{t('register.scan')}</span>
          </button>,
          <WayKey key="name" to="name" />,
          has('vehicle', 'plate') ? <WayKey key="plate" to="plate" /> : <span key="plate" />,
          <button key="more" type="button" class="key side" onClick={() => { sheet.value = 'more' }}>{t('register.more')}</button>,
        ]}
      />
      <Codes />
    </main>
  )
}

/** Opens the sheet for a name or a plate, and shows what stands there. */
function WayKey({ to }: { to: 'name' | 'plate' }) {
  const value = SLOTS[to].value
  return (
    <button type="button" class={`key side${value ? ' on' : ''}`} onClick={() => { sheet.value = to }}>
      {value ? <span class="aside">{t(`slot.${to}`)}: </span> : null}
      {/* A plate that is too long for one line breaks where it is read. */}
      {to === 'plate' ? value.replace(/^../, '$&\u200b') || t('slot.plate') : value || t('slot.name')}
    </button>
  )
}

/** Who was recognised; else what is being typed. */
function Line() {
  return found.value ? <Person /> : <Typed />
}

function Person() {
  const about = [phone.value, number.value && `…${number.value.slice(-4)}`, plate.value].filter(Boolean).join(' · ')
  return (
    <div class="person">
      <span class="person-name">{name.value || phone.value || plate.value}{found.value?.old && <em class="must">{t('card.old')}</em>}</span>
      <span class="person-about">{about}</span>
      <button type="button" class="square" aria-label={t('recall.notThem')} onClick={notThem}><Icon name="close" /></button>
    </div>
  )
}

function Typed() {
  const at = asking.value
  const digit = at === 'number' ? 'number' : 'phone'
  const other = digit === 'phone' ? 'number' : 'phone'
  const value = SLOTS[digit].value
  return (
    <div class={slot.value === 'temperature' ? 'line' : 'line on'}>
      <button type="button" class="line-slot" onClick={() => { asking.value = other; slot.value = other }}>
        <span class="aside">{t('register.change', { what: t(`slot.${other}`) })} </span>
        {t(`slot.${digit}`)} <Icon name="swap" />
      </button>
      <button type="button" class="line-value" onClick={() => { asking.value = digit; slot.value = digit }}>
        <span class="aside">{t(`slot.${digit}`)}: </span>
        {value ? (digit === 'phone' ? grouped(value) : value) : <span class="ghost">{t(`ghost.${digit}`)}</span>}
      </button>
      {dirty.value && (
        <button type="button" class="square" aria-label={t('keys.clear')} onClick={clear}><Icon name="close" /></button>
      )}
    </div>
  )
}

/** A whole number in threes and fours; a tail as it is. */
function grouped(value: string): string {
  return value.length < 5 ? value : value.replace(/^(\d{3})(\d{0,4})(\d{0,4})$/, (_, a: string, b: string, c: string) => [a, b, c].filter(Boolean).join(' '))
}

/** A key of a keyboard, where there is one: the same as on the keypad. */
function typedKey(key: string): void {
  if (sheet.value !== null || document.querySelector('.sheet')) return
  if (/^[0-9]$/.test(key)) press(key as KeyName)
  else if (key === 'Backspace') press('back')
  else if (key === 'x' || key === 'X') press('X')
}

const SLOTS = { phone, number, plate, name }

/** A key of the keypad, or of a keyboard. */
export function press(key: KeyName): void {
  if (slot.value === 'temperature') {
    if (key === 'back') {
      if (digits.value === '') slot.value = asking.value
      digits.value = digits.value.slice(0, -1)
    } else if (key === 'clear') digits.value = ''
    else if (key !== 'X' && digits.value.length < 3) digits.value += key
    return
  }
  const at = asking.value === 'name' || asking.value === 'plate' ? 'phone' : asking.value
  asking.value = at
  slot.value = at
  const part = SLOTS[at]
  if (key === 'back') part.value = part.value.slice(0, -1)
  else if (key === 'clear') part.value = ''
  else if (key === 'X' && at === 'phone') return
  else if (part.value.length < (at === 'phone' ? PHONE_DIGITS : NUMBER_DIGITS)) part.value += key
  const whole = at === 'phone' ? /^1\d{10}$/.test(part.value) : part.value.length === NUMBER_DIGITS
  if (whole && key !== 'back' && has('measurement', 'temperature')) {
    slot.value = 'temperature'
    recognise()
  }
}

function recognise(): void {
  // A whole number that the phone knows is that person: the name need not be typed.
  const exact = core.recall(phone.value || number.value, 2).filter(one => !one.masked && (one.phone === phone.value && phone.value !== '' || one.number === number.value && number.value !== ''))
  const only = exact.length === 1 ? exact[0] : undefined
  if (only?.name && !name.value) name.value = only.name
}

const SHAPES: { readonly [code: string]: Shape } = { green: 'dot', yellow: 'triangle', red: 'square' }

/** The last row: each code is a button that saves. A kind without health codes has one. */
function Codes() {
  const of = kind.value
  const health = of && field(of, 'health_code')
  const list = codes(health)
  const rest = list.filter(code => !(code.code in SHAPES))
  const off = busy.value || resting.value || Boolean(failure.value?.again)
  const warm = temperature.value !== undefined || !has('measurement', 'temperature')
  if (!health) {
    return (
      <div class="codes">
        <button type="button" class={`code green${warm ? '' : ' early'}`} disabled={off} onClick={() => void finish(null)}>
          <Mark shape="dot" />{t('register.save')}
        </button>
      </div>
    )
  }
  return (
    <div class="codes">
      {list.filter(code => code.code in SHAPES).map(code => (
        <button key={code.code} type="button" class={`code ${code.code}${warm ? '' : ' early'}`} disabled={off} onClick={() => void finish(code.code)}>
          <Mark shape={SHAPES[code.code] ?? 'ring'} />
          <span>{say(code)}</span>
        </button>
      ))}
      {rest.length > 0 && (
        <button type="button" class="code other" disabled={off} onClick={() => { sheet.value = { field: 'health_code' } }}>
          <span>{t('register.otherCode')}</span>
        </button>
      )}
    </div>
  )
}
