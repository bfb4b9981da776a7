// What a scanner or the camera has read, made into something that a form can take.

import type { Fields } from './api'

/** What a traveller's card holds; the card page makes it, the form reads it. */
export interface CardFields {
  readonly name: string
  readonly phone: string
  readonly document: string
  readonly number: string
  readonly plate: string
  readonly origin: string
  readonly destination: string
  /** When it was made, in ms; a card is good for 24 h. */
  readonly made: number
}

export type Scan =
  /** Fields of a registration, ready to fill in. `old`: made more than 24 h ago. */
  | { readonly scan: 'card'; readonly card: CardFields; readonly fields: Fields; readonly old: boolean }
  | { readonly scan: 'enrol'; readonly code: string }
  | { readonly scan: 'phone' | 'identity' | 'plate'; readonly text: string }
  /** Shown as text, never opened. */
  | { readonly scan: 'unknown'; readonly text: string }
