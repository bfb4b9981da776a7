// Somebody is abnormal: the screen says so, says what to do, and takes what was done. The entry is
// already saved and goes first; this screen only adds to it.

import { useComputed, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Fault, Judgement, RecordId } from '../../core/api'
import { say, t } from '../../i18n'
import { degrees } from '../../i18n/time'
import { core } from '../core'
import { feel } from '../feel'
import { box, codes, entries, field, member } from '../forms/ask'
import { faultText } from '../forms/input'
import { labelOf } from '../forms/show'
import { useTyped } from '../forms/typed'
import { habits } from '../habits'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Icon } from '../parts/icon'
import { Keypad, type KeyName } from '../parts/keypad'
import { Button, Chip } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { tell } from '../parts/toast'
import { back } from '../route'
import { kind, KIND } from './entry'
import { handled, MEASURES, NOTHING_DONE, type Done } from './handled'
import { takeBack } from './save'

interface AbnormalProps {
  record: RecordId
  entry: number | null
  undoUntil: number
}

export function Abnormal({ record, entry, undoUntil }: AbnormalProps) {
  const view = useComputed(() => {
    core.revision.value
    return core.view(record)
  })
  const typed = useTyped(`abnormal/${record}`)
  const { recheck, disposition, measures, note } = { ...NOTHING_DONE, ...typed.value } as Done
  const asksHeat = useSignal(false)
  const trouble = useSignal(false)
  const faults = useSignal<readonly Fault[]>([])
  // The page is long, and what is wrong may stand below what is in sight.
  useEffect(() => document.querySelector('.abnormal > .note.bad')?.scrollIntoView({ block: 'center' }), [faults.value])
  const shown = view.value
  const of = kind.value
  if (!shown || !of) return null
  const rules = serious(core.judge(KIND, shown.fields))
  const heat = box(shown.fields, 'measurement')
  const first = heat['temperature']
  const hot = typeof first === 'number' && first >= 373 && member(field(of, 'measurement'), 'recheck') !== undefined
  const person = box(shown.fields, 'person')
  const who = [person['name'], person['phone'], box(shown.fields, 'vehicle')['plate']].filter(Boolean).join(' ')
  const told = shown.standing === 'confirmed' || shown.standing === 'taken' || shown.standing === 'parked'

  const key = (pressed: KeyName): void => {
    const next = pressed === 'back' ? recheck.slice(0, -1) : pressed === 'clear' ? '' : pressed === 'X' || recheck.length > 2 ? recheck : recheck + pressed
    typed.put('recheck', next)
    if (next.length === 3) asksHeat.value = false
  }
  const save = async (): Promise<void> => {
    const { set, faults: found } = handled(shown, { recheck, disposition, measures, note }, Date.now())
    faults.value = found
    trouble.value = false
    if (found.length > 0) return feel('refused')
    if (Object.keys(set).length > 0) {
      const done = await core.edit(shown, set)
      if (done.outcome !== 'saved') {
        trouble.value = true
        return
      }
      tell({ text: t('abnormal.saved'), until: Date.now() + 3000 })
    }
    typed.done()
    back()
  }
  const open = entry !== null && now.value < undoUntil
  const dispositions = codes(field(of, 'disposition'))
  const known = codes(member(field(of, MEASURES), 'measures'))

  return (
    <>
      <Bar title={t('abnormal.title')} />
      <main class="abnormal">
        <section class="abnormal-head" role="alert">
          <p class="abnormal-who">{who || t('abnormal.somebody')}</p>
          {rules.map(rule => <p class="abnormal-rule" key={rule.code}><Icon name="warn" />{say(rule.label)}{rule.code === 'fever' && typeof first === 'number' ? ` ${degrees(first)}℃` : ''}</p>)}
          {rules.map(rule => rule.advice && <p class="abnormal-advice" key={rule.code}>{say(rule.advice)}</p>)}
        </section>
        <p class={`note ${told ? 'good' : 'warn'}`} role="status">{t(told ? 'abnormal.told' : 'abnormal.untold')}</p>
        {hot && (
          <div class="row pairs">
            <span class="name">{t('abnormal.second')}</span>
            <button type="button" class="heat-box" onClick={() => { asksHeat.value = true }}>
              <span class="aside">{t('abnormal.second')}: </span>
              {recheck.length === 3 ? degrees(Number(recheck)) : recheck || '--.-'}
            </button>
          </div>
        )}
        {dispositions.length > 0 && (
          <div class="choice" role="group" aria-label={t('abnormal.done')}>
            <span class="name" aria-hidden="true">{t('abnormal.done')}</span>
            <div class="chips halves">
              {dispositions.map(code => (
                <Chip key={code.code} on={(disposition || shown.fields['disposition']) === code.code} onPress={() => typed.put('disposition', code.code)}>{say(code)}</Chip>
              ))}
            </div>
          </div>
        )}
        {known.length > 0 && (
          <div class="choice" role="group" aria-label={t('abnormal.measures')}>
            <span class="name" aria-hidden="true">{t('abnormal.measures')}</span>
            <div class="chips">
              {known.map(code => (
                <Chip key={code.code} on={measures.includes(code.code)}
                  onPress={() => typed.put('measures', measures.includes(code.code) ? measures.filter(one => one !== code.code) : [...measures, code.code])}>
                  {say(code)}
                </Chip>
              ))}
            </div>
          </div>
        )}
        {field(of, 'notes') && entries(shown.fields, 'notes').length < 20 && (
          <label class="field">
            <span class="name">{t('abnormal.note')}</span>
            <textarea rows={2} maxLength={500} value={note} onInput={event => typed.put('note', event.currentTarget.value)} />
          </label>
        )}
        {habits.value.call && <a class="button danger" href={`tel:${habits.value.call}`}><Icon name="call" /><span>{t('abnormal.call', { number: habits.value.call })}</span></a>}
        {faults.value.map(fault => <p class="note bad" role="alert" key={fault.path}>{labelOf(of, fault.path)}: {faultText(fault.code)}</p>)}
        {trouble.value && <p class="note bad" role="alert">{t('failure.refused')}</p>}
      </main>
      <footer class={entry === null ? 'foot' : 'foot pair'}>
        {entry !== null && (
          <Button big disabled={!open} onPress={() => void takeBack(entry, shown.fields).then(done => {
            if (!done) return
            typed.done()
            back()
          })}>{t('abnormal.mistake')}</Button>
        )}
        <Button tone="main" big onPress={() => void save()}>{t(disposition || shown.fields['disposition'] ? 'abnormal.next' : 'abnormal.later')}</Button>
      </footer>
      {asksHeat.value && (
        <Sheet title={t('abnormal.second')} onClose={() => { asksHeat.value = false }}>
          <p class="heat-typed" aria-live="polite">{recheck ? dotted(recheck) : '--.-'}</p>
          <Keypad corner="clear" onKey={key} />
        </Sheet>
      )}
    </>
  )
}

/** What makes it abnormal, the gravest first. */
function serious(rules: readonly Judgement[]): readonly Judgement[] {
  const grave = rules.filter(rule => rule.level !== 'notice')
  return [...grave.filter(rule => rule.level === 'urgent'), ...grave.filter(rule => rule.level !== 'urgent')]
}

function dotted(typed: string): string {
  return typed.length > 2 ? `${typed.slice(0, 2)}.${typed.slice(2)}` : typed
}
