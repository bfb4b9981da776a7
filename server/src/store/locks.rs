//! The locks of those who write beside each other. Everybody takes them in this order, each sort
//! in one statement and in the order of its keys, so that no two can wait for one another:
//! devices by number, records by id, scopes by name. What a scope counts (tallies, holdings, heads)
//! is written under the lock of the scope. A part of [`super::dialect`]: an embedded database has
//! one writer and needs none of them.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};

use super::Error;
use super::dialect::Connection;
use super::schema::scope;
use super::scopes::ScopeRow;
use sync_protocol::id::RecordId;

/// Locks the rows of these devices.
pub fn devices(connection: &mut Connection, numbers: &[i64]) -> Result<(), Error> {
    if let Connection::Postgres(inner) = connection {
        sql_query("SELECT 1 FROM device WHERE number = ANY($1) ORDER BY number FOR UPDATE")
            .bind::<Array<BigInt>, _>(numbers)
            .execute(inner)?;
    }
    Ok(())
}

/// Locks those of these records that exist.
pub fn records(connection: &mut Connection, ids: &[RecordId]) -> Result<(), Error> {
    if let Connection::Postgres(inner) = connection {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        sql_query("SELECT 1 FROM record WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind::<Array<Text>, _>(ids)
            .execute(inner)?;
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
