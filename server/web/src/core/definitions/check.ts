// What is wrong with what a person typed, before it is captured.

export interface Fault {
  /** As `person.phone`. */
  readonly path: string
  /** `missing`, `type`, `range`, `code`, `check_digit`, `length`, `date`… An open list. */
  readonly code: string
}

export interface Verdict {
  /** Must be mended: the centre would call the change invalid. */
  readonly refused: readonly Fault[]
  /** May be saved; flagged. */
  readonly odd: readonly Fault[]
}
