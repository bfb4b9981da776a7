// What blocks: in which words it is said, which comes first, and what was put aside. Where registering
// can go on, a person may put the page aside; the pill in the bar goes on saying it.

import { signal } from '@preact/signals'
import type { Block } from '../core/api'
import { t, type Message } from '../i18n'
import { core } from './core'

type Name = Block['block']

interface Words {
  readonly title: Message
  readonly text: Message
  /** Whether entries can still be saved, so that the page may be put aside. */
  readonly goOn: boolean
}

export const WORDS: Record<Name, Words> = {
  revoked: { title: 'block.revoked', text: 'block.revokedText', goOn: true },
  blocked: { title: 'block.blocked', text: 'block.blockedText', goOn: true },
  needs_code: { title: 'block.needsCode', text: 'block.needsCodeText', goOn: true },
  app_too_old: { title: 'block.tooOld', text: 'block.tooOldText', goOn: true },
  clock_off: { title: 'block.clock', text: 'block.clockText', goOn: true },
  storage_full: { title: 'block.full', text: 'block.fullText', goOn: false },
  storage_broken: { title: 'block.broken', text: 'block.brokenText', goOn: true },
  elsewhere: { title: 'block.elsewhere', text: 'block.elsewhereText', goOn: false },
}

/** Gravest first: what stops saving before what stops sending. */
const ORDER: readonly Name[] = ['elsewhere', 'storage_full', 'storage_broken', 'blocked', 'revoked', 'needs_code', 'app_too_old', 'clock_off']

export const aside = signal<ReadonlySet<Name>>(new Set())

export function gravest(blocks: readonly Block[]): Block | undefined {
  return [...blocks].sort((one, other) => ORDER.indexOf(one.block) - ORDER.indexOf(other.block))[0]
}

/** The block that has the screen, if any was not put aside. */
export function pressing(): Block | undefined {
  return gravest(core.blocks.value.filter(one => !aside.value.has(one.block)))
}

/** What was put aside and still stands: the pill in the bar says it. */
export function putAside(): Block | undefined {
  return gravest(core.blocks.value.filter(one => aside.value.has(one.block)))
}

export function blockTitle(of: Block): string {
  return t(WORDS[of.block].title)
}
