// A visit in the making, and the visits that are one tap.

import type { Fields, Household, Value } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { filled, fitting } from '../forms/ask'
import { tell } from '../parts/toast'
import { doorOf } from '../records/list'
import { VISIT } from './all-well'

/** What a visit begins with: now, at the door, everybody whom the household lists. */
export function begin(of: Household, at: number): Fields {
  const set: { [name: string]: Value } = { visited_at: at, manner: 'door', outcome: 'met' }
  for (const one of of.members) set[`members/${one.id}`] = {}
  return set
}

/** A visit that says one thing: nobody at home, empty, moved away. */
export async function quick(of: Household, outcome: string): Promise<boolean> {
  return keep(of, { visited_at: Date.now(), manner: 'door', outcome, leaflet: outcome === 'nobody_home' })
}

/** Saves the visit and says so; false if it could not be saved. */
export async function keep(of: Household, set: Fields): Promise<boolean> {
  const kind = core.kinds.value[VISIT]
  const done = await core.capture({ kind: VISIT, parent: of.view.record, set: filled(kind ? fitting(kind, set) : set) })
  if (done.outcome !== 'saved') {
    feel('refused')
    tell({ text: t(done.outcome === 'refused' ? 'failure.refused' : `failure.${done.why}`), tone: 'warn', until: Date.now() + 6000 })
    return false
  }
  const grave = done.abnormal.some(rule => rule.level !== 'notice')
  feel(grave ? 'abnormal' : 'saved')
  tell({
    text: t('visit.saved', { door: of.door || doorOf(of.view) }),
    action: { text: t('act.undo'), run: () => void core.undo(done.entry).then(() => tell({ text: t('undo.removed'), until: Date.now() + 3000 })) },
    until: done.undoUntil,
  })
  return true
}
