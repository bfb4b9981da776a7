// The phone stands in a cradle: travellers hold their card before it, one after the other. The picture
// has the place of the empty form; once a card is read the form is there, with the temperature next. The
// screen stays on meanwhile.

import { useEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { dirty } from '../register/entry'
import { receive } from '../register/receive'
import { watch } from './camera'
import { Again, isStanding, standTrouble } from './standing'
import { TROUBLES } from './sheet'

export function Stand() {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const again = new Again()
    const letSleep = stayAwake()
    const stop = watch({
      video: () => video.current,
      rests: () => dirty.peek(),
      heard: text => {
        if (!again.isNew(text, Date.now())) return
        // To the lock of a phone that nobody touches, a passer is a sign of life.
        dispatchEvent(new Event('scanned'))
        receive(text)
      },
      trouble: what => {
        standTrouble.value = what
      },
    })
    return () => {
      stop()
      letSleep()
      standTrouble.value = null
    }
  }, [])
  const end = (): void => {
    isStanding.value = false
  }
  const trouble = standTrouble.value
  return (
    <div class={trouble !== null ? 'stand small' : dirty.value ? 'stand gone' : 'stand'}>
      {trouble !== null
        ? <p class="note warn" role="alert"><Icon name="warn" /> {t(TROUBLES[trouble])}</p>
        : <video ref={video} playsInline muted aria-label={t('scan.picture')} />}
      {!dirty.value && <Button tone="quiet" onPress={end}>{t('stand.end')}</Button>}
    </div>
  )
}

/** Keeps the screen on, where the phone can; it lets go of that by itself when the app is hidden. */
function stayAwake(): () => void {
  let lock: WakeLockSentinel | null = null
  let over = false
  const ask = (): void => {
    if (over || document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return
    navigator.wakeLock.request('screen').then(
      got => {
        if (over) void got.release()
        else lock = got
      },
      // Refused to save the battery: the phone's own time-out holds.
      () => undefined,
    )
  }
  ask()
  document.addEventListener('visibilitychange', ask)
  return () => {
    over = true
    document.removeEventListener('visibilitychange', ask)
    void lock?.release()
  }
}
