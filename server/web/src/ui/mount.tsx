// From an opened core to the first screen.

import { effect } from '@preact/signals'
import { render } from 'preact'
import type { Core } from '../core/api'
import { language, speak, type Language } from '../i18n'
import { App } from './app'
import { use } from './core'
import { loadLater } from './lazy'
import { keepTime } from './now'
import { dirty } from './register/entry'
import { listen } from './route'
import { given } from './start/given'
import { awaitOffer } from './start/install'

export async function mount(core: Core, root: HTMLElement): Promise<void> {
  use(core)
  await speak(chosen(core))
  follow(core)
  listen()
  keepTime()
  awaitOffer()
  takeCode(core)
  render(<App />, root)
  loadLater()
}

/** The person's choice; else Chinese where the phone speaks it, and English everywhere else. */
function chosen(core: Core): Language {
  return core.settings.value.language ?? (navigator.language.startsWith('zh') ? 'zh' : 'en')
}

/** Settings reach the page itself: language, size of text, night, which hand. */
function follow(core: Core): void {
  effect(() => {
    const { textSize, contrast, leftHand } = core.settings.value
    const next = chosen(core)
    if (next !== language.peek()) void speak(next)
    const html = document.documentElement
    html.dataset['size'] = ['normal', 'large', 'huge'][textSize]
    html.dataset['theme'] = contrast ? 'night' : 'light'
    html.dataset['hand'] = leftHand ? 'left' : 'right'
  })
  effect(() => core.setDirty(dirty.value))
}

/** A one-time code in the address is taken once, and does not stay in it. */
function takeCode(core: Core): void {
  if (location.hash.length < 2) return
  const scan = core.readScan(location.href)
  if (scan.scan !== 'enrol') return
  given.code = scan.code
  history.replaceState(history.state, '', location.pathname + location.search)
}
