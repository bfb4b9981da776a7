//! Exits: that a record has left a scope. Per scope a record has either a row or an exit.

use diesel::prelude::*;
use sync_protocol::id::RecordId;
use sync_protocol::{Millis, Rev};

use super::dialect::each;
use super::schema::exit;
use super::{Connection, Error, from_rev};

/// An exit as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = exit)]
pub struct ExitRow {
    pub scope_id: i64,
    pub record: String,
    pub head: i64,
    pub reason: String,
    pub to_scope: Option<i64>,
    pub at: i64,
}

/// What left a scope above a head, in head order.
pub fn above(
    connection: &mut Connection,
    scope_id: i64,
    head: Rev,
    most: i64,
) -> Result<Vec<ExitRow>, Error> {
    Ok(each!(connection, inner => exit::table
        .filter(exit::scope_id.eq(scope_id))
        .filter(exit::head.gt(from_rev(head)))
        .order(exit::head)
        .limit(most)
        .select(ExitRow::as_select())
        .load(inner))?)
}

/// Takes the exit of a record away, because it is back.
pub fn delete(connection: &mut Connection, scope_id: i64, record: RecordId) -> Result<(), Error> {
    diesel::delete(exit::table.find((scope_id, record.to_string()))).execute(connection)?;
    Ok(())
}

/// Takes away what is older than `before`, the oldest first and about `most` of it, and says how many. A
/// phone that has not seen them yet learns from the digest that it holds what has left.
pub fn expire(connection: &mut Connection, before: Millis, most: usize) -> Result<usize, Error> {
    let last: Option<i64> = exit::table
        .filter(exit::at.lt(before))
        .order(exit::at)
        .offset(i64::try_from(most).unwrap_or(i64::MAX).saturating_sub(1))
        .select(exit::at)
        .first(connection)
        .optional()?;
    let old = exit::table.filter(exit::at.le(last.unwrap_or(before - 1)));
    Ok(diesel::delete(old).execute(connection)?)
}
