// What can be looked up on this phone without asking anybody: what is wrong with what is typed, what
// is on screen, who is remembered, what a code says.

import { codeIn } from './code.ts'
import type { Core, Fields, Place, RecordView } from './api.ts'
import { samePerson } from './recall.ts'
import type { State } from './state.ts'
import { dayOf } from './sync/scope.ts'

export class Looking {
  constructor(private readonly state: State) {}

  check(kind: string, fields: Fields): ReturnType<Core['check']> {
    const { definitions, soon, now } = this.state
    const of = definitions.kinds.value[kind]
    if (of === undefined || soon === null) return { refused: [], odd: [] }
    return soon.validate(of, fields, true, dayOf(now().wall))
  }

  checkValue(kind: string, path: string, value: Fields[string]): ReturnType<Core['checkValue']> {
    const { definitions, soon } = this.state
    const of = definitions.kinds.value[kind]
    return of === undefined || soon === null ? null : soon.checkValue(of, path, value)
  }

  view(record: string): RecordView | null {
    return this.state.screen?.get(record) ?? null
  }

  views(filter: { kind?: string; place?: Place; own?: boolean; limit?: number }): readonly RecordView[] {
    const { screen } = this.state
    if (screen === null) return []
    const kinds = filter.kind === undefined ? screen.kinds() : [filter.kind]
    const limit = filter.limit ?? Infinity
    const found: RecordView[] = []
    for (const kind of kinds) {
      let taken = 0
      for (const view of screen.of(kind)) {
        if (taken >= limit) break
        if (filter.place !== undefined && view.place !== filter.place) continue
        if (filter.own === true && !view.own) continue
        found.push(view)
        taken += 1
      }
    }
    if (kinds.length > 1) found.sort((a, b) => b.time - a.time)
    return found.slice(0, limit)
  }

  grids(): ReturnType<Core['grids']> {
    const { phone, screen, soon, places, now } = this.state
    if (phone.onDuty === null || screen === null || soon === null) return []
    const midnight = new Date(now().wall).setHours(0, 0, 0, 0)
    return soon.gridsOf(phone.onDuty.replica, places.value, screen.of('household'), screen.of('visit'), midnight)
  }

  recall(typed: string, limit = 3): ReturnType<Core['recall']> {
    return this.state.phone.memory.find(typed, limit)
  }

  registeredLately(fields: Fields, withinMs: number): RecordView | null {
    const since = this.state.now().wall - withinMs
    for (const view of this.state.screen?.of('registration') ?? []) {
      if (view.time < since) return null
      if (!view.isVoid && samePerson(view.fields, fields)) return view
    }
    return null
  }

  readScan(text: string): ReturnType<Core['readScan']> {
    const code = codeIn(text)
    if (code !== null) return { scan: 'enrol', code }
    return this.state.soon?.readScan(text, this.state.now().wall) ?? { scan: 'unknown', text }
  }
}
