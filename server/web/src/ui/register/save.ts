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
import { busy, clear, dirty, fields, isHalf, KIND, putBack, resting } from './entry'
import { degrees } from '../../i18n/time'

/** The same person within so short a time is most likely the same tap twice. */
const TWICE = 2 * 60_000
/** No code can be tapped for so long after a save: the finger may still be on its way. */
const PAUSE = 150

/** A code was tapped, but something is missing that the centre would refuse the entry without. */
export const lacking = signal<{ readonly code: string | null; readonly faults: readonly Fault[] } | null>(null)
/** The same person was registered a moment ago: update that entry, or make another one. */
export const twice = signal<{ readonly code: string | null; readonly earlier: RecordView } | null>(null)
/** What could not be saved, and why. Its values stay: in the form, or here where the next one is being typed already. */
export const failure = signal<Failed | null>(null)

export interface Failed {
  readonly why: 'storage_full' | 'storage_broken' | 'elsewhere' | 'refused'
  /** What the entry was known by. */
  readonly line: string
  /** Tries once more; null where the values are in the form again. */
  readonly again: (() => void) | null
}

/** The tap that ends an entry; `code` is null for a kind without health codes. */
export async function finish(code: string | null, sure = false): Promise<void> {
  if (busy.value || resting.value || failure.value?.again) return
  const set = fields(code)
  const faults = [...(isHalf() ? [{ path: 'measurement.temperature', code: 'tenths' }] : []), ...core.check(KIND, set).refused]
  if (faults.length > 0) {
    feel('refused')
    lacking.value = { code, faults }
    return
  }
  const earlier = sure ? null : core.registeredLately(set, TWICE)
  batch(() => {
    lacking.value = null
    twice.value = earlier ? { code, earlier } : null
  })
  if (!earlier) await save(set, code, () => core.capture({ kind: KIND, set, place: core.shift.value?.place || undefined }))
}

/** The entry of a moment ago gets the new values. */
export async function update(): Promise<void> {
  const question = twice.value
  if (!question || busy.value) return
  const set = fields(question.code)
  const standing = question.earlier.fields
  const news = Object.entries(set).filter(([field, value]) => !same(value, standing[field] ?? null))
  twice.value = null
  await save(set, question.code, () => core.edit(question.earlier, Object.fromEntries(news)))
}

/** One passer who is only counted. */
export async function countOne(direction: 'in' | 'out' | 'transit'): Promise<void> {
  if (busy.value || failure.value?.again) return
  const set: Fields = { mode: 'tally', direction, disposition: 'passed' }
  await save(set, null, () => core.capture({ kind: KIND, set, place: core.shift.value?.place || undefined }))
}

/** The form is empty at once, for the next passer; "saved" is said when storage has it, and not before. */
async function save(set: Fields, code: string | null, deed: () => Promise<Captured>): Promise<void> {
  batch(() => {
    busy.value = true
    resting.value = true
    failure.value = null
    clear()
  })
  setTimeout(() => {
    resting.value = false
  }, PAUSE)
  // The empty form is drawn before the phone turns to its storage.
  await new Promise(resolve => setTimeout(resolve))
  const captured = await deed()
  busy.value = false
  if (captured.outcome === 'saved') return confirm(captured, set, code)
  feel('refused')
  const why = captured.outcome === 'refused' ? 'refused' : captured.why
  // Where another window has the phone nobody is on duty, and the form goes with them.
  const apart = dirty.value || set['mode'] === 'tally' || why === 'elsewhere'
  if (!apart) putBack(set)
  failure.value = { why, line: said(set, code), again: apart ? () => void save(set, code, deed) : null }
}

function confirm(captured: Captured & { outcome: 'saved' }, set: Fields, code: string | null): void {
  const serious = captured.abnormal.filter(rule => rule.level !== 'notice')
  const line = said(set, code)
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
