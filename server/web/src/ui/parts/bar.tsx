// The bar on top of every screen: where one is, and what is still unsent. The number is always in
// sight, also while everybody is locked.

import type { ComponentChildren } from 'preact'
import type { Millis } from '../../core/api'
import { t, type Message } from '../../i18n'
import { count, moment } from '../../i18n/time'
import { blockTitle, putAside } from '../blocks'
import { core } from '../core'
import { now } from '../now'
import { back, deep, open, screen } from '../route'
import { status, UNSENT, type Say } from '../state'
import { Icon, Mark } from './icon'

interface BarProps {
  title: string
  /** Beside the title: the place, a count. */
  children?: ComponentChildren
  /** Leaves a screen that is not on the stack, as a step of a form. */
  onBack?: () => void
}

export function Bar({ title, children, onBack }: BarProps) {
  const leave = onBack ?? (deep() ? () => back() : null)
  return (
    <header class="bar">
      {leave && (
        <button type="button" class="square" aria-label={t('act.back')} onClick={leave}>
          <Icon name="back" />
        </button>
      )}
      <div class="bar-title">
        <h1>{title}</h1>
        {children && <div class="bar-sub">{children}</div>}
      </div>
      <Pill />
    </header>
  )
}

const WORDS: Record<Say, Message | null> = {
  current: 'pill.current', checking: 'pill.checking', sending: 'pill.sending', unsent: null, offline: 'pill.offline', hand: 'pill.hand', no_code: 'pill.noCode',
  unenrolled: 'pill.unenrolled',
}

/** The unsent number of everybody on this phone, and what is going on with it. */
export function Pill() {
  const upload = core.upload.value
  const person = core.person.value
  const others = core.persons.value.filter(one => one.id !== person?.id && one.unsent > 0)
  const unsent = others.reduce((sum, one) => sum + one.unsent, upload.unsent)
  const oldest = [upload, ...others].reduce<Millis | null>((first, { oldestUnsent: at }) => (at !== null && (first === null || at < first) ? at : first), null)
  const own = status(upload, person?.access ?? null, now.value)
  const blocked = putAside()
  // "All sent" is said for the whole phone, or not at all; so is that it is being made sure of.
  const shown = (own.say === 'current' || own.say === 'checking') && others.length > 0 ? UNSENT : own
  return (
    <button type="button" class={`pill ${blocked ? 'bad' : shown.tone}`} aria-current={screen().at === 'upload' ? 'page' : undefined} onClick={() => open('upload')}>
      <span class="pill-first"><Mark shape={blocked ? 'square' : shown.shape} />{t('pill.unsent', { n: count(unsent) })}</span>
      <span class="pill-second">{blocked ? blockTitle(blocked) : second(shown.say, upload.lastContact, oldest)}</span>
    </button>
  )
}

function second(say: Say, lastContact: Millis | null, oldest: Millis | null): string {
  const word = WORDS[say]
  if (say === 'current' && lastContact !== null) return `${t('pill.current')} ${moment(lastContact, now.value)}`
  if (word) return t(word)
  return oldest === null ? '' : t('pill.oldest', { time: moment(oldest, now.value) })
}
