// Scanning with the camera: a picture as large as the screen, the lamp, and two ways round a camera
// that does not start, a photograph and typing.

import { useEffect, useRef, useState } from 'preact/hooks'
import { t, type Message } from '../../i18n'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { watch, type Trouble } from './camera'
import { reader } from './read'

interface ScanProps {
  title?: string
  onText: (text: string) => void
  /** The phone goes into a stand, and reads one passer after the other. */
  onStand?: () => void
  onClose: () => void
}

export const TROUBLES: Record<Trouble, Message> = { denied: 'scan.denied', none: 'scan.noCamera', failed: 'scan.failed' }

export function ScanSheet({ title, onText, onStand, onClose }: ScanProps) {
  const video = useRef<HTMLVideoElement>(null)
  const read = useRef(false)
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const [lamp, setLamp] = useState<{ readonly track: MediaStreamTrack; readonly on: boolean } | null>(null)
  const [unread, setUnread] = useState(false)

  useEffect(() => watch({
    video: () => video.current,
    // The sheet closes with the first code; a second look may come before it is gone.
    heard: text => {
      if (!read.current) onText(text)
      read.current = true
    },
    trouble: setTrouble,
    runs: track => {
      if (track && 'torch' in (track.getCapabilities?.() ?? {})) setLamp({ track, on: false })
    },
  }), [])

  const photo = async (event: Event): Promise<void> => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0]
    if (!file) return
    const image = new Image()
    const url = URL.createObjectURL(file)
    image.src = url
    try {
      await image.decode()
      const text = await (await reader())(image, image.naturalWidth, image.naturalHeight)
      if (text) return onText(text)
    } catch {
      // Not a picture: said below like a picture without a code.
    } finally {
      URL.revokeObjectURL(url)
    }
    setUnread(true)
  }
  const flip = (): void => {
    if (!lamp) return
    void lamp.track.applyConstraints({ advanced: [{ torch: !lamp.on } as MediaTrackConstraintSet] })
    setLamp({ ...lamp, on: !lamp.on })
  }
  const typed = (event: Event): void => {
    event.preventDefault()
    const text = new FormData(event.currentTarget as HTMLFormElement).get('text')
    if (typeof text === 'string' && text.trim()) onText(text.trim())
  }

  return (
    <Sheet title={title ?? t('scan.title')} full onClose={onClose}>
      <div class="scan">
        {trouble === null ? (
          <div class="scan-picture">
            <video ref={video} playsInline muted aria-label={t('scan.picture')} />
            <i class="scan-frame" aria-hidden="true" />
          </div>
        ) : (
          <p class="note warn" role="alert">{t(TROUBLES[trouble])}</p>
        )}
        {unread && <p class="note warn" role="alert">{t('scan.unread')}</p>}
        <div class="pair">
          {lamp && <Button icon="light" onPress={flip}>{t(lamp.on ? 'scan.dark' : 'scan.light')}</Button>}
          <label class="button plain">
            <Icon name="photo" />
            <span>{t('scan.photo')}</span>
            <input class="aside" type="file" accept="image/*" capture="environment" onChange={event => void photo(event)} />
          </label>
        </div>
        {onStand && trouble === null && <Button onPress={onStand}>{t('stand.begin')}</Button>}
        <form class="scan-type" onSubmit={typed}>
          <label for="scan-text">{t('scan.type')}</label>
          <div class="pair wide">
            <input id="scan-text" name="text" autoComplete="off" autoCapitalize="characters" spellcheck={false} />
            <Button submit>{t('act.done')}</Button>
          </div>
        </form>
      </div>
    </Sheet>
  )
}
