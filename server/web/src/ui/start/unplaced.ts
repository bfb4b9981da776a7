// Whether somebody has to be asked where entries belong.

import { computed, signal } from '@preact/signals'
import { core } from '../core'

export const checkpoints = computed(() => core.places.value.filter(one => one.by_day))

/** Put off for as long as the app is open; what waits goes on waiting. */
export const isPutOff = signal(false)

export const asksForPlace = computed(() => core.upload.value.unplaced > 0 && !isPutOff.value && checkpoints.value.length > 0)
