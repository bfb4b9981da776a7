// A keypad for plates: the province first, then letters and digits. The start that most plates have
// here is offered, so that five taps are left.

import { t } from '../../i18n'
import { learn, habits } from '../habits'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'

const PROVINCES = '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼'.split('')
// Plates have neither I nor O: they would be taken for 1 and 0.
const SIGNS = '1234567890QWERTYUPASDFGHJKLZXCVBNM'.split('')
const LAST = '学警港澳挂'.split('')
const LONGEST = 8

interface PlatePadProps {
  value: string
  onInput: (text: string) => void
  onDone: () => void
}

export function PlatePad({ value, onInput, onDone }: PlatePadProps) {
  const keys = value === '' ? PROVINCES : value.length >= 6 ? [...SIGNS, ...LAST] : SIGNS
  const start = habits.value.plate
  const done = (): void => {
    if (value.length >= 7) learn({ plate: value.slice(0, 2) })
    onDone()
  }
  return (
    <div class="plate-pad">
      <div class="plate-line">
        <output class="plate" aria-label={t('slot.plate')}>{value || <span class="ghost">{t('ghost.plate')}</span>}</output>
        {value === '' && start && <Button onPress={() => onInput(start)}>{start}</Button>}
        <button type="button" class="square" aria-label={t('keys.back')} disabled={value === ''} onClick={() => onInput(value.slice(0, -1))}>
          <Icon name="erase" />
        </button>
      </div>
      <div class="plate-keys">
        {keys.map(key => (
          <button key={key} type="button" class="key" disabled={value.length >= LONGEST} onClick={() => onInput(value + key)}>{key}</button>
        ))}
      </div>
      <Button tone="main" big disabled={value.length < 3} onPress={done}>{t('act.done')}</Button>
    </div>
  )
}
