//! Who looked at whose data: written before the reply leaves.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::schema::{audit, grants, parked, scope};
use super::{Connection, Error, Reach, areas};

/// The action of a look at one change that is kept aside. In place of heads it has the number of that
/// change.
pub const PARKED: &str = "parked";

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
/// areas, or is kept aside there, and such as found nothing (or spoke of no one place) by somebody who
/// held a role there at the time. What the same people looked at elsewhere concerns the auditors there.
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
            let kept_there = parked::table
                .filter(parked::id.nullable().eq(audit::from_head))
                .filter(parked::area.eq_any(areas::codes_below(path.to_owned()).nullable()));
            let one_aside = || audit::action.eq(PARKED).and(audit::from_head.is_not_null());
            Ok(audit::table
                .left_join(scope::table.on(scope::id.nullable().eq(audit::scope_id)))
                .filter(audit::id.gt(after))
                .filter(
                    scope::area
                        .nullable()
                        .eq_any(areas::codes_below(path.to_owned()).nullable())
                        .or(audit::scope_id.is_null().and(
                            one_aside()
                                .and(exists(kept_there))
                                .or(not(one_aside()).and(exists(held_then))),
                        )),
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
