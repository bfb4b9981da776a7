//! Ids of records in the tables that hold most of them: their 16 bytes, which sort as their texts do and
//! take less than half the room in an index. Everybody else goes on with the texts.

use std::io::Write as _;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Binary;
use sync_protocol::id::RecordId;

use super::dialect::Listed;

/// An id as it is stored. What is no id stands as it is, and equals none.
pub fn stored(text: &str) -> Vec<u8> {
    let id = text.parse::<RecordId>();
    id.map_or_else(|_| text.as_bytes().to_vec(), |id| id.as_bytes().to_vec())
}

/// What a stored id is called.
pub fn named(stored: &[u8]) -> String {
    match stored.try_into() {
        Ok(bytes) => RecordId::from_bytes(bytes).to_string(),
        Err(_) => String::from_utf8_lossy(stored).into_owned(),
    }
}

/// An id out of the database.
#[derive(Debug)]
pub struct Stored(Vec<u8>);

impl<DB: Backend> Queryable<Binary, DB> for Stored
where
    Vec<u8>: FromSql<Binary, DB>,
{
    type Row = Vec<u8>;

    fn build(row: Vec<u8>) -> deserialize::Result<Self> {
        Ok(Self(row))
    }
}

impl From<Stored> for String {
    fn from(stored: Stored) -> Self {
        named(&stored.0)
    }
}

/// An id that is asked for among others.
#[derive(Debug, Clone)]
pub(super) struct Wanted([u8; 16]);

impl From<&RecordId> for Wanted {
    fn from(id: &RecordId) -> Self {
        Self(*id.as_bytes())
    }
}

impl serde::Serialize for Wanted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl ToSql<Binary, Pg> for Wanted {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

impl Listed for Wanted {
    type Sql = Binary;
    const OF_JSON: &str = "unhex(value)";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records;
    use crate::store::{Error, Store, StoreOptions, bulk, dialect, purged, trial};

    #[test]
    fn an_id_is_16_bytes_and_what_is_none_stays_what_it_is() {
        let text = "01a20099-0ebf-7a11-8c21-6f0f2a9d4b01";
        assert_eq!(stored(text).len(), 16);
        assert_eq!(named(&stored(text)), text);
        for odd in ["", "a", "01A20099-0EBF-7A11-8C21-6F0F2A9D4B01", "entry:王"] {
            assert_eq!(named(&stored(odd)), odd);
        }
    }

    #[test]
    fn stored_ids_sort_as_their_texts_do() {
        let ids = [
            [0; 16], [0x0f; 16], [0x10; 16], [0x9f; 16], [0xa0; 16], [0xff; 16],
        ];
        let texts = ids.map(|bytes| RecordId::from_bytes(bytes).to_string());
        assert!(texts.is_sorted());
        assert!(texts.map(|text| stored(&text)).is_sorted());
    }

    #[test]
    fn records_outlive_a_change_of_the_form_of_their_ids() {
        let ids = [[0x01; 16], [0xa9; 16]].map(RecordId::from_bytes);
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        store
            .write::<_, Error>(|c| {
                let rows = ids.map(trial::record_row);
                bulk::add_records(c, &rows)?;
                bulk::add_purged(c, &[RecordId::from_bytes([0x55; 16]).to_string()], 1)
            })
            .unwrap();
        store
            .ask(|c| {
                let before = records::standing(c, &ids)?;
                assert_eq!(before.len(), 2);
                dialect::revert_to(c, "0007")?;
                dialect::migrate(c)?;
                assert_eq!(records::standing(c, &ids)?, before);
                let gone = RecordId::from_bytes([0x55; 16]);
                assert_eq!(purged::among(c, &[ids[0], gone])?, [gone]);
                Ok(())
            })
            .unwrap();
    }
}
