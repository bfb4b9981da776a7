//! Exits: that a record has left a scope. Per scope a record has either a row or an exit.

use diesel::prelude::*;
use sync_protocol::Rev;
use sync_protocol::id::RecordId;

use super::schema::exit;
use super::{Connection, Error, from_rev};

/// An exit as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
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
    Ok(exit::table
        .filter(exit::scope_id.eq(scope_id))
        .filter(exit::head.gt(from_rev(head)))
        .order(exit::head)
        .limit(most)
        .select(ExitRow::as_select())
        .load(connection)?)
}

/// Takes the exit of a record away, because it is back.
pub fn delete(connection: &mut Connection, scope_id: i64, record: RecordId) -> Result<(), Error> {
    diesel::delete(exit::table.find((scope_id, record.to_string()))).execute(connection)?;
    Ok(())
}

/// Takes away what is older than `before`, returning per scope the greatest head taken: the
/// scope's floor rises to it.
pub fn expire(connection: &mut Connection, before: i64) -> Result<Vec<(i64, i64)>, Error> {
    use diesel::dsl::max;
    let floors: Vec<(i64, Option<i64>)> = exit::table
        .filter(exit::at.lt(before))
        .group_by(exit::scope_id)
        .select((exit::scope_id, max(exit::head)))
        .load(connection)?;
    diesel::delete(exit::table.filter(exit::at.lt(before))).execute(connection)?;
    Ok(floors
        .into_iter()
        .filter_map(|(scope, head)| Some((scope, head?)))
        .collect())
}
