// From the tap on a health code to the next passer: save, tell, empty. Nothing here waits for the
// network; "saved" is said when the change is in storage, not before.

import { batch, signal } from '@preact/signals'
import type { Captured, Fault, Fields, RecordView } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel, light } from '../feel'
import { box, same } from '../forms/ask'
import { hush, tell } from '../parts/toast'
import { enter } from '../route'
import { busy, clear, fields, KIND, putBack, resting } from './entry'
import { degrees } from '../../i18n/time'

/** The same person within so short a time is most likely the same tap twice. */
const TWICE = 2 * 60_000
/** No code can be tapped for so long after a save: the finger may still be on its way. */
const PAUSE = 150

/** A code was tapped, but something is missing that the centre would refuse the entry without. */
export const lacking = signal<{ readonly code: string | null; readonly faults: readonly Fault[] } | null>(null)
/** The same person was registered a moment ago: update that entry, or make another one. */
export const twice = signal<{ readonly code: string | null; readonly earlier: RecordView } | null>(null)
/** What could not be saved, and why: the values stay in the form. */
export const failure = signal<'storage_full' | 'storage_broken' | 'elsewhere' | 'refused' | null>(null)

/** The tap that ends an entry; `code` is null for a kind without health codes. */
export async function finish(code: string | null, sure = false): Promise<void> {
  if (busy.value || resting.value) return
  const set = fields(code)
  const faults = core.check(KIND, set).refused
  if (faults.length > 0) {
    feel('refused')
    lacking.value = { code, faults }
    return
  }
  lacking.value = null
  const earlier = sure ? null : core.registeredLately(set, TWICE)
  if (earlier) {
    twice.value = { code, earlier }
    return
  }
  twice.value = null
  busy.value = true
  const captured = await core.capture({ kind: KIND, set, place: core.shift.value?.place || undefined })
  settle(captured, set, code)
}

/** The entry of a moment ago gets the new values. */
export async function update(): Promise<void> {
  const question = twice.value
  if (!question || busy.value) return
  busy.value = true
  const set = fields(question.code)
  const standing = question.earlier.fields
  const news = Object.entries(set).filter(([field, value]) => !same(value, standing[field] ?? null))
  const captured = await core.edit(question.earlier, Object.fromEntries(news))
  twice.value = null
  settle(captured, set, question.code)
}

/** One passer who is only counted. */
export async function countOne(direction: 'in' | 'out' | 'transit'): Promise<void> {
  if (busy.value) return
  busy.value = true
  const set: Fields = { mode: 'tally', direction, disposition: 'passed' }
  const captured = await core.capture({ kind: KIND, set, place: core.shift.value?.place || undefined })
  settle(captured, set, null)
}

function settle(captured: Captured, set: Fields, code: string | null): void {
  if (captured.outcome !== 'saved') {
    busy.value = false
    failure.value = captured.outcome === 'refused' ? 'refused' : captured.why
    feel('refused')
    return
  }
  const serious = captured.abnormal.filter(rule => rule.level !== 'notice')
  const line = said(set, code)
  batch(() => {
    failure.value = null
    clear()
    busy.value = false
    resting.value = true
  })
  setTimeout(() => {
    resting.value = false
  }, PAUSE)
  const { entry, record, undoUntil } = captured
  if (serious.length > 0) {
    feel('abnormal')
    hush()
    enter({ at: 'abnormal', record, entry, undoUntil })
    return
  }
  feel('saved')
  light(code === 'yellow' || code === 'red' ? code : 'green')
  tell({
    text: t(captured.kept === 'journal' ? 'saved.journal' : 'saved.line', { line }),
    tone: captured.kept === 'journal' ? 'warn' : 'plain',
    action: { text: t('act.undo'), run: () => void takeBack(entry, set) },
    until: undoUntil,
  })
}

/** Undo: the entry goes, its values come back into the form to be put right. */
export async function takeBack(entry: number, set: Fields): Promise<boolean> {
  hush()
  const done = await core.undo(entry)
  if (done === 'too_late') {
    feel('refused')
    tell({ text: t('undo.late'), tone: 'warn', until: Date.now() + 4000 })
    return false
  }
  if (set['mode'] !== 'tally') putBack(set)
  tell({ text: t(done === 'removed' ? 'undo.removed' : 'undo.struck'), until: Date.now() + 3000 })
  return true
}

/** What was saved, in as few words as recognise it. */
function said(set: Fields, code: string | null): string {
  if (set['mode'] === 'tally') return t('tally.one')
  const person = box(set, 'person')
  const heat = box(set, 'measurement')['temperature']
  const who = String(person['name'] ?? person['phone'] ?? box(set, 'vehicle')['plate'] ?? '')
  return [who, typeof heat === 'number' ? degrees(heat) : '', code ? t(`code.${code}` as 'code.green') : ''].filter(Boolean).join(' ')
}
