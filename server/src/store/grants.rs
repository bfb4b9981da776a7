//! Grants: who holds which role in which area, from when until when. Who may give one is decided
//! in `accounts::grants`; what a person may do now is read by [`Reach`].

use diesel::prelude::*;
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::reach::Reach;
use super::schema::{area, grants};
use super::{Connection, Error, areas};

/// A row of `grants`, whole.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct GrantRow {
    pub id: i64,
    pub account: i64,
    pub role: String,
    pub area: String,
    pub from_at: i64,
    pub until_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub made_by: Option<i64>,
    pub made_at: i64,
}

impl GrantRow {
    pub const fn user(&self) -> UserId {
        UserId(self.account)
    }

    /// Neither revoked nor run out. One that begins later is not over.
    pub fn is_over(&self, now: Millis) -> bool {
        self.revoked_at.is_some() || self.until_at.is_some_and(|until| until <= now)
    }
}

/// A grant and the path of its area.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct PlacedGrant {
    pub grant: GrantRow,
    pub path: String,
}

/// A grant before it has a number.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant<'a> {
    pub account: UserId,
    pub role: &'a str,
    pub area: &'a str,
    pub from_at: Millis,
    pub until_at: Option<Millis>,
    /// None for the command line.
    pub made_by: Option<UserId>,
    pub made_at: Millis,
}

pub fn insert(c: &mut Connection, new: &NewGrant<'_>) -> Result<i64, Error> {
    Ok(diesel::insert_into(grants::table)
        .values((
            grants::account.eq(new.account.0),
            grants::role.eq(new.role),
            grants::area.eq(new.area),
            grants::from_at.eq(new.from_at),
            grants::until_at.eq(new.until_at),
            grants::made_by.eq(new.made_by.map(|user| user.0)),
            grants::made_at.eq(new.made_at),
        ))
        .returning(grants::id)
        .get_result(c)?)
}

pub fn by_id(c: &mut Connection, id: i64) -> Result<Option<PlacedGrant>, Error> {
    Ok(grants::table
        .inner_join(area::table.on(area::code.eq(grants::area)))
        .filter(grants::id.eq(id))
        .select((grants::all_columns, area::path))
        .first(c)
        .optional()?)
}

/// All grants of an account, those that are over included, in the order they were made.
pub fn of_account(c: &mut Connection, user: UserId) -> Result<Vec<PlacedGrant>, Error> {
    Ok(grants::table
        .inner_join(area::table.on(area::code.eq(grants::area)))
        .filter(grants::account.eq(user.0))
        .order(grants::id)
        .select((grants::all_columns, area::path))
        .load(c)?)
}

/// Grants that are not revoked, of this role on this very node.
pub fn at_area(c: &mut Connection, role: &str, code: &str) -> Result<Vec<GrantRow>, Error> {
    Ok(grants::table
        .filter(grants::role.eq(role))
        .filter(grants::area.eq(code))
        .filter(grants::revoked_at.is_null())
        .order(grants::id)
        .load(c)?)
}

/// What to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    pub account: Option<UserId>,
    pub area: Option<&'a str>,
    pub role: Option<&'a str>,
    /// Leave out what is over at this moment.
    pub open_at: Option<Millis>,
}

/// Grants, by number above `after`, in areas where `reach` holds one of `roles` now; the reader's
/// own are always among them.
pub fn page(
    c: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    filter: Filter<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<GrantRow>, Error> {
    let filtered = |filter: Filter<'_>| {
        let mut query = grants::table.filter(grants::id.gt(after)).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(grants::account.eq(account.0));
        }
        if let Some(area) = filter.area {
            query = query.filter(grants::area.eq(area.to_owned()));
        }
        if let Some(role) = filter.role {
            query = query.filter(grants::role.eq(role.to_owned()));
        }
        if let Some(now) = filter.open_at {
            query = query.filter(grants::revoked_at.is_null()).filter(
                grants::until_at
                    .is_null()
                    .or(grants::until_at.assume_not_null().gt(now)),
            );
        }
        query.order(grants::id).limit(limit)
    };
    let own = reach.account().0;
    let own: Vec<GrantRow> = filtered(filter).filter(grants::account.eq(own)).load(c)?;
    let mut rows = areas::merge_pages(
        &reach.paths(roles),
        limit,
        |row: &GrantRow| row.id,
        |path| {
            Ok(filtered(filter)
                .filter(grants::area.eq_any(areas::codes_below(path.to_owned())))
                .load(c)?)
        },
    )?;
    rows.extend(own);
    rows.sort_unstable_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    rows.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(rows)
}

/// Sets the date at which a grant runs out.
pub fn set_until(c: &mut Connection, id: i64, until: Option<Millis>) -> Result<(), Error> {
    diesel::update(grants::table.find(id))
        .set(grants::until_at.eq(until))
        .execute(c)?;
    Ok(())
}

/// Revokes a grant; the first moment stays.
pub fn revoke(c: &mut Connection, id: i64, now: Millis) -> Result<bool, Error> {
    let changed = diesel::update(
        grants::table
            .filter(grants::id.eq(id))
            .filter(grants::revoked_at.is_null()),
    )
    .set(grants::revoked_at.eq(now))
    .execute(c)?;
    Ok(changed > 0)
}
