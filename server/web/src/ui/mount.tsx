// From an opened core to the first screen.

import { effect } from '@preact/signals'
import { render } from 'preact'
import type { Core } from '../core/api'
import { speak } from '../i18n'
import { App } from './app'
import { use } from './core'
import { keepTime } from './now'
import { dirty } from './register/entry'
import { listen } from './route'
import { given } from './start/enrol'
import { awaitOffer } from './start/install'

export function mount(core: Core, root: HTMLElement): void {
  use(core)
  follow(core)
  listen()
  keepTime()
  awaitOffer()
  takeCode(core)
  render(<App />, root)
}

/** Settings reach the page itself: language, size of text, night, which hand. */
function follow(core: Core): void {
  effect(() => {
    const { language, textSize, contrast, leftHand } = core.settings.value
    speak(language ?? (navigator.language.startsWith('zh') ? 'zh' : navigator.language ? 'en' : 'zh'))
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
