// What the first screen can do without, in a file of its own that is loaded right after it: checks
// of what is typed, readers of codes, the grid, the rescue file, PINs, newer versions of the app, what
// is done once in a while and what is looked after while it is open.

export { checkValue, validate } from './definitions/check.ts'
export { gridsOf } from './grid.ts'
export { placeAll } from './place-all.ts'
export { makeRescue } from './rescue.ts'
export { readScan } from './scan.ts'
export { remove, replay, setPin } from './seldom.ts'
export { unwrap } from './store/pin.ts'
export { Updates } from './update.ts'
export { Upkeep } from './upkeep.ts'
