// What is still on this phone, when the centre was last heard, what needs somebody, and the way out
// without a network: the rescue file.

import { useSignal } from '@preact/signals'
import { t, type Message } from '../../i18n'
import { ago, count, moment, size, until } from '../../i18n/time'
import { core } from '../core'
import { feel } from '../feel'
import { now } from '../now'
import { Bar } from '../parts/bar'
import { Icon, Mark } from '../parts/icon'
import { Button } from '../parts/press'
import { tell } from '../parts/toast'
import { status, type Say } from '../state'
import { BlockLine } from '../block-screen'
import { PlaceAgain } from '../start/place'
import { HandList } from './hands'

const WORDS: Record<Say, Message> = {
  current: 'upload.current', checking: 'upload.checking', sending: 'upload.sending', unsent: 'upload.waiting',
  offline: 'upload.offline', hand: 'upload.hand', no_code: 'upload.noCode', unenrolled: 'upload.unenrolled',
}

export function Upload() {
  const upload = core.upload.value
  const person = core.person.value
  const shown = status(upload, person?.access ?? null, now.value)
  const others = core.persons.value.filter(one => one.id !== person?.id && one.unsent > 0)
  return (
    <>
      <Bar title={t('tab.upload')} />
      <main class="upload">
        <BlockLine />
        <section class={`upload-head ${shown.tone}`} aria-live="polite">
          <p class="upload-number"><Mark shape={shown.shape} />{count(upload.unsent)}</p>
          <p class="upload-unit">{t('upload.unsent')}</p>
          <p class="upload-say">{t(WORDS[shown.say])}</p>
          {upload.phase === 'sending' && upload.inFlight > 0 && (
            <progress max={Math.max(upload.inFlight, upload.unsent)} value={upload.inFlight} aria-label={t('upload.sending')} />
          )}
        </section>
        <dl class="facts">
          {upload.oldestUnsent !== null && <Fact name={t('upload.oldest')} text={moment(upload.oldestUnsent, now.value)} />}
          <Fact name={t('upload.contact')} text={upload.lastContact === null ? t('upload.never') : `${moment(upload.lastContact, now.value)} · ${ago(upload.lastContact, now.value)}`} />
          {upload.nextAt !== null && upload.phase !== 'sending' && <Fact name={t('upload.next')} text={until(upload.nextAt, now.value)} />}
          {upload.fault !== null && <Fact name={t('upload.fault')} text={upload.fault} />}
        </dl>
        <Button tone="main" big icon="send" onPress={() => core.hurry()}>{t('upload.now')}</Button>
        <PlaceAgain />
        <HandList hands={upload.needsHand} />
        {others.length > 0 && (
          <section>
            <h2>{t('upload.others')}</h2>
            <ul class="list">
              {others.map(one => <li class="plain-row" key={one.id}><span>{one.name || t('person.unnamed')}</span><span>{t('pill.unsent', { n: one.unsent })}</span></li>)}
            </ul>
          </section>
        )}
        <RescueButton />
        <Store />
      </main>
    </>
  )
}

function Fact({ name, text }: { name: string; text: string }) {
  return <div><dt>{name}</dt><dd>{text}</dd></div>
}

/** Everything unsent of everybody on this phone, sealed so that only the centre can open it. */
export function RescueButton() {
  const said = useSignal<'working' | 'no_key' | number | null>(null)
  const save = async (): Promise<void> => {
    said.value = 'working'
    const rescue = await core.rescue().catch(() => null)
    if (rescue === null || rescue === 'no_key') {
      // Null: what makes the file could not be loaded; the button is there for another try.
      said.value = rescue
      feel('refused')
      return
    }
    said.value = rescue.changes
    await hand(rescue.file)
    tell({ text: t('rescue.done', { n: rescue.changes }), until: Date.now() + 6000 })
  }
  return (
    <section class="stack">
      <Button icon="save" disabled={said.value === 'working'} onPress={() => void save()}>{t('rescue.save')}</Button>
      <p class="help">{t('rescue.help')}</p>
      {said.value === 'no_key' && <p class="note bad" role="alert">{t('rescue.noKey')}</p>}
      {typeof said.value === 'number' && <p class="note good" role="status">{t('rescue.done', { n: said.value })}</p>}
    </section>
  )
}

/** By the phone's own way of passing files on, where it has one; else as a download. */
async function hand(file: File): Promise<void> {
  const share = navigator as Navigator & { canShare?: (data: ShareData) => boolean }
  if (share.canShare?.({ files: [file] })) {
    try {
      await share.share({ files: [file] })
      return
    } catch {
      // Put aside by the person, or not allowed: the download below is still there.
    }
  }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = file.name
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** Whether the browser may throw the data away, and how full it is. */
export function Store() {
  const storage = core.storage.value
  const upload = core.upload.value
  const used = storage.usage === null ? '—' : storage.quota === null ? size(storage.usage) : `${size(storage.usage)} / ${size(storage.quota)}`
  return (
    <section class="stack">
      <dl class="facts">
        <Fact name={t('store.used')} text={used} />
        <Fact name={t('store.kept')} text={t(storage.persisted === true ? 'store.yes' : storage.persisted === false ? 'store.no' : 'store.unknown')} />
        {storage.journal > 0 && <Fact name={t('store.journal')} text={String(storage.journal)} />}
        {upload.clockOffset !== null && <Fact name={t('store.clock')} text={t('time.off', { n: Math.round(upload.clockOffset / 1000) })} />}
        <Fact name={t('store.version')} text={core.version} />
      </dl>
      {storage.level !== 'ok' && <p class="note warn"><Icon name="warn" /> {t('store.low')}</p>}
      {storage.persisted === false && <Button onPress={() => void core.askToPersist()}>{t('store.ask')}</Button>}
    </section>
  )
}
