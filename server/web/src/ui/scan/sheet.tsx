// Scanning with the camera: a picture as large as the screen, the lamp, and two ways round a camera
// that does not start, a photograph and typing.

import { useEffect, useRef, useState } from 'preact/hooks'
import { t, type Message } from '../../i18n'
import { Icon } from '../parts/icon'
import { Button } from '../parts/press'
import { Sheet } from '../parts/sheet'
import { reader } from './read'

/** Between two looks at the picture: the phone has other things to do. */
const BETWEEN = 120

interface ScanProps {
  title?: string
  onText: (text: string) => void
  onClose: () => void
}

type Trouble = 'denied' | 'none' | 'failed'
const TROUBLES: Record<Trouble, Message> = { denied: 'scan.denied', none: 'scan.noCamera', failed: 'scan.failed' }

export function ScanSheet({ title, onText, onClose }: ScanProps) {
  const video = useRef<HTMLVideoElement>(null)
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const [lamp, setLamp] = useState<{ readonly track: MediaStreamTrack; readonly on: boolean } | null>(null)
  const [unread, setUnread] = useState(false)

  useEffect(() => {
    let stopped = false
    let stream: MediaStream | null = null
    const run = async (): Promise<void> => {
      const media = navigator.mediaDevices as MediaDevices | undefined
      if (!media) return setTrouble('none')
      try {
        const [camera, read] = await Promise.all([
          media.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: 1280 } } }),
          reader(),
        ])
        stream = camera
        if (stopped || !video.current) return halt(camera)
        const track = camera.getVideoTracks()[0]
        if (track && 'torch' in (track.getCapabilities?.() ?? {})) setLamp({ track, on: false })
        video.current.srcObject = camera
        await video.current.play()
        while (!stopped && video.current) {
          const text = await read(video.current, video.current.videoWidth, video.current.videoHeight)
          if (text && !stopped) return onText(text)
          await new Promise(resolve => setTimeout(resolve, BETWEEN))
        }
      } catch (fault) {
        const name = fault instanceof DOMException ? fault.name : ''
        if (!stopped) setTrouble(name === 'NotAllowedError' ? 'denied' : name === 'NotFoundError' ? 'none' : 'failed')
      }
    }
    void run()
    return () => {
      stopped = true
      if (stream) halt(stream)
    }
  }, [])

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

function halt(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}
