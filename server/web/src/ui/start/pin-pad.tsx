// Six digits, hidden, on the app's own keypad.

import { useSignal } from '@preact/signals'
import { t } from '../../i18n'
import { Keypad, type KeyName } from '../parts/keypad'

export const PIN_DIGITS = 6

export function PinPad({ busy, onPin }: { busy: boolean; onPin: (pin: string) => void }) {
  const typed = useSignal('')
  const key = (pressed: KeyName): void => {
    if (busy) return
    if (pressed === 'back') typed.value = typed.value.slice(0, -1)
    else if (pressed === 'clear') typed.value = ''
    else if (pressed !== 'X' && typed.value.length < PIN_DIGITS) typed.value += pressed
    if (typed.value.length === PIN_DIGITS) {
      const pin = typed.value
      typed.value = ''
      onPin(pin)
    }
  }
  return (
    <div class="pin">
      <p class="pin-dots" role="status" aria-label={t('pin.typed', { n: typed.value.length, of: PIN_DIGITS })}>
        {Array.from({ length: PIN_DIGITS }, (_, at) => <i key={at} class={at < typed.value.length ? 'on' : ''} />)}
      </p>
      <Keypad corner="clear" onKey={key} />
    </div>
  )
}
