// The phone stands in a cradle: travellers hold their card before it, one after the other. The picture
// has the place of the empty form; once a card is read the form is there, with the temperature next. The
// screen stays on meanwhile.

import { useEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { feel } from '../feel'
import { Button } from '../parts/press'
import { tell } from '../parts/toast'
import { dirty } from '../register/entry'
import { receive } from '../register/receive'
import { watch } from './camera'
import { Again, isStanding } from './standing'
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
      // Without a camera there is nothing to stand for: the form is back, and says why.
      trouble: what => {
        end()
        feel('refused')
        tell({ text: t(TROUBLES[what]), tone: 'warn', until: Date.now() + 6000 })
      },
    })
    return () => {
      stop()
      letSleep()
    }
  }, [])
  return (
    <div class={dirty.value ? 'stand gone' : 'stand'}>
      <video ref={video} playsInline muted aria-label={t('scan.picture')} />
      {!dirty.value && <Button tone="quiet" onPress={end}>{t('stand.end')}</Button>}
    </div>
  )
}

function end(): void {
  isStanding.value = false
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
