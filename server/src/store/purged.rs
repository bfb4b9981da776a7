//! The permanent list of ids that were purged: they never come back. A map entry's id stands under
//! a name of its own (`entry:<uuid>`): the entry of one record may bear the id of another record,
//! which is not to go with it.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::dialect::{self, each};
use super::schema::{purged, record};
use super::{Connection, Error};

/// What the name of a map entry's id begins with.
const ENTRY: &str = "entry:";

/// The name under which a map entry's id stands in the list.
pub fn entry_name(id: &str) -> String {
    format!("{ENTRY}{id}")
}

/// Whether a name in the list is a map entry's.
pub fn is_entry(name: &str) -> bool {
    name.starts_with(ENTRY)
}

/// Which of these records were purged, and which of these map entries.
pub fn among(
    connection: &mut Connection,
    records: &[RecordId],
    entries: &[RecordId],
) -> Result<(Vec<RecordId>, Vec<RecordId>), Error> {
    let records = records.iter().map(ToString::to_string);
    let entries = entries.iter().map(|id| entry_name(&id.to_string()));
    let names: Vec<String> = records.chain(entries).collect();
    let mut found = Vec::new();
    for names in names.chunks(dialect::MAX_LIST) {
        found.extend(each!(connection, inner => purged::table
            .filter(dialect::among(purged::id, names))
            .select(purged::id)
            .load::<String>(inner))?);
    }
    let (entries, records): (Vec<String>, Vec<String>) =
        found.into_iter().partition(|name| is_entry(name));
    let entries = entries
        .iter()
        .filter_map(|name| name.strip_prefix(ENTRY)?.parse().ok());
    Ok((
        records.iter().filter_map(|id| id.parse().ok()).collect(),
        entries.collect(),
    ))
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
