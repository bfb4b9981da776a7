// Which sheet lies over the register screen. A signal of its own, so that opening one draws nothing
// else anew.

import { signal } from '@preact/signals'

/** `field`: the small form of one field of the kind. */
export type Open = 'scan' | 'plate' | 'name' | 'more' | { readonly field: string }

export const sheet = signal<Open | null>(null)

export function close(): void {
  sheet.value = null
}
