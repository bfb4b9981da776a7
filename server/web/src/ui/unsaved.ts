// How many forms have something in them, besides the one of the first screen: an update waits for all.

import { signal } from '@preact/signals'

export const unsaved = signal(0)
