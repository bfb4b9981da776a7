//! Keyed hashes of what a kind declares searchable. The key stands outside the database, so that
//! a stolen copy cannot be searched by trying every number there is.

use diesel::prelude::*;

use super::schema::lookup;
use super::{Connection, Error};

/// Takes hashes of records away. Whoever knows a record knows its hashes, so there is no second index
/// to find them by: in one, every row would stand somewhere else again.
pub fn delete(connection: &mut Connection, gone: &[(Vec<u8>, String)]) -> Result<(), Error> {
    for (hash, record) in gone {
        diesel::delete(lookup::table.find((hash, record))).execute(connection)?;
    }
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
