// Which screen is shown, and the way back. The phone's own back button goes one step back and never
// out of the app while a step is left.

import { signal } from '@preact/signals'
import type { RecordId } from '../core/api'

export type Screen =
  | { readonly at: 'register' }
  | { readonly at: 'records' }
  | { readonly at: 'upload' }
  | { readonly at: 'grid' }
  | { readonly at: 'settings' }
  | { readonly at: 'enrol' }
  | { readonly at: 'shift' }
  | { readonly at: 'abnormal'; readonly record: RecordId; readonly entry: number | null; readonly undoUntil: number }
  | { readonly at: 'record'; readonly record: RecordId }
  | { readonly at: 'household'; readonly record: RecordId }
  | { readonly at: 'visit'; readonly household: RecordId }

export type Tab = 'register' | 'records' | 'grid' | 'upload' | 'settings'

const stack = signal<readonly Screen[]>([{ at: 'register' }])

/** The screen on top. */
export function screen(): Screen {
  return stack.value[stack.value.length - 1] ?? { at: 'register' }
}

/** Whether a step back is left. */
export function deep(): boolean {
  return stack.value.length > 1
}

/** One level further in. */
export function enter(next: Screen): void {
  stack.value = [...stack.value, next]
  history.pushState({ depth: stack.value.length }, '')
  settle()
}

/** Another tab; what lay above the old one is left. */
export function open(tab: Tab): void {
  const from = stack.value.length
  stack.value = [{ at: tab }]
  if (from > 1) history.go(1 - from)
  settle()
}

/** Somebody else is on duty: they begin where everybody does. */
export function begin(): void {
  if (stack.value.length > 1 || screen().at !== 'register') open('register')
}

/** One step back, or more. */
export function back(steps = 1): void {
  const left = Math.min(steps, stack.value.length - 1)
  if (left > 0) history.go(-left)
}

/** One step back and one in: the screen is exchanged, the way back stays. */
export function replace(next: Screen): void {
  stack.value = [...stack.value.slice(0, -1), next]
  settle()
}

export function listen(): void {
  history.replaceState({ depth: 1 }, '')
  window.addEventListener('popstate', event => {
    const depth = Number((event.state as { depth?: number } | null)?.depth ?? 1)
    if (depth < stack.value.length) stack.value = stack.value.slice(0, Math.max(1, depth))
    settle()
  })
}

/** A new screen begins at its top, and is named to who cannot see it. */
function settle(): void {
  requestAnimationFrame(() => {
    const main = document.querySelector('main')
    if (main) main.scrollTop = 0
  })
}
