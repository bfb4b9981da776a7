// What a scanner or the camera read goes where it belongs, without a question asked.

import { batch } from '@preact/signals'
import { core } from '../core'
import { t } from '../../i18n'
import { feel } from '../feel'
import { tell } from '../parts/toast'
import { enter } from '../route'
import { given } from '../start/given'
import { asking, number, phone, plate, slot, takeCard } from './entry'

export function receive(text: string): void {
  const scan = core.readScan(text)
  if (scan.scan === 'card') {
    takeCard(scan.card, scan.fields, scan.old)
  } else if (scan.scan === 'enrol') {
    given.code = scan.code
    enter({ at: 'enrol' })
  } else if (scan.scan === 'unknown') {
    feel('refused')
    tell({ text: t('scan.unknown', { text: text.slice(0, 40) }), tone: 'warn', until: Date.now() + 6000 })
    return
  } else {
    const into = scan.scan === 'identity' ? 'number' : scan.scan
    batch(() => {
      const part = { phone, number, plate }[into]
      part.value = scan.text
      asking.value = into
      slot.value = 'temperature'
    })
  }
  feel('scanned')
}
