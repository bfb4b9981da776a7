// The camera, looked at until a code is read: by a sheet that closes then, or by a phone in a stand that
// goes on with the next passer.

import { reader } from './read'

/** Between two looks at the picture: the phone has other things to do. */
const BETWEEN_MS = 120

export type Trouble = 'denied' | 'none' | 'failed'

export interface Watching {
  readonly video: () => HTMLVideoElement | null
  /** A code was read. */
  readonly heard: (text: string) => void
  readonly trouble: (what: Trouble) => void
  /** The camera runs. */
  readonly runs?: (track: MediaStreamTrack | undefined) => void
  /** Nobody has to be read now: the picture goes on. */
  readonly rests?: () => boolean
}

/** Looks until the returned function is called; the camera is let go of then. */
export function watch(of: Watching): () => void {
  let stopped = false
  let stream: MediaStream | null = null
  const run = async (): Promise<void> => {
    const media = navigator.mediaDevices as MediaDevices | undefined
    if (!media) return of.trouble('none')
    const [camera, read] = await Promise.all([
      media.getUserMedia({ audio: false, video: { facingMode: 'environment', width: { ideal: 1280 } } }),
      reader(),
    ])
    stream = camera
    const video = of.video()
    if (stopped || !video) return halt(camera)
    of.runs?.(camera.getVideoTracks()[0])
    video.srcObject = camera
    await video.play()
    while (!stopped) {
      const text = of.rests?.() ? null : await read(video, video.videoWidth, video.videoHeight)
      if (text && !stopped) of.heard(text)
      await new Promise(resolve => setTimeout(resolve, BETWEEN_MS))
    }
  }
  run().catch(fault => {
    const name = fault instanceof DOMException ? fault.name : ''
    if (!stopped) of.trouble(name === 'NotAllowedError' ? 'denied' : name === 'NotFoundError' ? 'none' : 'failed')
  })
  return () => {
    stopped = true
    if (stream) halt(stream)
  }
}

function halt(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}
