// Components of `later`, as if they were here: until the file has come, their place stays empty.

import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { insist } from '../core/insist'
import { speakWhole } from '../i18n'

type Later = typeof import('./later')

const loaded = signal<Later | null>(null)
export async function loadLater(): Promise<void> {
  const [all] = await insist(() => Promise.all([import('./later'), speakWhole()]))
  loaded.value = all
  all.watchIdle()
}

/** Begins something as soon as the file is there; the returned function ends it, or keeps it from beginning. */
export function whenLater(begin: (all: Later) => () => void): () => void {
  let end: (() => void) | null = null
  const stop = loaded.subscribe(all => {
    if (all !== null) end ??= begin(all)
  })
  return () => {
    stop()
    end?.()
  }
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
