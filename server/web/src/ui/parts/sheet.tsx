// A sheet over the screen: focus stays inside, Escape and the back button close it.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n/index'
import { Icon } from './icon'

interface SheetProps {
  title: string
  /** Covers everything; otherwise it rises from the lower edge. */
  full?: boolean
  onClose: () => void
  foot?: ComponentChildren
  children: ComponentChildren
}

export function Sheet({ title, full, onClose, foot, children }: SheetProps) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const before = document.activeElement
    const first = box.current?.querySelector<HTMLElement>('[data-first]')
    ;(first ?? box.current)?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])

  function keep(event: KeyboardEvent) {
    if (event.key === 'Escape') {
      event.stopPropagation()
      onClose()
    }
    if (event.key !== 'Tab' || !box.current) return
    const stops = box.current.querySelectorAll<HTMLElement>('button:not([disabled]), input, select, textarea, a[href]')
    const first = stops[0]
    const last = stops[stops.length - 1]
    if (!first || !last) return
    if (event.shiftKey && (document.activeElement === first || document.activeElement === box.current)) {
      event.preventDefault()
      last.focus()
    } else if (!event.shiftKey && document.activeElement === last) {
      event.preventDefault()
      first.focus()
    }
  }

  return (
    <div class={full ? 'veil full' : 'veil'}>
      <div class="sheet" role="dialog" aria-modal="true" aria-label={title} tabIndex={-1} ref={box} onKeyDown={keep}>
        <div class="sheet-head">
          <h1>{title}</h1>
          <button type="button" class="square" aria-label={t('act.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        <div class="sheet-body">{children}</div>
        {foot && <div class="sheet-foot">{foot}</div>}
      </div>
    </div>
  )
}
