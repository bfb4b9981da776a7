// "All well" in one tap: a visit that says everybody who lives here was met and is as before. It
// claims nothing about people who are away, and no temperatures.

import type { Fields, Household, Value } from '../../core/api'
import { t } from '../../i18n'
import { core } from '../core'
import { feel, light } from '../feel'
import { filled, fitting } from '../forms/ask'
import { tell } from '../parts/toast'
import { doorOf } from '../records/list'

export const VISIT = 'visit'
const HERE = new Set(['at_home', 'commuting', 'returned'])
const GONE = new Set(['away', 'moved_out', 'deceased'])

/** Nobody is under control or away without word: then a look at each is worth the taps. */
export function canBeWell(of: Household): boolean {
  const control = of.view.fields['control']
  const controlled = typeof control === 'object' && control !== null && 'state' in control && control['state'] !== 'none'
  return of.members.length > 0 && !controlled && Object.keys(of.view.conflicts).length === 0
}

/** The visit's fields. Pure: the time comes in. */
export function wellVisit(of: Household, at: number): Fields {
  const present = of.members.filter(one => !GONE.has(String(one.fields['state'] ?? '')))
  const set: { [name: string]: Value } = { visited_at: at, manner: 'door', outcome: 'met', at_home: present.length }
  for (const one of present) {
    const state = String(one.fields['state'] ?? '')
    set[`members/${one.id}`] = { state: HERE.has(state) ? (state === 'returned' ? 'at_home' : state) : 'at_home' }
  }
  return set
}

export async function allWell(of: Household): Promise<boolean> {
  const kind = core.kinds.value[VISIT]
  const set = wellVisit(of, Date.now())
  const done = await core.capture({ kind: VISIT, parent: of.view.record, set: filled(kind ? fitting(kind, set) : set) })
  if (done.outcome !== 'saved') {
    feel('refused')
    return false
  }
  feel('saved')
  light('green')
  tell({
    text: t('household.well', { door: of.door || doorOf(of.view) }),
    action: { text: t('act.undo'), run: () => void core.undo(done.entry).then(() => tell({ text: t('undo.removed'), until: Date.now() + 3000 })) },
    until: done.undoUntil,
  })
  return true
}
