// A visit at one household: each member with presence and temperature in sight, the rest of the
// kind's questions below.

import { useComputed, useSignal } from '@preact/signals'
import type { Fault, Fields, Household, Judgement, RecordId, Value } from '../../core/api'
import { say, t } from '../../i18n'
import { core } from '../core'
import { feel } from '../feel'
import { box, codes, field, filled, member, members } from '../forms/ask'
import { Form, Members, Folded } from '../forms/form'
import { degrees } from '../../i18n/time'
import { labelOf, shown } from '../forms/show'
import { useUnsaved } from '../forms/typed'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Icon } from '../parts/icon'
import { Button, Chip } from '../parts/press'
import { back } from '../route'
import { VISIT } from './all-well'
import { age, householdOf } from './household'
import { head } from './list'
import { begin, keep } from './visit-draft'

/** Asked in sight, in this order; all other members of an entry are folded up. */
const STATES = ['at_home', 'away', 'not_seen']
const USUAL = [362, 365, 368]
/** From here on the reading is typed, not tapped. */
const FEVER = 373

export function VisitScreen({ household }: { household: RecordId }) {
  const found = useComputed(() => householdOf(household))
  const of = found.value
  if (!of) return <><Bar title={t('household.visit')} /><main><p class="note warn">{t('household.gone')}</p></main></>
  return <VisitForm of={of} />
}

function VisitForm({ of }: { of: Household }) {
  const form = `${VISIT}/${of.view.record}`
  const draft = useSignal<Fields>({ ...(core.draft(form) ?? begin(of, Date.now())), visited_at: Date.now() })
  const unsaved = useUnsaved()
  const faults = useSignal<readonly Fault[]>([])
  const busy = useSignal(false)
  const kind = core.kinds.value[VISIT]
  if (!kind) return null
  const put = (name: string, value: Value | undefined): void => {
    draft.value = { ...draft.value, [name]: value ?? null }
    core.keepDraft(form, draft.value)
    unsaved.hold(true)
  }
  const rules = core.judge(VISIT, filled(draft.value))
  const save = async (): Promise<void> => {
    const set = filled(draft.value)
    faults.value = core.check(VISIT, set).refused
    if (faults.value.length > 0) return feel('refused')
    busy.value = true
    const done = await keep(of, set)
    busy.value = false
    if (!done) return
    core.keepDraft(form, null)
    unsaved.hold(false)
    back(2)
  }
  const map = field(kind, 'members')
  return (
    <>
      <Bar title={`${of.door} ${head(of)}`.trim()}>{t('household.visit')}</Bar>
      <main class="visit">
        {map && (
          <ul class="list">
            {of.members.map(one => (
              <li class="visited" key={one.id}>
                <MemberVisit name={String(one.fields['name'] ?? t('household.unknown'))} about={age(one.fields['birth_date'], now.value)} id={one.id}
                  value={box(draft.value, `members/${one.id}`)} fields={draft.value} onInput={value => put(`members/${one.id}`, value)} />
              </li>
            ))}
          </ul>
        )}
        <Form kind={kind} fields={draft.value} without={ASKED} faults={faults.value} onField={put} />
      </main>
      <footer class="foot">
        <Warnings rules={rules} />
        {faults.value.length > 0 && <p class="note bad" role="alert">{t('form.wrong', { what: faults.value.map(fault => labelOf(kind, fault.path)).join(t('list.and')) })}</p>}
        <Button tone="main" big disabled={busy.value} onPress={() => void save()}>{t('act.save')}</Button>
      </footer>
    </>
  )
}

/** Members are asked above, and when the visit was is known. */
const ASKED: ReadonlySet<string> = new Set(['members', 'visited_at', 'void', 'joined_into', 'abnormal'])

function Warnings({ rules }: { rules: readonly Judgement[] }) {
  const grave = rules.filter(rule => rule.level !== 'notice')
  if (grave.length === 0) return null
  return (
    <div class="note bad" role="alert">
      {grave.map(rule => <p key={rule.code}><Icon name="warn" /> {say(rule.label)}{rule.advice && `: ${say(rule.advice)}`}</p>)}
    </div>
  )
}

interface MemberVisitProps {
  id: string
  name: string
  about: string
  value: { readonly [name: string]: Value }
  fields: Fields
  onInput: (value: { readonly [name: string]: Value }) => void
}

function MemberVisit({ id, name, about, value, fields, onInput }: MemberVisitProps) {
  const opened = useSignal(false)
  const kind = core.kinds.value[VISIT]
  const map = field(kind, 'members')
  if (!kind || !map) return null
  const state = member(map, 'state')
  const list = codes(state).filter(code => STATES.includes(code.code))
  const heat = member(map, 'temperature')
  const rest = members(map).filter(one => one.name !== 'temperature')
  const set = (part: string, next: Value | undefined): void => {
    const { [part]: _, ...others } = value
    onInput(next === undefined ? others : { ...others, [part]: next })
  }
  const temperature = value['temperature']
  const hot = typeof temperature === 'number' && temperature >= FEVER
  return (
    <>
      <h2>{name} <small>{about}</small></h2>
      {state && (
        <div class="chips thirds" role="group" aria-label={say(state.label)}>
          {list.map(code => <Chip key={code.code} on={value['state'] === code.code} onPress={() => set('state', value['state'] === code.code ? undefined : code.code)}>{say(code)}</Chip>)}
        </div>
      )}
      {heat && value['state'] !== 'away' && value['state'] !== 'not_seen' && (
        <div class="chips fourths" role="group" aria-label={say(heat.label)}>
          {USUAL.map(one => <Chip key={one} on={temperature === one} onPress={() => set('temperature', temperature === one ? undefined : one)}>{degrees(one)}</Chip>)}
          <Chip tone="warn" on={hot} onPress={() => { opened.value = true }}>37.3+</Chip>
        </div>
      )}
      <Folded name={t('visit.moreOf')} text={rest.some(one => one.name !== 'state' && value[one.name] !== undefined) || (typeof temperature === 'number' && !USUAL.includes(temperature)) ? shown(map, value) : ''}
        open={hot || opened.value}>
        <Members kind={kind} of={map} fields={fields} value={value} at={id} faults={[]} onInput={onInput} />
      </Folded>
    </>
  )
}
