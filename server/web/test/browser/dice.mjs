// Chance that can be played again: the same seed, the same draws.

export function dice(seed) {
  let state = seed >>> 0
  return outOf => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % outOf
  }
}
