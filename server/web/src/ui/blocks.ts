// What blocks: in which words it is said, which comes first, and what was put aside. Where registering
// can go on, a person may put the page aside; the pill in the bar goes on saying it.

import { signal } from '@preact/signals'
import type { Block } from '../core/api'
import { t } from '../i18n'
import { core } from './core'

type Name = Block['block']

/** Where entries can still be saved, the page may be put aside. */
export const MAY_GO_ON: ReadonlySet<Name> = new Set(['revoked', 'blocked', 'needs_code', 'app_too_old', 'clock_off', 'storage_broken'])

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
  return t(`block.${of.block}`)
}
