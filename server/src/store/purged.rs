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

/// Which of these records were purged, and which of these map entries. Ids begin with the time at which
/// they were made: most that come are greater than all that were purged, and not looked for.
pub fn among(
    connection: &mut Connection,
    records: &[RecordId],
    entries: &[RecordId],
) -> Result<(Vec<RecordId>, Vec<RecordId>), Error> {
    let greatest = greatest_below_entries(connection)?;
    let records = records.iter().map(ToString::to_string);
    let records = records.filter(|id| id.as_str() > ENTRY || greatest.as_ref() >= Some(id));
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

/// The greatest purged id of those that sort before the names of map entries.
fn greatest_below_entries(connection: &mut Connection) -> Result<Option<String>, Error> {
    Ok(purged::table
        .filter(purged::id.lt(ENTRY))
        .order(purged::id.desc())
        .select(purged::id)
        .first(connection)
        .optional()?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreOptions, bulk, trial};

    #[test]
    fn what_was_purged_is_known_wherever_its_id_sorts_and_an_entry_is_no_record() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let id = |first: u8| RecordId::from_bytes([first; 16]);
        let gone = [id(0x01), id(0x10), id(0xee), id(0xff)];
        let others = [id(0x00), id(0x09), id(0x11), id(0xed), id(0xef), id(0xf0)];
        let names: Vec<String> = gone
            .iter()
            .map(ToString::to_string)
            .chain([entry_name(&id(0x11).to_string())])
            .collect();
        let all: Vec<RecordId> = gone.iter().chain(&others).copied().collect();
        let (mut records, entries) = store
            .write::<_, Error>(|c| {
                assert_eq!(among(c, &all, &all)?, (Vec::new(), Vec::new()));
                bulk::add_purged(c, &names, 1)?;
                among(c, &all, &all)
            })
            .unwrap();
        records.sort_unstable();
        assert_eq!(records, gone);
        assert_eq!(entries, [id(0x11)]);
    }
}
