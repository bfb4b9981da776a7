// A replica as one JSON value, member for member as the twin in Rust writes it: for tests that
// compare the two.

import { digestText } from './digest.ts'
import type { Replica } from './replica.ts'
import { rawText } from './time.ts'
import type { Row } from './limits.ts'

export function dump(self: Replica): unknown {
  const { pace, flight, eras, identity, access } = self
  return {
    eras: {
      era: eras.era,
      anchor: eras.anchor,
      last: eras.last,
      stamp: rawText(eras.stamp),
      offsets: Object.fromEntries(eras.offsets),
    },
    identity,
    access:
      access.is === 'enrolling' ? { enrolling: { token: access.token, proof: access.proof } } : access.is,
    outbox: Object.fromEntries(self.outbox),
    next_entry: self.nextEntry,
    numbered: Object.fromEntries(self.numbered),
    marks: self.marks,
    ack: self.ack,
    settled: self.settled,
    durable: self.durable,
    lost_checked: self.lostChecked,
    troubles: Object.fromEntries(self.troubles),
    epoch: self.epoch,
    schema: self.schema,
    policy: self.policy,
    newest_schema: self.newestSchema,
    newest_policy: self.newestPolicy,
    grants: self.grants,
    places: self.places.map(({ by_day, ...rest }) => (by_day ? { ...rest, by_day } : rest)),
    follow: self.follow === null ? null : [...self.follow].sort(),
    refused: [...self.refused].sort(),
    utc_offset: self.utcOffset,
    holdings: Object.fromEntries(
      [...self.holdings].map(([scope, held]) => [
        scope,
        {
          ...held,
          digest: digestText(held.digest),
          told: held.told === null ? null : [held.told[0], digestText(held.told[1])],
        },
      ]),
    ),
    rows: Object.fromEntries([...self.rows].map(([id, filed]) => [id, { ...filed, row: dumpRow(filed.row) }])),
    limbo: Object.fromEntries([...self.limbo].map(([id, limbo]) => [id, { ...limbo, row: dumpRow(limbo.row) }])),
    pace: {
      attempt: pace.attempt,
      round: pace.round,
      fails: pace.fails,
      small: pace.small,
      most_changes: pace.mostChanges,
      most_bytes: pace.mostBytes,
      most_scopes: pace.mostScopes,
      plain: pace.plain,
      without_pull: pace.withoutPull,
      not_before: pace.notBefore,
      told: pace.told,
      next_at: pace.nextAt,
    },
    flight:
      flight === null
        ? null
        : {
            attempt: flight.attempt,
            moment: flight.moment,
            era: flight.era,
            from: flight.from,
            last: flight.last,
            bytes: flight.bytes,
            asks: flight.asks,
            asks_for_lost: flight.asksForLost,
            may_compress: flight.mayCompress,
            enrols: flight.enrols,
          },
    last_contact: self.lastContact,
    fault: self.fault,
  }
}

export function dumpRow(row: Row): unknown {
  const { parent, clock, conflicts, abnormal, flags, ...rest } = row
  return {
    ...rest,
    ...(parent ? { parent } : {}),
    ...(clock && clock !== 'right' ? { clock } : {}),
    ...(conflicts && Object.keys(conflicts).length > 0 ? { conflicts } : {}),
    ...(abnormal && abnormal.length > 0 ? { abnormal } : {}),
    ...(flags && flags.length > 0 ? { flags } : {}),
  }
}
