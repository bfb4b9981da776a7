// The core that the screens talk to. It is opened once, before anything is drawn.

import type { Core } from '../core/api'

export let core: Core

export function use(opened: Core): void {
  core = opened
}
