//! Epochs: the stretch between two openings of the database by a writing process. Revisions and
//! heads given out in an epoch are at least its number, so that none is used twice, also when an
//! older copy of the database is put back.

use diesel::dsl::max;
use diesel::prelude::*;
use sync_protocol::{Millis, Rev};

use super::schema::{device, epoch, record, scope};
use super::{Connection, Error, from_rev, to_rev};

const DAY_MS: Rev = 24 * 60 * 60 * 1000;

/// The epoch that is open: the newest one. Read first in every push.
pub fn current(connection: &mut Connection) -> Result<Rev, Error> {
    let newest: Option<i64> = epoch::table.select(max(epoch::opened)).first(connection)?;
    Ok(to_rev(newest.unwrap_or(0)))
}

/// Opens a new epoch: now, or, where the clock is not above every number known or shown
/// (`shown`: the side ledger's newest epoch, what devices claimed), that plus one day.
pub fn open(
    connection: &mut Connection,
    now: Millis,
    shown: Rev,
    opened_by: &str,
) -> Result<Rev, Error> {
    let greatest = [
        epoch::table
            .select(max(epoch::opened))
            .first::<Option<i64>>(connection)?,
        record::table
            .select(max(record::rev))
            .first::<Option<i64>>(connection)?,
        scope::table
            .select(max(scope::head))
            .first::<Option<i64>>(connection)?,
        device::table
            .select(max(device::epoch_seen))
            .first::<Option<i64>>(connection)?,
    ]
    .into_iter()
    .flatten()
    .map(to_rev)
    .fold(shown, Rev::max);
    let clock = to_rev(now);
    let opened = if clock > greatest {
        clock
    } else {
        greatest + DAY_MS
    };
    diesel::insert_into(epoch::table)
        .values((
            epoch::opened.eq(from_rev(opened)),
            epoch::at.eq(now),
            epoch::opened_by.eq(opened_by),
        ))
        .execute(connection)?;
    Ok(opened)
}
