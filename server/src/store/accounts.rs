//! Accounts: one person's login, name and password hash. Rights stand in `grants`.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::dialect::{self, Counter};
use super::reach::Reach;
use super::schema::{account, grants};
use super::{Connection, Error, areas};

/// A row of `account`, whole. It has no `Debug`, so that a password hash cannot get into a log.
#[derive(Clone, PartialEq, Eq, Queryable)]
pub struct AccountRow {
    pub id: i64,
    pub login: String,
    pub name: String,
    /// A PHC string; none for one who only uses phones.
    pub password: Option<String>,
    pub active: bool,
    pub created_at: i64,
    /// Sessions begun before this moment are over.
    pub sessions_from: i64,
}

impl AccountRow {
    pub const fn user(&self) -> UserId {
        UserId(self.id)
    }
}

pub fn by_id(c: &mut Connection, user: UserId) -> Result<Option<AccountRow>, Error> {
    Ok(account::table.find(user.0).first(c).optional()?)
}

pub fn by_login(c: &mut Connection, login: &str) -> Result<Option<AccountRow>, Error> {
    Ok(account::table
        .filter(account::login.eq(login))
        .first(c)
        .optional()?)
}

/// Makes an active account. The login must be free.
pub fn insert(
    c: &mut Connection,
    login: &str,
    name: &str,
    password: Option<&str>,
    now: Millis,
) -> Result<UserId, Error> {
    let id: i64 = diesel::insert_into(account::table)
        .values((
            account::login.eq(login),
            account::name.eq(name),
            account::password.eq(password),
            account::active.eq(true),
            account::created_at.eq(now),
            account::sessions_from.eq(now),
        ))
        .returning(account::id)
        .get_result(c)?;
    Ok(UserId(id))
}

/// Accounts, by number above `after`, that hold (or held) a grant where `reach` holds one of
/// `roles` now. A grant that begins later shows nobody, unless its person has held nothing before.
pub fn page(
    c: &mut Connection,
    (reach, now): (&Reach, Millis),
    roles: &[&str],
    after: i64,
    limit: i64,
) -> Result<Vec<AccountRow>, Error> {
    areas::merge_pages(
        &reach.paths(roles),
        limit,
        |row: &AccountRow| row.id,
        |path| {
            let here = || grants::area.eq_any(areas::codes_below(path.to_owned()));
            let holders = grants::table.filter(here()).select(grants::account);
            let begun = || {
                grants::table
                    .filter(grants::account.eq(account::id))
                    .filter(grants::from_at.le(now))
            };
            Ok(account::table
                .filter(account::id.gt(after))
                .filter(account::id.eq_any(holders))
                .filter(exists(begun().filter(here())).or(not(exists(begun()))))
                .order(account::id)
                .limit(limit)
                .load(c)?)
        },
    )
}

pub fn set_name(c: &mut Connection, user: UserId, name: &str) -> Result<(), Error> {
    diesel::update(account::table.find(user.0))
        .set(account::name.eq(name))
        .execute(c)?;
    Ok(())
}

/// Replaces the hash by one of the same password; sessions go on.
pub fn rehash(c: &mut Connection, user: UserId, hash: &str) -> Result<(), Error> {
    diesel::update(account::table.find(user.0))
        .set(account::password.eq(hash))
        .execute(c)?;
    Ok(())
}

/// A new password; sessions begun before `sessions_from` are over.
pub fn set_password(
    c: &mut Connection,
    user: UserId,
    hash: &str,
    sessions_from: Millis,
) -> Result<(), Error> {
    diesel::update(account::table.find(user.0))
        .set((
            account::password.eq(hash),
            account::sessions_from.eq(sessions_from),
        ))
        .execute(c)?;
    Ok(())
}

/// Closes or opens an account; either way its sessions are over.
pub fn set_active(
    c: &mut Connection,
    user: UserId,
    active: bool,
    sessions_from: Millis,
) -> Result<(), Error> {
    diesel::update(account::table.find(user.0))
        .set((
            account::active.eq(active),
            account::sessions_from.eq(sessions_from),
        ))
        .execute(c)?;
    Ok(())
}

/// Takes a number back into use for an account that is not known any more: closed, nameless.
pub fn insert_closed(c: &mut Connection, user: UserId, now: Millis) -> Result<(), Error> {
    let label = format!("restored-{}", user.0);
    diesel::insert_into(account::table)
        .values((
            account::id.eq(user.0),
            account::login.eq(&label),
            account::name.eq(&label),
            account::active.eq(false),
            account::created_at.eq(now),
            account::sessions_from.eq(now),
        ))
        .execute(c)?;
    dialect::number_was_given(c, Counter::Account)
}

/// Takes a password away that was changed at a moment after this copy of it; false if this one is
/// as new as that moment.
pub fn forget_password(
    c: &mut Connection,
    user: UserId,
    sessions_from: Millis,
) -> Result<bool, Error> {
    let nothing: Option<String> = None;
    let changed = diesel::update(
        account::table
            .filter(account::id.eq(user.0))
            .filter(account::sessions_from.lt(sessions_from)),
    )
    .set((
        account::password.eq(nothing),
        account::sessions_from.eq(sessions_from),
    ))
    .execute(c)?;
    Ok(changed > 0)
}

pub fn count(c: &mut Connection) -> Result<i64, Error> {
    Ok(account::table.count().get_result(c)?)
}
