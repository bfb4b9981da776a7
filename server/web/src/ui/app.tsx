// Which screen is on: what blocks first, then who is on duty, then the shift, then where one is.

import { useEffect } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import { core } from './core'
import { pressing } from './blocks'
import { flash } from './feel'
import { later } from './lazy'
import { Tabs, tabs } from './parts/tabs'
import { ToastPlace } from './parts/toast'
import { Register } from './register/screen'
import { back, deep, open, screen } from './route'
import { given } from './start/given'
import { Enrol } from './start/enrol'
import { judgeGate } from './start/judge'
import { asksForPlace } from './start/unplaced'

const Abnormal = later(all => all.Abnormal)
const BlockScreen = later(all => all.BlockScreen)
const Detail = later(all => all.Detail)
const GateScreen = later(all => all.GateScreen)
const HouseholdScreen = later(all => all.HouseholdScreen)
const MyGrid = later(all => all.MyGrid)
const PlaceScreen = later(all => all.PlaceScreen)
const Records = later(all => all.Records)
const Settings = later(all => all.Settings)
const ShiftScreen = later(all => all.ShiftScreen)
const Unlock = later(all => all.Unlock)
const Upload = later(all => all.Upload)
const VisitScreen = later(all => all.VisitScreen)

export function App() {
  return (
    <div class="app">
      <Stage />
      <ToastPlace />
      <Flash />
    </div>
  )
}

function Stage() {
  const anyway = useSignal(false)
  const enrolling = useSignal(given.code !== '')
  const skipped = useSignal(false)
  const adding = useSignal(false)
  const persons = core.persons.value
  const person = core.person.value
  const fresh = persons.length === 0 || (persons.length === 1 && person?.access === 'unenrolled' && !skipped.value && core.shift.value === null)
  const block = pressing()
  // Where another window has the phone, nobody knows here who is on it.
  const begins = fresh && !skipped.value && block?.block !== 'elsewhere'
  // Who has just enrolled is fresh no more, and has the name, the PIN and the home screen still before them.
  useEffect(() => {
    if (begins) enrolling.value = true
  }, [begins])
  const gate = judgeGate(core.gate)
  if (!gate.open && (gate.hard || !anyway.value)) {
    return <GateScreen lacks={gate.lacks} hard={gate.hard} onAnyway={() => { anyway.value = true }} />
  }
  if (block?.block === 'elsewhere' || block?.block === 'storage_full') return <BlockScreen of={block} onEnrol={() => undefined} />
  if (enrolling.value || adding.value || begins) {
    const done = (): void => {
      enrolling.value = false
      adding.value = false
      skipped.value = true
      if (core.person.value === null && core.persons.value.length === 0) void core.addPerson('')
    }
    return <Enrol first={fresh} onDone={done} />
  }
  if (person === null) {
    // Who comes is a person here once they have a code.
    return <Unlock onNew={() => { adding.value = true }} />
  }
  if (block) return <BlockScreen of={block} onEnrol={() => { enrolling.value = true }} />
  // Enrolling goes on to its end first: what waits, waits.
  if (asksForPlace.value && screen().at !== 'enrol') return <PlaceScreen />
  return <Screens />
}

function Screens() {
  const at = screen()
  const shift = core.shift.value
  // A grid leader without a checkpoint begins at the grid, not at a form that is not theirs.
  const all = tabs()
  const first = all[0] ?? 'records'
  const known = at.at === 'register' && !all.includes('register')
  useEffect(() => {
    if (known) open(first)
  }, [known, first])
  if (known) return null
  const tabbed = !deep()
  return (
    <>
      {at.at === 'register' && (shift === null ? <ShiftScreen onDone={() => undefined} /> : <Register />)}
      {at.at === 'shift' && <ShiftScreen onDone={() => back()} />}
      {at.at === 'enrol' && <Enrol first={false} onDone={() => back()} />}
      {at.at === 'abnormal' && <Abnormal record={at.record} entry={at.entry} undoUntil={at.undoUntil} />}
      {at.at === 'records' && <Records />}
      {at.at === 'record' && <Detail record={at.record} />}
      {at.at === 'upload' && <Upload />}
      {at.at === 'grid' && <MyGrid />}
      {at.at === 'household' && <HouseholdScreen record={at.record} />}
      {at.at === 'visit' && <VisitScreen household={at.household} />}
      {at.at === 'settings' && <Settings />}
      {tabbed && <Tabs />}
    </>
  )
}

/** The colour that fills the screen for a moment after a save. */
function Flash() {
  const shown = flash.value
  return shown ? <i key={shown.at} class={`flash ${shown.tone}`} aria-hidden="true" /> : null
}
