// What came back and is sent again, whole: all that the record has, with what was to be changed over it.

import type { Fault, Fields, Hand, RecordView } from '../../core/api'
import { core } from '../core'
import { differing, filled } from '../forms/ask'
import { faultsOf } from '../register/handled'

/** Of these the centre, or another button, decides. */
const NOT_ASKED: ReadonlySet<string> = new Set(['void', 'joined_into', 'abnormal'])

/** What the form begins with. Of others' records one may see too little: what is masked must not be sent back. */
export function begun(hand: Hand, view: RecordView | null): Fields {
  return { ...standing(view), ...hand.set }
}

/** What is sent, and what is wrong with it. */
export function mended(kind: string, draft: Fields, view: RecordView | null): { readonly set: Fields; readonly faults: readonly Fault[] } {
  const set = { ...filled(draft), ...differing(standing(view), draft) }
  return { set, faults: view === null || view.own ? core.check(kind, filled(draft)).refused : faultsOf(kind, set, {}) }
}

function standing(view: RecordView | null): Fields {
  return view?.own ? Object.fromEntries(Object.entries(view.fields).filter(([name]) => !NOT_ASKED.has(name))) : {}
}
