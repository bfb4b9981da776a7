// The app's own keypads: they never slide over what is typed, and gloves hit them.

import type { ComponentChildren } from 'preact'
import { t } from '../../i18n/index'
import { Icon } from './icon'

export type KeyName = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | 'X' | 'back' | 'clear'

const ROWS: readonly (readonly KeyName[])[] = [
  ['1', '2', '3'],
  ['4', '5', '6'],
  ['7', '8', '9'],
  ['X', '0', 'back'],
]

interface KeypadProps {
  onKey: (key: KeyName) => void
  /** What stands left of the zero: the check digit X of identity cards unless said otherwise. */
  corner?: 'X' | 'clear'
  /** Up to four further keys, one beside each row. */
  side?: readonly ComponentChildren[]
}

export function Keypad({ onKey, corner = 'X', side }: KeypadProps) {
  return (
    <div class={side ? 'keypad wide' : 'keypad'} role="group" aria-label={t('keys.name')}>
      {ROWS.map((row, at) => [
        ...row.map((key) => {
          const shown = key === 'X' ? corner : key
          return (
            <button key={key} type="button" class="key" aria-label={name(shown)} onClick={() => onKey(shown)}>
              {shown === 'back' ? <Icon name="erase" /> : shown === 'clear' ? <Icon name="close" /> : shown}
            </button>
          )
        }),
        side?.[at],
      ])}
    </div>
  )
}

function name(key: KeyName): string {
  if (key === 'back') return t('keys.back')
  if (key === 'clear') return t('keys.clear')
  return key
}
