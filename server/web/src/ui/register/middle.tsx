// Between what is typed and the keypad: proposals while somebody is looked for, the temperature and
// the questions once it is clear who it is.

import { say, t } from '../../i18n'
import { degrees, moment } from '../../i18n/time'
import type { Recall } from '../../core/api'
import { core } from '../core'
import { box, codes, isEmpty } from '../forms/ask'
import { shown } from '../forms/show'
import { now } from '../now'
import { Icon } from '../parts/icon'
import { Chip } from '../parts/press'
import { digits, extra, extraBoxes, has, known, matches, slot, take, temperature } from './entry'
import { habits } from '../habits'
import { sheet } from './open'

export function Middle() {
  const list = matches.value
  if (list.length === 0) {
    return (
      <>
        {has('measurement', 'temperature') && <Heat />}
        <div class="middle"><Extras /></div>
      </>
    )
  }
  return (
    <div class="proposals">
      {list.map((one, at) => <Proposal key={at} of={one} />)}
    </div>
  )
}

/** Somebody whom the phone remembers; a tap fills everything in. */
function Proposal({ of }: { of: Recall }) {
  const about = [of.phone, of.plate, of.document === null ? null : of.number].filter(Boolean).join(' ')
  return (
    <button type="button" class="proposal" onClick={() => take(of)}>
      <span class="proposal-name">{of.name ?? of.plate ?? of.phone}</span>
      <span class="proposal-about">{about}</span>
      <span class="proposal-seen">{t('recall.seen', { time: moment(of.lastSeen, now.value), n: of.times })}</span>
    </button>
  )
}

/** What most people have. A reading is one tap; anything else is typed. */
const USUAL = [362, 365, 368]
const FEVER = 373

function Heat() {
  const typed = digits.value
  const hot = temperature.value !== undefined && temperature.value >= FEVER
  const odd = temperature.value === undefined ? null : core.checkValue('registration', 'measurement.temperature', temperature.value)
  return (
    <div class={`row heat${slot.value === 'temperature' ? ' on' : ''}${hot ? ' hot' : ''}${odd ? ' odd' : ''}`}>
      <button type="button" class="heat-value" onClick={() => { slot.value = 'temperature' }}>
        <span class="name">{t('register.heat')}</span>
        <span class="heat-number">{typed ? dotted(typed) : '--.-'}</span>
      </button>
      {USUAL.map(one => (
        <Chip key={one} on={temperature.value === one} onPress={() => { digits.value = String(one); slot.value = 'temperature' }}>
          {degrees(one)}
        </Chip>
      ))}
      <Chip tone="warn" on={hot} onPress={() => { digits.value = '37'; slot.value = 'temperature' }}>{`${degrees(FEVER)}+`}</Chip>
    </div>
  )
}

function dotted(typed: string): string {
  return typed.length > 2 ? `${typed.slice(0, 2)}.${typed.slice(2)}` : typed
}

function isAnswered(name: string): boolean {
  return !isEmpty(known.value[name])
}

/** Questions that the definition asks of everybody, and the few that this checkpoint takes for granted. */
function Extras() {
  const shift = core.shift.value
  return (
    <>
      {[...extra.value].sort((one, other) => Number(isAnswered(one.name)) - Number(isAnswered(other.name))).map(of => {
        const value = known.value[of.name]
        return of.type === 'code' && codes(of).length <= 3 ? (
          <div class="row ask" key={of.name} role="group" aria-label={say(of.label)}>
            <span class="name" aria-hidden="true">{say(of.label)}</span>
            {codes(of).map(code => (
              <Chip key={code.code} on={value === code.code} onPress={() => { known.value = { ...known.value, [of.name]: code.code } }}>{say(code)}</Chip>
            ))}
          </div>
        ) : (
          <button type="button" class="row open" key={of.name} onClick={() => { sheet.value = { field: of.name } }}>
            <span class="name">{say(of.label)}</span>
            <span>{shown(of, value)}</span>
            <Icon name="next" />
          </button>
        )
      })}
      <div class="row open-row">
        {extraBoxes.value.map(of => {
          const value = box(known.value, of.name)
          const taken = of.name === 'itinerary_code' && habits.value.itinerary && isEmpty(value)
          return (
            <button type="button" class="open" key={of.name} onClick={() => { sheet.value = { field: of.name } }}>
              <span class="name">{say(of.label)}</span>
              <span>{taken ? t('itinerary.green') : isEmpty(value) ? t('register.ask') : shown(of, value)}</span>
            </button>
          )
        })}
        {has('trip', 'destination_address') && (
          <button type="button" class="open" onClick={() => { sheet.value = { field: 'trip' } }}>
            <span class="name">{t('register.to')}</span>
            <span>{String(box(known.value, 'trip')['destination_address'] ?? shift?.destination ?? '') || '—'}</span>
          </button>
        )}
      </div>
    </>
  )
}
