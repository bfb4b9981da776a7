// From an opened core to the first screen; what comes after it is loaded once it stands.

import { effect } from '@preact/signals'
import { render } from 'preact'
import type { Core } from '../core/api'
import { language, speak } from '../i18n'
import { App } from './app'
import { use } from './core'
import { chosenLanguage } from './language'
import { loadLater } from './lazy'
import { keepTime } from './now'
import { followDraft } from './register/draft'
import { busy, dirty } from './register/entry'
import { failure } from './register/save'
import { listen } from './route'
import { given } from './start/given'
import { awaitOffer } from './start/install'
import { unsaved } from './unsaved'

export async function mount(core: Core, root: HTMLElement): Promise<void> {
  use(core)
  await speak(chosenLanguage(core))
  follow(core)
  listen()
  keepTime()
  awaitOffer()
  takeCode(core)
  render(<App />, root)
  await drawn()
  void loadLater()
}

/** A page that nobody looks at draws nothing: what waits for the first screen waits no longer than this. */
const UNSEEN_MS = 1_000

function drawn(): Promise<void> {
  return new Promise(resolve => {
    requestAnimationFrame(() => setTimeout(resolve))
    setTimeout(resolve, UNSEEN_MS)
  })
}

/** Settings reach the page itself: language, size of text, night, which hand. */
function follow(core: Core): void {
  effect(() => {
    const { textSize, contrast, leftHand } = core.settings.value
    const next = chosenLanguage(core)
    if (next !== language.peek()) void speak(next)
    const html = document.documentElement
    html.dataset['size'] = ['normal', 'large', 'huge'][textSize]
    html.dataset['theme'] = contrast ? 'night' : 'light'
    html.dataset['hand'] = leftHand ? 'left' : 'right'
  })
  followDraft()
  effect(() => core.setDirty(dirty.value || busy.value || failure.value !== null || unsaved.value > 0))
}

/** A one-time code in the address is taken once, and does not stay in it. */
function takeCode(core: Core): void {
  if (location.hash.length < 2) return
  const scan = core.readScan(location.href)
  if (scan.scan !== 'enrol') return
  given.code = scan.code
  history.replaceState(history.state, '', location.pathname + location.search)
}
