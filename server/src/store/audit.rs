//! Who looked at whose data: written before the reply leaves.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::schema::{audit, grants, scope};
use super::{Connection, Error, Reach, areas};

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
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct AuditRow {
    pub id: i64,
    pub at: i64,
    pub account: i64,
    pub device: Option<i64>,
    pub action: String,
    /// The name of the scope.
    pub scope: Option<String>,
    pub from_head: Option<i64>,
    pub to_head: Option<i64>,
    pub record: Option<String>,
    pub count: i64,
    pub purpose: Option<String>,
}

/// Looks on record, newest last, after `after`, that concern an auditor: at what lies in their
/// areas, and such as found nothing (or spoke of no one place) by somebody who held a role there
/// at the time. What the same people looked at elsewhere concerns the auditors there.
pub fn list(
    connection: &mut Connection,
    auditor: &Reach,
    roles: &[&str],
    after: i64,
    most: i64,
) -> Result<Vec<AuditRow>, Error> {
    areas::merge_pages(
        &auditor.paths(roles),
        most,
        |row: &AuditRow| row.id,
        |path| {
            let held_then = grants::table
                .filter(grants::account.eq(audit::account))
                .filter(grants::area.eq_any(areas::codes_below(path.to_owned())))
                .filter(grants::from_at.le(audit::at))
                .filter(
                    grants::until_at
                        .is_null()
                        .or(grants::until_at.gt(audit::at.nullable())),
                )
                .filter(
                    grants::revoked_at
                        .is_null()
                        .or(grants::revoked_at.gt(audit::at.nullable())),
                );
            Ok(audit::table
                .left_join(scope::table.on(scope::id.nullable().eq(audit::scope_id)))
                .filter(audit::id.gt(after))
                .filter(
                    scope::area
                        .nullable()
                        .eq_any(areas::codes_below(path.to_owned()).nullable())
                        .or(audit::scope_id.is_null().and(exists(held_then))),
                )
                .order(audit::id)
                .limit(most)
                .select((
                    audit::id,
                    audit::at,
                    audit::account,
                    audit::device,
                    audit::action,
                    scope::name.nullable(),
                    audit::from_head,
                    audit::to_head,
                    audit::record,
                    audit::count,
                    audit::purpose,
                ))
                .load(connection)?)
        },
    )
}
