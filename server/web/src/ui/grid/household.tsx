// One door: who lives here, how they were last, and the visit of today.

import { useComputed, useSignal } from '@preact/signals'
import type { Fields, Household, RecordId } from '../../core/api'
import { t } from '../../i18n'
import { day, moment } from '../../i18n/time'
import { core } from '../core'
import { box, field, member } from '../forms/ask'
import { named, shown } from '../forms/show'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Icon, Mark } from '../parts/icon'
import { Button } from '../parts/press'
import { Conflicts } from '../records/conflicts'
import { EditSheet } from '../records/detail'
import { STANDINGS } from '../records/list'
import { back, enter } from '../route'
import { allWell, canBeWell } from './all-well'
import { head, TODAY } from './list'
import { quick } from './visit-draft'

export function householdOf(record: RecordId): Household | undefined {
  core.revision.value
  for (const grid of core.grids()) {
    const found = grid.households.find(one => one.view.record === record)
    if (found) return found
  }
  return undefined
}

export function HouseholdScreen({ record }: { record: RecordId }) {
  const found = useComputed(() => householdOf(record))
  const editing = useSignal(false)
  const of = found.value
  if (!of) {
    return (
      <>
        <Bar title={t('tab.grid')} />
        <main><p class="note warn">{t('household.gone')}</p></main>
      </>
    )
  }
  const kind = core.kinds.value['household']
  const phone = of.view.fields['phone'] ?? box(of.view.fields, 'contact')['phone']
  const control = box(of.view.fields, 'control')['state']
  const care = box(of.view.fields, 'care')
  const last = of.visits[0]
  return (
    <>
      <Bar title={`${of.door} ${head(of)}`.trim()}>{of.stair}</Bar>
      <main class="household">
        <Conflicts view={of.view} />
        <p class={`note ${TODAY[of.today].tone}`}>
          <Mark shape={TODAY[of.today].shape} /> {t(`today.${of.today}`)}
          {last && <span> · {t('household.last', { time: moment(last.time, now.value) })}</span>}
        </p>
        {of.view.standing !== 'confirmed' && <p class="help"><Mark shape={STANDINGS[of.view.standing].shape} /> {t(STANDINGS[of.view.standing].text)}</p>}
        {typeof control === 'string' && control !== 'none' && (
          <p class="note bad"><Icon name="warn" /> {named(member(field(kindOf(), 'control'), 'state'), control)}</p>
        )}
        {(care['medicine'] || care['supplies']) && <p class="note warn">{[care['medicine'], care['supplies']].filter(Boolean).join(' · ')}</p>}
        <ul class="list members">
          {of.members.map(one => <MemberRow key={one.id} fields={one.fields} />)}
        </ul>
        {typeof phone === 'string' && phone !== '' && <a class="button plain" href={`tel:${phone}`}><Icon name="call" /><span>{t('household.call', { number: phone })}</span></a>}
        {of.visits.length > 0 && (
          <section>
            <h2>{t('household.visits')}</h2>
            <ul class="list">
              {of.visits.slice(0, 5).map(visit => (
                <li key={visit.record}>
                  <button type="button" class="plain-row" onClick={() => enter({ at: 'record', record: visit.record })}>
                    <span><Mark shape={STANDINGS[visit.standing].shape} /> {moment(visit.time, now.value)}</span>
                    <span>{shown(field(core.kinds.value['visit'], 'outcome'), visit.fields['outcome'])}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        {kind && <Button onPress={() => { editing.value = true }}>{t('household.edit')}</Button>}
      </main>
      <footer class="foot thirds">
        <Button tone="green" big disabled={!canBeWell(of)} onPress={() => void allWell(of).then(done => { if (done) back() })}>{t('household.allWell')}</Button>
        <Button big onPress={() => void quick(of, 'nobody_home').then(done => { if (done) back() })}>{t('household.nobody')}</Button>
        <Button tone="main" big onPress={() => enter({ at: 'visit', household: record })}>{t('household.visit')}</Button>
      </footer>
      {editing.value && <EditSheet view={of.view} without={HIDDEN} onClose={() => { editing.value = false }} />}
    </>
  )
}

/** The form asks neither for what the app fills in nor for documents, which this view shows masked. */
const HIDDEN: ReadonlySet<string> = new Set(['position', 'documents'])

function kindOf() {
  return core.kinds.value['household']
}

/** One member: name, age, what to look out for, where they are. */
function MemberRow({ fields }: { fields: Fields }) {
  const members = field(kindOf(), 'members')
  const groups = fields['key_groups']
  const phone = fields['phone']
  const about = [
    fields['relation'] ? shown(member(members, 'relation'), fields['relation']) : '',
    age(fields['birth_date'], now.value),
    Array.isArray(groups) && groups.length > 0 ? shown(member(members, 'key_groups'), groups) : '',
    fields['state'] ? shown(member(members, 'state'), fields['state']) : '',
  ]
  return (
    <li class="member">
      <span class="member-name">{typeof fields['name'] === 'string' ? fields['name'] : t('household.unknown')}</span>
      <span class="member-about">{about.filter(Boolean).join(' · ')}</span>
      {typeof phone === 'string' && phone !== '' && (
        <a class="square" href={`tel:${phone}`} aria-label={t('household.callWho', { name: String(fields['name'] ?? '') })}><Icon name="call" /></a>
      )}
    </li>
  )
}

/** Whole years, as far as the date of birth tells. */
export function age(birth: unknown, at: number): string {
  if (typeof birth !== 'string' || !/^\d{4}/.test(birth)) return ''
  const today = day(at)
  const years = Number(today.slice(0, 4)) - Number(birth.slice(0, 4)) - (birth.length >= 10 && today.slice(5) < birth.slice(5) ? 1 : 0)
  return years >= 0 && years < 150 ? t('household.age', { n: years }) : ''
}

