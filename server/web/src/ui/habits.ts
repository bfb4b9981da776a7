// Habits of this phone that are nobody's data: what is taken for granted at this checkpoint, the
// number to call. They may be lost without harm, so that they stand outside the core's storage.

import { signal } from '@preact/signals'

export interface Habits {
  /** The itinerary code is looked at too; green unless another is tapped. */
  readonly itinerary: boolean
  /** Whom to call when somebody is abnormal; empty where there is no such number. */
  readonly call: string
  /** First signs of most plates here: `豫P`. */
  readonly plate: string
}

const NAME = 'kadian.habits'
const NONE: Habits = { itinerary: false, call: '', plate: '' }

export const habits = signal<Habits>(read())

export function learn(some: Partial<Habits>): void {
  habits.value = { ...habits.value, ...some }
  try {
    localStorage.setItem(NAME, JSON.stringify(habits.value))
  } catch {
    // Full or forbidden: the habit holds until the app is closed.
  }
}

function read(): Habits {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '{}') as { [name: string]: unknown }
    return {
      itinerary: kept['itinerary'] === true,
      call: typeof kept['call'] === 'string' ? kept['call'] : '',
      plate: typeof kept['plate'] === 'string' ? kept['plate'].slice(0, 2) : '',
    }
  } catch {
    return NONE
  }
}
