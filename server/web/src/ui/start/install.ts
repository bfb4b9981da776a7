// The browser's offer to put the app on the home screen, kept until a person wants it.

import { signal } from '@preact/signals'

interface Offer extends Event {
  prompt(): Promise<unknown>
}

let offer: Offer | null = null

export const canInstall = signal(false)

export function awaitOffer(): void {
  addEventListener('beforeinstallprompt', event => {
    event.preventDefault()
    offer = event as Offer
    canInstall.value = true
  })
  addEventListener('appinstalled', () => {
    offer = null
    canInstall.value = false
  })
}

export async function askToInstall(): Promise<void> {
  const once = offer
  offer = null
  canInstall.value = false
  await once?.prompt()
}
