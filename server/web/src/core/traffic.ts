// Everything that has to do with the network, in a file of its own that is loaded right after the
// first screen: whoever opens the app to register somebody does not wait for it.

export { fetchDefinitions } from './definitions/fetch.ts'
export { allPlaces, lookUp } from './desk.ts'
export { Engine } from './engine.ts'
export { Http } from './net/http.ts'
export { enrol } from './sync/enrol.ts'
