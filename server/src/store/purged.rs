//! The permanent list of records that were purged: they never come back.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::dialect::{self, each};
use super::ids::Wanted;
use super::schema::{purged, record};
use super::{Connection, Error, meta};

const STANDING: &str = "purged_standing";

/// Which of these records were purged. Ids begin with the time at which they were made: most that come are
/// greater than all that were purged, and not looked for.
pub fn among(connection: &mut Connection, records: &[RecordId]) -> Result<Vec<RecordId>, Error> {
    let Some(greatest) = greatest(connection)? else {
        return Ok(Vec::new());
    };
    let wanted = records
        .iter()
        .filter(|id| id.as_bytes().as_slice() <= &*greatest);
    let wanted: Vec<Wanted> = wanted.map(Wanted::from).collect();
    let mut found = Vec::new();
    for ids in wanted.chunks(dialect::MAX_LIST) {
        found.extend(each!(connection, inner => purged::table
            .filter(dialect::among(purged::id, ids))
            .select(purged::id)
            .load::<Vec<u8>>(inner))?);
    }
    Ok(ids_of(&found))
}

fn ids_of(stored: &[Vec<u8>]) -> Vec<RecordId> {
    let ids = stored.iter().filter_map(|id| id.as_slice().try_into().ok());
    ids.map(RecordId::from_bytes).collect()
}

fn greatest(connection: &mut Connection) -> Result<Option<Vec<u8>>, Error> {
    Ok(purged::table
        .order(purged::id.desc())
        .select(purged::id)
        .first(connection)
        .optional()?)
}

/// Says that records may stand although their id was purged.
pub fn note_standing(connection: &mut Connection) -> Result<(), Error> {
    meta::save(connection, STANDING, "yes")
}

/// Says that none stands, if that is so still: another process may have noted more.
pub fn settle_standing(connection: &mut Connection) -> Result<(), Error> {
    if standing(connection, 1)?.is_empty() {
        meta::save(connection, STANDING, "no")?;
    }
    Ok(())
}

/// Whether records may stand although their id was purged: only then are they looked for, through all there
/// are.
pub fn may_stand(connection: &mut Connection) -> Result<bool, Error> {
    Ok(meta::load(connection, STANDING)?.as_deref() == Some("yes"))
}

/// Records that stand although their id was purged: an older copy of the database brought them
/// back. At most `most`.
pub fn standing(connection: &mut Connection, most: i64) -> Result<Vec<RecordId>, Error> {
    let found: Vec<Vec<u8>> = record::table
        .filter(record::id.eq_any(purged::table.select(purged::id)))
        .order(record::id)
        .limit(most)
        .select(record::id)
        .load(connection)?;
    Ok(ids_of(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreOptions, bulk, trial};

    #[test]
    fn what_was_purged_is_known_wherever_its_id_sorts() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let id = |first: u8| RecordId::from_bytes([first; 16]);
        let gone = [id(0x01), id(0x10), id(0xee)];
        let others = [id(0x00), id(0x09), id(0x11), id(0xed), id(0xef), id(0xff)];
        let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
        let all: Vec<RecordId> = gone.iter().chain(&others).copied().collect();
        let mut found = store
            .write::<_, Error>(|c| {
                assert_eq!(among(c, &all)?, []);
                bulk::add_purged(c, &names, 1)?;
                among(c, &all)
            })
            .unwrap();
        found.sort_unstable();
        assert_eq!(found, gone);
    }
}
