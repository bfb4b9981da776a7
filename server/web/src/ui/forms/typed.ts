// What is typed into a form over what stands: kept like every half-typed form, so that neither the lock
// nor an update takes it along, and there again when the form is opened anew.

import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { Fields, Value } from '../../core/api'
import { core } from '../core'
import { unsaved } from '../unsaved'

/** Whether a form has something in it: counted once, and no more when it has gone from the screen. */
export class Unsaved {
  private is = false

  hold(is: boolean): void {
    if (this.is === is) return
    this.is = is
    unsaved.value += is ? 1 : -1
  }
}

export function useUnsaved(): Unsaved {
  const [held] = useState(() => new Unsaved())
  useEffect(() => () => held.hold(false), [])
  return held
}

export class Typed {
  private readonly fields = signal<Fields>({})

  constructor(
    private readonly form: string,
    private readonly held: Unsaved,
  ) {
    const kept = core.draft(form)
    if (kept === null) return
    this.fields.value = kept
    held.hold(true)
  }

  /** Only what was touched: what others change meanwhile is not put back. */
  get value(): Fields {
    return this.fields.value
  }

  put(name: string, value: Value | undefined): void {
    this.fields.value = { ...this.fields.value, [name]: value ?? null }
    core.keepDraft(this.form, this.fields.value)
    this.held.hold(true)
  }

  /** Saved, or left on purpose. */
  done(): void {
    core.keepDraft(this.form, null)
    this.held.hold(false)
  }
}

export function useTyped(form: string): Typed {
  const held = useUnsaved()
  return useState(() => new Typed(form, held))[0]
}
