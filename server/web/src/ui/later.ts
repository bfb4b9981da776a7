// Every screen that the first one can do without, in one file that is loaded right after the first
// paint: who opens the app at a barrier waits for the barrier's form alone.

import '../styles/lists.css'

export { BlockLine, BlockScreen } from './block-screen'
export { HouseholdScreen } from './grid/household'
export { MyGrid } from './grid/list'
export { VisitScreen } from './grid/visit'
export { Detail } from './records/detail'
export { Records } from './records/list'
export { Abnormal } from './register/abnormal'
export { BoxSheet, LackSheet, MoreSheet, NameSheet, PlateSheet, TwiceSheet } from './register/sheets'
export { Tally } from './register/tally'
export { ScanSheet } from './scan/sheet'
export { Stand } from './scan/stand'
export { Settings } from './settings'
export { watchIdle } from './start/idle'
export { Install, Named, NewPin } from './start/enrol-steps'
export { GateScreen } from './start/gate'
export { PlaceScreen } from './start/place'
export { ShiftScreen } from './start/shift'
export { Unlock } from './start/unlock'
export { Upload } from './upload/screen'
