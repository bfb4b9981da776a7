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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Hold {
    path: String,
    role: String,
    /// Ran out by its date, at most [`LATE_DAYS`] ago: reads nothing, admits own late work.
    late: bool,
}

/// What one person may see and do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    account: UserId,
    holds: Vec<Hold>,
}

/// What one person may do now, and where what concerns them is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub reach: Reach,
    /// The node of their oldest grant that runs, or, where none does, of their newest. Whoever gives
    /// somebody one more role does not draw that to themselves.
    pub home: Option<String>,
}

/// A grant, and whether its owner's account is open.
#[derive(Queryable)]
struct GrantRow {
    account: i64,
    is_open: bool,
    role: String,
    area: String,
    path: String,
    from: i64,
    until: Option<i64>,
    revoked: Option<i64>,
}

impl GrantRow {
    fn has_begun(&self, now: Millis) -> bool {
        self.revoked.is_none() && self.from <= now
    }

    fn is_over(&self, now: Millis) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// What is held by it, if anything.
    fn hold(self, now: Millis) -> Option<Hold> {
        let late = self.is_over(now);
        let admits = self.is_open && self.has_begun(now);
        (admits && !self.is_over(now - LATE_DAYS * DAY_MS)).then_some(Hold {
            path: self.path,
            role: self.role,
            late,
        })
    }
}

impl Person {
    /// Reads what these accounts may do now.
    pub fn all(
        connection: &mut Connection,
        accounts: &[i64],
        now: Millis,
    ) -> Result<HashMap<i64, Self>, Error> {
        let rows: Vec<GrantRow> = each!(connection, inner => grants::table
                .inner_join(area::table.on(area::code.eq(grants::area)))
                .inner_join(account::table.on(account::id.eq(grants::account)))
                .filter(among(grants::account, accounts))
                .order(grants::id)
                .select((
                    grants::account,
                    account::active,
                    grants::role,
                    grants::area,
                    area::path,
                    grants::from_at,
                    grants::until_at,
                    grants::revoked_at,
                ))
                .load(inner))?;
        let mut homes: HashMap<i64, (bool, String)> = HashMap::new();
        let mut holds: HashMap<i64, Vec<Hold>> = HashMap::new();
        for row in rows {
            let runs = row.has_begun(now) && !row.is_over(now);
            let home = homes.entry(row.account).or_default();
            if !home.0 {
                *home = (runs, row.area.clone());
            }
            let held = holds.entry(row.account).or_default();
            held.extend(row.hold(now));
        }
        let mut people = HashMap::with_capacity(accounts.len());
        for account in accounts {
            people.entry(*account).or_insert_with(|| {
                let holds = holds.remove(account).unwrap_or_default();
                let home = homes.remove(account).map(|(_, area)| area);
                let reach = Reach::new(UserId(*account), holds);
                Self { reach, home }
            });
        }
        Ok(people)
    }
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
        let person = Person::all(connection, &[user.0], now)?.remove(&user.0);
        Ok(person.map_or_else(|| Self::new(user, Vec::new()), |person| person.reach))
    }

    fn new(account: UserId, mut holds: Vec<Hold>) -> Self {
        holds.sort_unstable();
        Self { account, holds }
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
