// Figures and their goals, one a line.

export const missed = []

/** Prints a figure beside its goal, and notes it where it is missed. */
export function figure(what, is, goal, unit) {
  const said = n => `${n.toLocaleString('en')} ${unit}`
  console.log(`${what.padEnd(66)}${said(is).padStart(12)}   goal ${said(goal)}`)
  if (is > goal) missed.push(what)
}

/** What stands beside a figure, without a goal of its own. */
export function beside(what, said) {
  console.log(`  ${what.padEnd(64)}${said.padStart(12)}`)
}

/** The value below which this share of them lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}
