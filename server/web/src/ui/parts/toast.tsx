// What was just done, for some seconds, with the way to take it back.

import { signal } from '@preact/signals'
import { deep } from '../route'
import { Button } from './press'

export interface Toast {
  readonly text: string
  readonly tone?: 'plain' | 'warn'
  readonly action?: { readonly text: string; readonly run: () => void }
  readonly until: number
}

const toast = signal<Toast | null>(null)
let timer: ReturnType<typeof setTimeout> | undefined

export function tell(next: Toast): void {
  clearTimeout(timer)
  toast.value = next
  timer = setTimeout(() => {
    if (toast.value === next) toast.value = null
  }, Math.max(0, next.until - Date.now()))
}

export function hush(): void {
  clearTimeout(timer)
  toast.value = null
}

/** Over the tabs, or under the bar where a screen has a key of its own below. Always there, so that screen readers hear what appears in it. */
export function ToastPlace() {
  const shown = toast.value
  return (
    <div class={deep() ? 'toast-place high' : 'toast-place'} role="status" aria-live="polite">
      {shown && (
        <div class={`toast ${shown.tone ?? 'plain'}`} key={shown.until}>
          <span class="toast-text">{shown.text}</span>
          {shown.action && <Button tone="quiet" onPress={shown.action.run}>{shown.action.text}</Button>}
          <i class="toast-time" style={{ animationDuration: `${Math.max(0, shown.until - Date.now())}ms` }} />
        </div>
      )}
    </div>
  )
}
