// The bundled definitions in two parts: what the first screen asks by, and the other kinds, which come
// right after it. Both are cut out of bundled.json, which is what the server would send; who may read
// what, for how long, and what is counted is the server's matter and not taken along.

import { readFileSync } from 'node:fs'

const FILE = new URL('../src/core/definitions/bundled.json', import.meta.url)
const FIRST = 'registration'
const TAKEN = ['name', 'version', 'label', 'scope', 'writers', 'field']

function part(which) {
  const isPart = kind => (kind === FIRST) === (which === 'first')
  const { kinds, policy } = JSON.parse(readFileSync(FILE, 'utf8'))
  const taken = kinds
    .filter(kind => isPart(kind.name))
    .map(kind => Object.fromEntries(TAKEN.map(name => [name, kind[name]])))
  const rule = policy.rule.filter(rule => isPart(rule.kind))
  return which === 'first' ? { kinds: taken, policy: { ...policy, rule } } : { kinds: taken, rule }
}

const PARTS = ['first', 'rest']

/** `bundled:first` and `bundled:rest`. */
export function bundled() {
  const idOf = which => `/bundled-${which}.js`
  return {
    name: 'bundled',
    enforce: 'pre',
    resolveId: id => PARTS.filter(which => id === `bundled:${which}`).map(idOf)[0] ?? null,
    load(id) {
      const which = PARTS.find(one => id === idOf(one))
      if (which === undefined) return null
      // A text that is read starts much quicker than the same as a program.
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(part(which)))})`
    },
  }
}
