//! Who looked at whose data: written before the reply leaves.

use diesel::prelude::*;

use super::schema::audit;
use super::{Connection, Error};

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = audit)]
pub struct Look {
    pub at: i64,
    pub account: i64,
    pub device: Option<i64>,
    /// `pull`, `search`, `look_up`, `read`, `export`…
    pub action: String,
    pub scope_id: Option<i64>,
    pub from_head: Option<i64>,
    pub to_head: Option<i64>,
    pub record: Option<String>,
    /// Records that were shown.
    pub count: i64,
    pub purpose: Option<String>,
}

/// A look that is on record.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub struct AuditRow {
    pub id: i64,
    pub at: i64,
    pub account: i64,
    pub device: Option<i64>,
    pub action: String,
    pub scope_id: Option<i64>,
    pub from_head: Option<i64>,
    pub to_head: Option<i64>,
    pub record: Option<String>,
    pub count: i64,
    pub purpose: Option<String>,
}

/// Puts looks on record.
pub fn write(connection: &mut Connection, looks: &[Look]) -> Result<(), Error> {
    for look in looks {
        diesel::insert_into(audit::table)
            .values(look)
            .execute(connection)?;
    }
    Ok(())
}

/// Looks on record, newest last, after `after`. For auditors.
pub fn list(
    connection: &mut Connection,
    _auditor: &super::Reach,
    after: i64,
    most: i64,
) -> Result<Vec<AuditRow>, Error> {
    Ok(audit::table
        .filter(audit::id.gt(after))
        .order(audit::id)
        .limit(most)
        .select(AuditRow::as_select())
        .load(connection)?)
}
