//! Reach: what one person may see and do, and the only way to read what others wrote.
//!
//! Made from the grants in the database at each request, in the same transaction as what it
//! limits; never kept, never taken from a token. A query over records, parked changes, alerts or
//! the audit takes a `&Reach`, so that a forgotten check does not compile.

use diesel::prelude::*;
use std::collections::HashMap;
use sync_protocol::Millis;
use sync_protocol::id::UserId;
use sync_protocol::wire::LATE_DAYS;

use super::dialect::{among, each};
use super::schema::{account, area, grants};
use super::{Connection, Error};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A role held in an area and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hold {
    role: String,
    path: String,
    /// Ran out by its date, at most [`LATE_DAYS`] ago: reads nothing, admits own late work.
    late: bool,
}

/// What one person may see and do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    account: UserId,
    holds: Vec<Hold>,
}

/// Whose grant, where, and from when until when; and when it was revoked.
type Lasting = (i64, String, i64, Option<i64>, Option<i64>);

/// The node of each account's oldest grant that runs, or, where none does, of its newest: where what
/// concerns its owner is shown. Whoever gives somebody one more role does not draw that to themselves.
pub fn homes(
    connection: &mut Connection,
    accounts: &[i64],
    now: Millis,
) -> Result<HashMap<i64, String>, Error> {
    let rows: Vec<Lasting> = each!(connection, inner => grants::table
            .filter(among(grants::account, accounts))
            .order(grants::id)
            .select((
                grants::account,
                grants::area,
                grants::from_at,
                grants::until_at,
                grants::revoked_at,
            ))
            .load(inner))?;
    let mut homes: HashMap<i64, (bool, String)> = HashMap::new();
    for (account, area, from, until, revoked) in rows {
        let runs = revoked.is_none() && from <= now && until.is_none_or(|until| until > now);
        let home = homes.entry(account).or_default();
        if !home.0 {
            *home = (runs, area);
        }
    }
    Ok(homes
        .into_iter()
        .map(|(account, (_, area))| (account, area))
        .collect())
}

/// On what ground somebody may write at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A grant that holds now.
    Current,
    /// A grant that ran out by its date a few days ago: own work only, marked late.
    Late,
    /// None.
    Nothing,
}

impl Reach {
    /// Reads what `user` may do now. An account that is closed, or does not exist, reaches nothing.
    pub fn of(connection: &mut Connection, user: UserId, now: Millis) -> Result<Self, Error> {
        let mut all = Self::of_all(connection, &[user.0], now)?;
        Ok(all.remove(&user.0).unwrap_or(Self {
            account: user,
            holds: Vec::new(),
        }))
    }

    /// Reads what each of these accounts may do now.
    pub fn of_all(
        connection: &mut Connection,
        accounts: &[i64],
        now: Millis,
    ) -> Result<HashMap<i64, Self>, Error> {
        let rows: Vec<(i64, String, String, Option<i64>)> = each!(connection, inner => grants::table
                .inner_join(area::table.on(area::code.eq(grants::area)))
                .inner_join(account::table.on(account::id.eq(grants::account)))
                .filter(among(grants::account, accounts))
                .filter(account::active.eq(true))
                .filter(grants::revoked_at.is_null())
                .filter(grants::from_at.le(now))
                .filter(
                    grants::until_at
                        .is_null()
                        .or(grants::until_at.gt(now - LATE_DAYS * DAY_MS)),
                )
                .order((area::path, grants::role))
                .select((grants::account, grants::role, area::path, grants::until_at))
                .load(inner))?;
        let nobody = |account: &i64| {
            let account = UserId(*account);
            let holds = Vec::new();
            (account.0, Self { account, holds })
        };
        let mut all: HashMap<i64, Self> = accounts.iter().map(nobody).collect();
        for (account, role, path, until) in rows {
            let late = until.is_some_and(|until| until <= now);
            if let Some(reach) = all.get_mut(&account) {
                reach.holds.push(Hold { role, path, late });
            }
        }
        Ok(all)
    }

