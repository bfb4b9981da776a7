//! Values that lost. Never changed, only purged with their record.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::schema::history;
use super::{Connection, Error};

/// A value that lost, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = history)]
pub struct NewHistory {
    pub record: String,
    pub field: String,
    pub rev: i64,
    pub stamp: String,
    pub device: i64,
    pub seq: i64,
    pub account: i64,
    pub at: i64,
    pub value: Vec<u8>,
}

/// A value that lost.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = history)]
pub struct HistoryRow {
    pub id: i64,
    pub record: String,
    pub field: String,
    pub rev: i64,
    pub stamp: String,
    pub device: i64,
    pub seq: i64,
    pub account: i64,
    pub at: i64,
    pub value: Vec<u8>,
}

/// What lost in a record, oldest first.
pub fn of(connection: &mut Connection, record: RecordId) -> Result<Vec<HistoryRow>, Error> {
    Ok(history::table
        .filter(history::record.eq(record.to_string()))
        .order(history::id)
        .select(HistoryRow::as_select())
        .load(connection)?)
}

/// Forgets what lost in these records.
pub fn delete(connection: &mut Connection, records: &[String]) -> Result<(), Error> {
    diesel::delete(history::table.filter(history::record.eq_any(records))).execute(connection)?;
    Ok(())
}

/// The numbers of a device's changes of which something lost.
pub fn seqs_of(connection: &mut Connection, device: i64) -> Result<Vec<u64>, Error> {
    let seqs: Vec<i64> = history::table
        .filter(history::device.eq(device))
        .select(history::seq)
        .distinct()
        .load(connection)?;
    Ok(seqs.into_iter().map(super::to_rev).collect())
}
