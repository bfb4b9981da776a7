// Components of `later`, as if they were here: until the file has come, their place stays empty.

import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { speakWhole } from '../i18n'

type Later = typeof import('./later')

const loaded = signal<Later | null>(null)
/** Between two attempts, where the network failed before the service worker had everything. */
const AGAIN = 3000

export function loadLater(): void {
  Promise.all([import('./later'), speakWhole()]).then(
    ([all]) => {
      loaded.value = all
      all.watchIdle()
    },
    () => setTimeout(loadLater, AGAIN),
  )
}

export function later<P extends object>(pick: (all: Later) => ComponentType<P>): (props: P) => preact.JSX.Element | null {
  return props => {
    const all = loaded.value
    if (!all) return <main aria-busy="true" />
    const Part = pick(all)
    return <Part {...props} />
  }
}

/** The same for a sheet: nothing is shown until it is there. */
export function laterSheet<P extends object>(pick: (all: Later) => ComponentType<P>): (props: P) => preact.JSX.Element | null {
  return props => {
    const all = loaded.value
    if (!all) return null
    const Part = pick(all)
    return <Part {...props} />
  }
}
