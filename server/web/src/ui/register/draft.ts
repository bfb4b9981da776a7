// The half-typed entry follows who is on duty: kept while it is typed, there again after the browser was
// killed, and out of sight for whoever comes next.

import { batch, effect } from '@preact/signals'
import type { Fields } from '../../core/api'
import { core } from '../core'
import { t } from '../../i18n'
import { hush, tell } from '../parts/toast'
import { begin } from '../route'
import { asking, busy, clear, digits, dirty, found, KIND, known, name, number, phone, plate, slot, type Identity } from './entry'

const TYPED = { phone, number, plate, name, digits }
const SAID_MS = 4_000

/** Follows the form and who is on duty from here on. */
export function followDraft(): void {
  let whose: number | null = null
  effect(() => {
    const id = core.person.value?.id ?? null
    if (id === whose) return
    if (whose !== null) begin()
    whose = id
    batch(() => {
      clear()
      hush()
      if (id !== null) bringBack(core.draft(KIND))
    })
  })
  effect(() => {
    const typed = Object.fromEntries(Object.entries(TYPED).map(([part, { value }]) => [part, value]))
    const now: Fields = { typed, known: known.value, asking: asking.value, by: found.value?.by ?? null }
    // While it is being saved the form is empty already, but the entry is not safe yet.
    if (!busy.value) core.keepDraft(KIND, dirty.value ? now : null)
  })
}

function bringBack(draft: Fields | null): void {
  if (draft === null) return
  const typed = draft['typed'] as { readonly [part: string]: string }
  for (const [part, into] of Object.entries(TYPED)) into.value = typed[part] ?? ''
  known.value = draft['known'] as Fields
  asking.value = draft['asking'] as Identity
  const by = draft['by'] as 'recall' | 'card' | null
  found.value = by === null ? null : { by, old: false }
  slot.value = typed['digits'] ? 'temperature' : asking.value
  tell({ text: t('draft.back'), until: Date.now() + SAID_MS })
}
