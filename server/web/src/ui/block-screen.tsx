// A page for every state that blocks: what happened, what to do, and that nothing is lost.

import type { Block } from '../core/api'
import { t } from '../i18n'
import { aside, blockTitle, MAY_GO_ON, putAside } from './blocks'
import { core } from './core'
import { Bar } from './parts/bar'
import { Icon } from './parts/icon'
import { Button } from './parts/press'
import { RescueButton, Store } from './upload/screen'

export function BlockScreen({ of, onEnrol }: { of: Block; onEnrol: () => void }) {
  const minutes = of.block === 'clock_off' ? Math.round(Math.abs(of.offset) / 60_000) : 0
  // Of everybody: where another window has the phone nobody is on duty here.
  const unsent = core.persons.value.reduce((sum, one) => sum + one.unsent, 0)
  const put = (): void => {
    aside.value = new Set([...aside.value, of.block])
  }
  return (
    <>
      <Bar title={blockTitle(of)} />
      <main class="block">
        <section class="block-head" role="alert">
          <Icon name="warn" />
          <p class="block-title">{blockTitle(of)}</p>
          <p>{t(`block.${of.block}.text`, { n: minutes })}</p>
        </section>
        <p class="note good"><Icon name="check" /> {t(of.block === 'storage_broken' ? 'block.journal' : 'block.safe', { n: of.block === 'storage_broken' ? of.journal : unsent })}</p>
        {(of.block === 'needs_code' || of.block === 'revoked') && <Button tone="main" big icon="scan" onPress={onEnrol}>{t('block.enrol')}</Button>}
        {of.block === 'app_too_old' && <Button tone="main" big onPress={() => (core.update.value === 'ready' ? core.applyUpdate() : location.reload())}>{t('block.update')}</Button>}
        {of.block === 'elsewhere' && <Button tone="main" big onPress={() => void core.takeOver()}>{t('block.takeOver')}</Button>}
        {(of.block === 'storage_full' || of.block === 'storage_broken') && <Button tone="main" big onPress={() => location.reload()}>{t('block.reload')}</Button>}
        {MAY_GO_ON.has(of.block) && <Button big onPress={put}>{t('block.goOn')}</Button>}
        <RescueButton />
        {(of.block === 'storage_full' || of.block === 'storage_broken') && <Store />}
      </main>
    </>
  )
}

/** A line that brings its page back. */
export function BlockLine() {
  const top = putAside()
  if (!top) return null
  return (
    <button type="button" class="block-line" onClick={() => { aside.value = new Set() }}>
      <Icon name="warn" /> {blockTitle(top)}
    </button>
  )
}
