// What a hand and an ear notice: a short tone, a short buzz, a flash of the screen. All three say the
// same as the text on screen, so that each may be off.

import { signal } from '@preact/signals'
import { core } from './core'

export type Feeling = 'saved' | 'abnormal' | 'scanned' | 'refused'

const TONES: Record<Feeling, readonly (readonly [hertz: number, seconds: number])[]> = {
  saved: [[880, 0.09]],
  scanned: [[1320, 0.06]],
  refused: [[220, 0.2]],
  abnormal: [[660, 0.16], [440, 0.16], [660, 0.22]],
}
const BUZZ: Record<Feeling, number | number[]> = {
  saved: 30,
  scanned: 20,
  refused: [60, 40, 60],
  abnormal: [200, 80, 200, 80, 300],
}

/** The colour that fills the screen for a moment, and a number so that the same twice is seen twice. */
export const flash = signal<{ readonly tone: 'green' | 'yellow' | 'red'; readonly at: number } | null>(null)

let audio: AudioContext | null = null

export function feel(feeling: Feeling): void {
  const settings = core.settings.value
  if (settings.vibration && 'vibrate' in navigator) navigator.vibrate(BUZZ[feeling])
  if (settings.sound) play(TONES[feeling])
}

export function light(tone: 'green' | 'yellow' | 'red'): void {
  flash.value = { tone, at: Date.now() }
}

function play(tones: readonly (readonly [number, number])[]): void {
  // A phone that refuses sound still shows and buzzes.
  try {
    const Audio = window.AudioContext ?? (window as { webkitAudioContext?: typeof AudioContext }).webkitAudioContext
    if (!Audio) return
    audio ??= new Audio()
    let start = audio.currentTime
    for (const [hertz, seconds] of tones) {
      const wave = audio.createOscillator()
      const loud = audio.createGain()
      wave.frequency.value = hertz
      loud.gain.setValueAtTime(0.2, start)
      loud.gain.exponentialRampToValueAtTime(0.001, start + seconds)
      wave.connect(loud)
      loud.connect(audio.destination)
      wave.start(start)
      wave.stop(start + seconds)
      start += seconds
    }
  } catch {
    audio = null
  }
}
