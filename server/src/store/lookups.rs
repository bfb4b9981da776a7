//! Keyed hashes of what a kind declares searchable. The key stands outside the database, so that
//! a stolen copy cannot be searched by trying every number there is.
//!
//! Hashes come in no order, so that in one index each would stand on a page of its own, the more so the
//! more there are. They stand in *runs* instead, one begun when the last is full: what is written goes to
//! the newest run, a few hundred pages; what is looked for is asked of all runs. All that a record is
//! found by stands in one run, which the record names.

use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;
use sync_protocol::Millis;

use super::dialect::{among, each};
use super::schema::{lookup, lookup_run};
use super::{Connection, Error};

/// Look-ups in one run, more or less: a MiB or two, and few runs even in a city.
const RUN: usize = 16_384;

/// Knows about how full the newest run is. It may be wrong, after a start or where several processes
/// fill one run: runs are then longer or shorter.
#[derive(Debug, Default)]
pub struct Runs(Mutex<Filling>);

#[derive(Debug, Default)]
struct Filling {
    run: i64,
    lookups: usize,
}

impl Runs {
    /// The run that so many more look-ups go into, begun if the newest is full.
    pub fn take(
        &self,
        connection: &mut Connection,
        lookups: usize,
        now: Millis,
    ) -> Result<i64, Error> {
        let newest = newest(connection)?;
        let mut filling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = newest == Some(filling.run);
        let run = match newest {
            Some(run) if !is_known || filling.lookups < RUN => run,
            _ => begin(connection, now)?,
        };
        if run != filling.run {
            *filling = Filling { run, lookups: 0 };
        }
        filling.lookups += lookups;
        Ok(run)
    }
}

fn newest(connection: &mut Connection) -> Result<Option<i64>, Error> {
    Ok(lookup_run::table
        .order(lookup_run::run.desc())
        .select(lookup_run::run)
        .first(connection)
        .optional()?)
}

fn begin(connection: &mut Connection, now: Millis) -> Result<i64, Error> {
    diesel::insert_into(lookup_run::table)
        .values(lookup_run::at.eq(now))
        .execute(connection)?;
    newest(connection)?.ok_or_else(|| Error::Corrupt("a run of look-ups".to_owned()))
}

/// Forgets runs in which nothing stands any more. The newest stays: somebody fills it.
pub fn forget_empty_runs(connection: &mut Connection) -> Result<(), Error> {
    let Some(newest) = newest(connection)? else {
        return Ok(());
    };
    let filled = lookup::table.filter(lookup::run.eq(lookup_run::run));
    diesel::delete(
        lookup_run::table
            .filter(lookup_run::run.lt(newest))
            .filter(diesel::dsl::not(diesel::dsl::exists(filled))),
    )
    .execute(connection)?;
    Ok(())
}

/// Takes hashes of records away, each from its run. Whoever knows a record knows its hashes, so there
/// is no second index to find them by.
pub fn delete(connection: &mut Connection, gone: &[(i64, Vec<u8>, String)]) -> Result<(), Error> {
    for (run, hash, record) in gone {
        diesel::delete(lookup::table.find((run, hash, record))).execute(connection)?;
    }
    Ok(())
}

/// The records under a hash.
pub fn under(connection: &mut Connection, hash: &[u8]) -> Result<Vec<String>, Error> {
    let runs: Vec<i64> = lookup_run::table.select(lookup_run::run).load(connection)?;
    Ok(each!(connection, inner => lookup::table
        .filter(among(lookup::run, &runs))
        .filter(lookup::hash.eq(hash))
        .select(lookup::record)
        .load(inner))?)
}

#[cfg(test)]
mod tests;
