//! The locks of those who write beside each other. Everybody takes them in this order, each sort
//! in one statement and in the order of its keys, so that no two can wait for one another:
//! devices by number, records by id, runs of look-ups, scopes by name. What a scope counts (tallies,
//! holdings, heads) is written under the lock of the scope. Two that make the same record meet at its key. A part of [`super::dialect`]: an embedded database has
//! one writer and needs none of them.

use diesel::prelude::*;

use super::acks::AckRow;
use super::dialect::Connection;
use super::records::RecordRow;
use super::schema::{device, lookup_run, record, scope};
use super::scopes::ScopeRow;
use super::{Error, acks, records};
use sync_protocol::id::RecordId;

/// Locks the rows of these devices and tells how they stand, by number.
pub fn devices(connection: &mut Connection, numbers: &[i64]) -> Result<Vec<AckRow>, Error> {
    match connection {
        Connection::Sqlite(_) => acks::load(connection, numbers),
        Connection::Postgres(inner) => Ok(device::table
            .filter(device::number.eq_any(numbers))
            .order(device::number)
            .select(AckRow::as_select())
            .for_update()
            .load(inner)?),
    }
}

/// Locks those of these records that exist and tells how they stand.
pub fn records(connection: &mut Connection, ids: &[RecordId]) -> Result<Vec<RecordRow>, Error> {
    match connection {
        Connection::Sqlite(_) => records::by_ids(connection, ids),
        Connection::Postgres(inner) => {
            let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
            Ok(record::table
                .filter(record::id.eq_any(ids))
                .order(record::id)
                .select(RecordRow::as_select())
                .for_update()
                .load(inner)?)
        }
    }
}

/// Locks these runs of look-ups, whose buckets and batches are about to be written anew.
pub fn runs(connection: &mut Connection, runs: &[i64]) -> Result<(), Error> {
    if let Connection::Postgres(inner) = connection
        && !runs.is_empty()
    {
        lookup_run::table
            .filter(lookup_run::run.eq_any(runs))
            .order(lookup_run::run)
            .select(lookup_run::run)
            .for_update()
            .load::<i64>(inner)?;
    }
    Ok(())
}

/// Locks these scopes and tells how they stand now; nothing where nobody else can have written since
/// they were read.
pub fn scopes(
    connection: &mut Connection,
    names: &[String],
) -> Result<Option<Vec<ScopeRow>>, Error> {
    let Connection::Postgres(inner) = connection else {
        return Ok(None);
    };
    Ok(Some(
        scope::table
            .filter(scope::name.eq_any(names))
            .order(scope::name)
            .select(ScopeRow::as_select())
            .for_update()
            .load(inner)?,
    ))
}
