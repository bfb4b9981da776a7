//! Keyed hashes of what a kind declares searchable. The key stands outside the database, so that
//! a stolen copy cannot be searched by trying every number there is.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::schema::lookup;
use super::{Connection, Error};

/// The hashes under which these records can be found.
pub fn of(connection: &mut Connection, record: RecordId) -> Result<Vec<Vec<u8>>, Error> {
    Ok(lookup::table
        .filter(lookup::record.eq(record.to_string()))
        .select(lookup::hash)
        .load(connection)?)
}

/// Takes hashes of a record away.
pub fn delete(
    connection: &mut Connection,
    record: RecordId,
    hashes: &[Vec<u8>],
) -> Result<(), Error> {
    diesel::delete(
        lookup::table
            .filter(lookup::record.eq(record.to_string()))
            .filter(lookup::hash.eq_any(hashes)),
    )
    .execute(connection)?;
    Ok(())
}

/// Takes all hashes of records away.
pub fn delete_all(connection: &mut Connection, records: &[String]) -> Result<(), Error> {
    diesel::delete(lookup::table.filter(lookup::record.eq_any(records))).execute(connection)?;
    Ok(())
}

/// The records under a hash, in id order after `after`.
pub fn find(
    connection: &mut Connection,
    hash: &[u8],
    after: &str,
    most: i64,
) -> Result<Vec<(String, i64)>, Error> {
    Ok(lookup::table
        .filter(lookup::hash.eq(hash))
        .filter(lookup::record.gt(after))
        .order(lookup::record)
        .limit(most)
        .select((lookup::record, lookup::scope_id))
        .load(connection)?)
}
