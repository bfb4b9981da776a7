// Me and this phone: who is on duty, hand-over, words and sizes, what is stored.

import { useSignal } from '@preact/signals'
import { t } from '../i18n'
import { core } from './core'
import { habits, learn } from './habits'
import { Bar } from './parts/bar'
import { Icon } from './parts/icon'
import { Button, Choice } from './parts/press'
import { Sheet } from './parts/sheet'
import { enter } from './route'
import { NewPin } from './start/enrol-steps'
import { askToInstall, canInstall } from './start/install'
import { feel } from './feel'
import { Store } from './upload/screen'
import { tell } from './parts/toast'

const LOCKS = [2, 5, 15, 0] as const
const SIZES = ['0', '1', '2'] as const

export function Settings() {
  const person = core.person.value
  const shift = core.shift.value
  const settings = core.settings.value
  const pin = useSignal(false)
  const removing = useSignal(false)
  const onOff = (label: Parameters<typeof t>[0], on: boolean, put: (on: boolean) => void) => (
    <Choice label={t(label)} value={on ? 'yes' : 'no'} options={[{ code: 'yes', text: t('on') }, { code: 'no', text: t('off') }]}
      onChoose={code => put(code === 'yes')} />
  )
  const remove = async (): Promise<void> => {
    removing.value = false
    if (!person) return
    if (await core.removePerson(person.id)) return
    feel('refused')
    tell({ text: t('me.removeRefused'), tone: 'warn', until: Date.now() + 6000 })
  }
  return (
    <>
      <Bar title={person?.name || t('person.unnamed')}>{person?.user ?? t('me.notEnrolled')}</Bar>
      <main class="settings">
        {core.update.value === 'ready' && <Button tone="main" big onPress={() => core.applyUpdate()}>{t('me.update')}</Button>}
        <section class="stack">
          <h2>{t('me.duty')}</h2>
          {(person?.hasPin || core.persons.value.length > 1) && <Button big icon="swap" onPress={() => core.lock()}>{t('me.handOver')}</Button>}
          {!person?.hasPin && <p class="note warn">{t('me.noPin')}</p>}
          <Button onPress={() => { pin.value = true }}>{t(person?.hasPin ? 'me.changePin' : 'me.setPin')}</Button>
          {person?.hasPin && (
            <Choice label={t('me.lockAfter')} value={String(settings.lockAfter)}
              options={LOCKS.map(n => ({ code: String(n), text: n === 0 ? t('me.lockNever') : t('me.lockMinutes', { n }) }))}
              onChoose={code => void core.set({ lockAfter: LOCKS.find(n => String(n) === code) ?? 5 })} />
          )}
          {shift && <Button onPress={() => enter({ at: 'shift' })}>{t('me.shift')}</Button>}
          {shift && <Button onPress={() => void core.endShift()}>{t('me.endShift')}</Button>}
          <Button icon="scan" onPress={() => enter({ at: 'enrol' })}>{t('me.enrol')}</Button>
        </section>
        <section>
          <h2>{t('me.screen')}</h2>
          <Choice label={t('me.language')} value={settings.language ?? 'zh'} options={[{ code: 'zh', text: '中文' }, { code: 'en', text: 'English' }]}
            onChoose={code => void core.set({ language: code === 'en' ? 'en' : 'zh' })} />
          <Choice label={t('me.size')} value={SIZES[settings.textSize]} options={SIZES.map(code => ({ code, text: t(`size.${code}`) }))}
            onChoose={code => void core.set({ textSize: code === '2' ? 2 : code === '1' ? 1 : 0 })} />
          {onOff('me.night', settings.contrast, on => void core.set({ contrast: on }))}
          {onOff('me.leftHand', settings.leftHand, on => void core.set({ leftHand: on }))}
          {onOff('me.sound', settings.sound, on => void core.set({ sound: on }))}
          {onOff('me.vibration', settings.vibration, on => void core.set({ vibration: on }))}
        </section>
        <section>
          <h2>{t('me.place')}</h2>
          <label class="field">
            <span class="name">{t('me.call')}</span>
            <input inputMode="tel" value={habits.value.call} onInput={event => learn({ call: event.currentTarget.value.replace(/[^\d+*#-]/g, '') })} />
            <span class="help">{t('me.callText')}</span>
          </label>
        </section>
        <section>
          <h2>{t('me.phone')}</h2>
          {canInstall.value && <Button icon="save" onPress={() => void askToInstall()}>{t('install.do')}</Button>}
          <Store />
          <p class="help">{t('me.privacy')}</p>
        </section>
        {core.persons.value.length > 1 && <Button tone="danger" onPress={() => { removing.value = true }}>{t('me.remove')}</Button>}
      </main>
      {pin.value && <Sheet title={t('me.setPin')} full onClose={() => { pin.value = false }}><NewPin onDone={() => { pin.value = false }} /></Sheet>}
      {removing.value && (
        <Sheet title={t('me.remove')} onClose={() => { removing.value = false }}
          foot={<Button tone="danger" big onPress={() => void remove()}>{t('me.remove')}</Button>}>
          <p><Icon name="warn" /> {t('me.removeText')}</p>
        </Sheet>
      )}
    </>
  )
}
