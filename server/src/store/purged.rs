//! The permanent list of ids that were purged, map entries' too: they never come back.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::schema::{purged, record};
use super::{Connection, Error};

/// Which of these ids were purged.
pub fn among(connection: &mut Connection, ids: &[RecordId]) -> Result<Vec<RecordId>, Error> {
    let mut found = Vec::new();
    for ids in ids.chunks(super::dialect::MAX_LIST) {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        found.extend(
            purged::table
                .filter(purged::id.eq_any(ids))
                .select(purged::id)
                .load::<String>(connection)?,
        );
    }
    Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
}

/// Records that stand although their id was purged: an older copy of the database brought them
/// back. At most `most`.
pub fn standing(connection: &mut Connection, most: i64) -> Result<Vec<RecordId>, Error> {
    let found: Vec<String> = record::table
        .filter(record::id.eq_any(purged::table.select(purged::id)))
        .order(record::id)
        .limit(most)
        .select(record::id)
        .load(connection)?;
    Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
}