    /// Whose reach this is.
    pub const fn account(&self) -> UserId {
        self.account
    }

    /// The roles held now at the node with this path, in order, each once.
    pub fn roles_at(&self, path: &str) -> Vec<&str> {
        let mut roles: Vec<&str> = self
            .current()
            .filter(|hold| path.starts_with(&hold.path))
            .map(|hold| hold.role.as_str())
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Whether any role is held now at the node with this path.
    pub fn covers(&self, path: &str) -> bool {
        self.current().any(|hold| path.starts_with(&hold.path))
    }

    /// Whether one of `roles` is held now at the node with this path.
    pub fn holds(&self, roles: &[&str], path: &str) -> bool {
        self.current()
            .any(|hold| path.starts_with(&hold.path) && roles.contains(&hold.role.as_str()))
    }

    /// Whether one of `roles` is held now anywhere.
    pub fn holds_anywhere(&self, roles: &[&str]) -> bool {
        self.current()
            .any(|hold| roles.contains(&hold.role.as_str()))
    }

    /// On what ground one of `roles` may write at the node with this path.
    pub fn ground(&self, roles: &[&str], path: &str) -> Ground {
        let mut best = Ground::Nothing;
        for hold in self
            .holds
            .iter()
            .filter(|hold| path.starts_with(&hold.path) && roles.contains(&hold.role.as_str()))
        {
            if !hold.late {
                return Ground::Current;
            }
            best = Ground::Late;
        }
        best
    }

    /// The areas where one of `roles` is held now, as path prefixes, none inside another.
    pub fn paths(&self, roles: &[&str]) -> Vec<&str> {
        let mut paths: Vec<&str> = self
            .current()
            .filter(|hold| roles.contains(&hold.role.as_str()))
            .map(|hold| hold.path.as_str())
            .collect();
        paths.sort_unstable();
        paths.dedup_by(|inner, outer| inner.starts_with(*outer));
        paths
    }

    /// Every (path, role) held now: what a hash of the grants is made of.
    pub fn held(&self) -> impl Iterator<Item = (&str, &str)> {
        self.current()
            .map(|hold| (hold.path.as_str(), hold.role.as_str()))
    }

    fn current(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| !hold.late)
    }
}

/// How somebody came to hold a place no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// They never did.
    Never,
    /// The grant ran out by its date.
    RanOut,
    /// The grant was taken away.
    Revoked,
}

/// How `user` came to hold the node with this path no more.
pub fn lapse(
    connection: &mut Connection,
    user: UserId,
    path: &str,
    now: Millis,
) -> Result<Lapse, Error> {
    let rows: Vec<(String, Option<i64>, Option<i64>)> = grants::table
        .inner_join(area::table.on(area::code.eq(grants::area)))
        .filter(grants::account.eq(user.0))
        .order(grants::id.desc())
        .select((area::path, grants::revoked_at, grants::until_at))
        .load(connection)?;
    let newest = rows
        .into_iter()
        .find(|(above, _, _)| path.starts_with(above));
    Ok(match newest {
        Some((_, Some(_), _)) => Lapse::Revoked,
        Some((_, None, Some(until))) if until <= now => Lapse::RanOut,
        _ => Lapse::Never,
    })
}

/// Whether anybody else now holds just this node.
pub fn held_by_others(
    connection: &mut Connection,
    user: UserId,
    path: &str,
    now: Millis,
) -> Result<bool, Error> {
    let holders: i64 = grants::table
        .inner_join(area::table.on(area::code.eq(grants::area)))
        .filter(area::path.eq(path))
        .filter(grants::account.ne(user.0))
        .filter(grants::revoked_at.is_null())
        .filter(grants::from_at.le(now))
        .filter(grants::until_at.is_null().or(grants::until_at.gt(now)))
        .count()
        .get_result(connection)?;
    Ok(holders > 0)
}
