// A newer version of the app: found by the browser, taken when nothing is typed and nothing is
// being sent, and then at once and whole.

import type { Signal } from '@preact/signals'

/** How often to look for one. */
const LOOK_MS = 30 * 60_000
/** How long the browser has to put the new version in place. */
const HEED_MS = 10_000

export interface Idle {
  /** Nothing new is sent from here on; says whether nothing is under way. */
  pause(): boolean
  resume(): void
  isDirty(): boolean
}

export class Updates {
  private registration: ServiceWorkerRegistration | null = null
  private wanted = false

  constructor(
    private readonly found: Signal<'none' | 'ready'>,
    private readonly idle: Idle,
  ) {}

  async begin(script: string): Promise<void> {
    if (typeof navigator === 'undefined' || !('serviceWorker' in navigator)) return
    try {
      // The first version takes the page as it is; a later one only when it was let in here.
      const updating = navigator.serviceWorker.controller !== null
      const registration = await navigator.serviceWorker.register(script, { updateViaCache: 'none' })
      this.registration = registration
      if (registration.waiting !== null) this.offer()
      registration.addEventListener('updatefound', () => {
        const { installing } = registration
        installing?.addEventListener('statechange', () => {
          if (installing.state === 'installed' && navigator.serviceWorker.controller !== null) this.offer()
        })
      })
      navigator.serviceWorker.addEventListener('controllerchange', () => {
        if (updating || this.wanted) location.reload()
      })
      setInterval(() => void registration.update().catch(() => undefined), LOOK_MS)
      document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'hidden') this.take()
      })
    } catch {
      // Without a service worker the app works while it is open; the gate says what is missing.
    }
  }

  /** Somebody asked for it. */
  apply(): void {
    this.wanted = true
    this.take()
  }

  /** To be called when a form was left or an exchange has ended. */
  settle(): void {
    if (this.wanted) this.take()
  }

  private offer(): void {
    this.found.value = 'ready'
    this.settle()
  }

  private take(): void {
    const waiting = this.registration?.waiting
    if (!waiting || this.idle.isDirty()) return
    if (!this.idle.pause()) {
      this.idle.resume()
      this.wanted = true
      return
    }
    this.wanted = true
    waiting.postMessage('activate')
    // Where the browser does not heed it, the work goes on as it was.
    setTimeout(() => this.idle.resume(), HEED_MS)
  }
}
