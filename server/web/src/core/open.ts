// Opens the core: everything that screens may ask for, tied together. What happens is decided in
// `sync/`, kept in `store/`, driven by `engine`; here it becomes signals and promises.

import { signal } from '@preact/signals'

import type { Core, Settings } from './api.ts'
import { Deeds } from './deeds.ts'
import { Drafts } from './drafts.ts'
import { gateOf } from './facts.ts'
import { insist } from './insist.ts'
import { Looking } from './looking.ts'
import type { Fetch } from './net/http.ts'
import { Network } from './network.ts'
import { People } from './people.ts'
import type { Phone } from './phone.ts'
import { State } from './state.ts'
import { hurry } from './sync/pace.ts'
import type { Moment } from './sync/time.ts'
import type { Updates } from './update.ts'
import type { Upkeep } from './upkeep.ts'

export const VERSION = '0.1.0'

export interface Options {
  readonly base?: string
  readonly fetch?: Fetch
  readonly now?: () => Moment
  readonly journal?: ConstructorParameters<typeof Phone>[1]
  /** Where the second copy of what is unsent lies. */
  readonly shelf?: ConstructorParameters<typeof Phone>[4]
  /** The service worker's script; none in tests. */
  readonly worker?: string | null
  /** The first screen stands: what it does without is loaded only then. */
  readonly drawn?: Promise<unknown>
}

export type Opened = Core & { close(): Promise<void> }

export async function openCore(options: Options = {}): Promise<Opened> {
  const state = new State(
    options.now ?? (() => ({ wall: Date.now(), mono: Math.floor(performance.now()) })),
    options.journal === undefined ? localPlaces() : options.journal,
    options.drawn ?? Promise.resolve(),
    options.shelf,
  )
  const { phone, definitions } = state
  const deeds = new Deeds(state)
  const looking = new Looking(state)
  const drafts = new Drafts(state)
  const people = new People(state, drafts, () => deeds.capturing.forget(Infinity))
  let dirty = false
  let closed = false
  let updates: Updates | null = null
  const newer = signal<'none' | 'ready'>('none')
  state.network = new Network({
    state,
    base: options.base ?? (typeof location === 'undefined' ? '' : location.origin),
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    settled: () => updates?.settle(),
    goOnDuty: held => people.goOnDuty(held, held.row.key),
  })
  const hurryAll = (): void => {
    for (const { replica } of phone.people) hurry(replica)
    state.network.engine?.hurry()
  }
  let upkeep: Upkeep | null = null

  /** What is loaded and begun once the first screen stands. */
  const follow = async (): Promise<void> => {
    await options.drawn
    void state.network.load().then(() => state.network.engine?.resume())
    void insist(() => definitions.complete()).then(() => state.bump())
    const soon = (state.soon = await insist(() => import('./soon.ts')))
    state.bump()
    const isFirst = upkeep === null
    upkeep ??= new soon.Upkeep(state, people, drafts, now => deeds.capturing.forget(now), hurryAll)
    void upkeep.run()
    if (closed || !isFirst) return
    upkeep.begin()
    if (options.worker === null) return
    updates = new soon.Updates(newer, {
      pause: () => state.network.engine?.pause() ?? true,
      resume: () => state.network.engine?.resume(),
      isDirty: () => dirty,
    })
    await updates.begin(options.worker ?? 'sw.js')
  }
  const begin = async (force: boolean): Promise<void> => {
    if (force) {
      await drafts.close()
      phone.leave()
    }
    await phone.open(force, definitions)
    if (phone.trouble !== 'elsewhere') {
      loadSettings(state)
      const held = phone.onDuty ?? (phone.trouble === 'broken' ? null : phone.lastOnDuty())
      if (held !== null) await people.goOnDuty(held, held.row.key)
    }
    state.tell()
    void follow()
  }
  await begin(false)

  return {
    version: VERSION,
    persons: state.persons,
    person: state.person,
    places: state.places,
    shift: state.shift,
    addPerson: name => people.add(name),
    renamePerson: (person, name) => people.rename(person, name),
    enrol: code => people.enrol(code),
    setPin: pin => people.setPin(pin),
    unlock: (person, pin) => people.unlock(person, pin),
    lock: () => people.lock(),
    beginShift: shift => people.keepShift({ ...shift, since: state.now().wall }),
    endShift: () => people.keepShift(null),
    removePerson: person => people.remove(person),

    kinds: definitions.kinds,
    policy: definitions.policy,
    judge: (kind, fields) => state.judge(kind, fields),
    check: (kind, fields) => looking.check(kind, fields),
    checkValue: (kind, path, value) => looking.checkValue(kind, path, value),

    capture: entry => deeds.capture(entry),
    edit: (shown, set) => deeds.edit(shown, set),
    strikeOut: (shown, reason) => deeds.strikeOut(shown, reason),
    undo: entry => deeds.undo(entry),
    mend: (entry, set, place) => deeds.mend(entry, set, place),
    dismiss: entry => deeds.dismiss(entry),
    placeAll: place => deeds.placeAll(place),

    draft: form => drafts.get(form),
    keepDraft: (form, fields) => drafts.keep(form, fields),

    revision: state.revision,
    view: record => looking.view(record),
    views: filter => looking.views(filter),
    grids: () => looking.grids(),
    recall: (typed, limit) => looking.recall(typed, limit),
    registeredLately: (fields, withinMs) => looking.registeredLately(fields, withinMs),
    readScan: text => looking.readScan(text),

    upload: state.upload,
    hurry: hurryAll,
    rescue: () => state.network.rescue(),
    lookUp: (of, purpose) => state.network.lookUp(of, purpose),

    blocks: state.blocks,
    storage: state.storage,
    async askToPersist() {
      const granted = (await navigator.storage?.persist?.().catch(() => null)) ?? null
      await upkeep?.run()
      return granted
    },
    takeOver: () => begin(true),
    settings: state.settings,
    set: some => keepSettings(state, some),
    gate: gateOf(),

    update: newer,
    applyUpdate: () => updates?.apply(),
    setDirty(now) {
      dirty = now
      if (!now) updates?.settle()
    },
    /** Ends everything, for tests. */
    async close() {
      closed = true
      upkeep?.stop()
      state.network.engine?.stop()
      await drafts.save()
      await phone.saveMemory().catch(() => undefined)
      await phone.db.release().catch(() => undefined)
      phone.db.close()
    },
  }
}

function loadSettings(state: State): void {
  const kept = state.phone.keptSettings
  if (typeof kept === 'object' && kept !== null) state.settings.value = { ...state.settings.value, ...(kept as Settings) }
}

async function keepSettings(state: State, some: Partial<Settings>): Promise<void> {
  const kept = { ...state.settings.value, ...some }
  state.settings.value = kept
  await state.phone.db.write([], tx => void tx.objectStore('phone').put(kept, 'settings')).catch(error => state.failed(error))
}

function localPlaces(): globalThis.Storage | null {
  try {
    return localStorage
  } catch {
    return null
  }
}
