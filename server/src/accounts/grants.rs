//! Giving and taking rights. An assignment 分包 is the grant of `grid_leader` on a grid. A grant
//! that is *ended* runs out by its date and still admits late work for some days; one that is
//! *revoked* admits nothing from that moment on.

use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::roles::READERS;
use super::{Actor, Error, Refusal, Role, malformed};
use crate::ledger::{Entry, Ledger};
use crate::store::areas::AreaRow;
use crate::store::grants::{self, NewGrant, PlacedGrant};
use crate::store::{Connection, accounts, areas};

/// A role to be given.
#[derive(Debug, Clone, Copy)]
pub struct NewAssignment<'a> {
    pub account: UserId,
    pub role: &'a str,
    pub area: &'a str,
    /// Now, if not given.
    pub from: Option<Millis>,
    pub until: Option<Millis>,
}

/// Gives a role to somebody whom the caller sees, or who never held any. Giving what is held already, to
/// the same date, changes nothing and returns the grant that is there.
pub fn give(
    c: &mut Connection,
    actor: Actor<'_>,
    new: &NewAssignment<'_>,
    now: Millis,
) -> Result<i64, Error> {
    let (place, held) = check(c, actor, new, now)?;
    let same = held.iter().find(|row| {
        let grant = &row.grant;
        !grant.is_over(now)
            && grant.role == new.role
            && grant.area == new.area
            && grant.until_at == new.until
            && grant.from_at <= new.from.unwrap_or(now)
    });
    if let Some(same) = same {
        return Ok(same.grant.id);
    }
    insert(c, actor, &place, new, now)
}

/// Where it is to be given, and what its receiver holds, if the caller may give it.
fn check(
    c: &mut Connection,
    actor: Actor<'_>,
    new: &NewAssignment<'_>,
    now: Millis,
) -> Result<((Role, AreaRow), Vec<PlacedGrant>), Error> {
    let place = place(c, actor, new)?;
    let row = accounts::by_id(c, new.account)?.ok_or(Refusal::Unknown("account"))?;
    let held = grants::of_account(c, new.account)?;
    // Whoever gives somebody a role sees them from then on, and stops their phones. So people of
    // another town are lent by those who stand above both places; a number alone is not enough.
    if !actor.may_lend(&held, now) {
        return Err(Refusal::Unknown("account").into());
    }
    // What is not allowed is to raise oneself.
    if actor.account() == Some(new.account) && !actor.may_manage(&held, now) {
        return Err(Refusal::Forbidden.into());
    }
    if !row.active {
        return Err(Refusal::AccountClosed.into());
    }
    Ok((place, held))
}

pub(super) fn give_new(
    c: &mut Connection,
    actor: Actor<'_>,
    new: &NewAssignment<'_>,
    now: Millis,
) -> Result<i64, Error> {
    let place = place(c, actor, new)?;
    insert(c, actor, &place, new, now)
}

/// The role and the area of what is to be given, if the caller may give it.
fn place(
    c: &mut Connection,
    actor: Actor<'_>,
    new: &NewAssignment<'_>,
) -> Result<(Role, AreaRow), Error> {
    let role = Role::parse(new.role).ok_or(malformed("role", "one of the roles that there are"))?;
    let area = areas::by_code(c, new.area)?.ok_or(Refusal::Unknown("area"))?;
    check_giver(actor, new.role, &area.path)?;
    if role == Role::GridLeader && area.level != "grid" {
        return Err(malformed("area", "a grid leader is assigned to a grid"));
    }
    Ok((role, area))
}

fn insert(
    c: &mut Connection,
    actor: Actor<'_>,
    (role, area): &(Role, AreaRow),
    new: &NewAssignment<'_>,
    now: Millis,
) -> Result<i64, Error> {
    let from = new.from.unwrap_or(now);
    if new.until.is_some_and(|until| until <= from || until <= now) {
        return Err(malformed("until", "later than from, and than now"));
    }
    Ok(grants::insert(
        c,
        &NewGrant {
            account: new.account,
            role: role.as_str(),
            area: &area.code,
            from_at: from,
            until_at: new.until,
            made_by: actor.account(),
            made_at: now,
        },
    )?)
}

/// Makes somebody the leader of a grid.
pub fn assign(
    c: &mut Connection,
    actor: Actor<'_>,
    account: UserId,
    grid: &str,
    from: Option<Millis>,
    until: Option<Millis>,
    now: Millis,
) -> Result<i64, Error> {
    let new = NewAssignment {
        account,
        role: Role::GridLeader.as_str(),
        area: grid,
        from,
        until,
    };
    give(c, actor, &new, now)
}

/// Hands a grid from one leader to another in one step, so that it is never without one. The
/// old leader's late work is still admitted for some days, unless the grants are revoked.
pub fn reassign(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    grid: &str,
    (from, to): (UserId, UserId),
    how: Ending,
    now: Millis,
) -> Result<i64, Error> {
    let leader = Role::GridLeader.as_str();
    let held: Vec<i64> = grants::at_area(c, leader, grid)?
        .into_iter()
        .filter(|grant| grant.user() == from && !grant.is_over(now))
        .map(|grant| grant.id)
        .collect();
    if held.is_empty() {
        return Err(Refusal::Unknown("assignment").into());
    }
    // Before anything is ended: what is written down in the ledger is done again at the next start, also
    // if nothing came of it here.
    let new = NewAssignment {
        account: to,
        role: leader,
        area: grid,
        from: Some(now),
        until: None,
    };
    check(c, actor, &new, now)?;
    for grant in held {
        match how {
            Ending::ByDate => end(c, ledger, actor, grant, now, now)?,
            Ending::Revoked => revoke(c, ledger, actor, grant, now)?,
        }
    }
    give(c, actor, &new, now)
}

/// How a grant stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    ByDate,
    Revoked,
}

/// Sets the date at which a grant runs out. A date that has passed is taken for now: nobody's
/// rights end in the past.
pub fn end(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    grant: i64,
    until: Millis,
    now: Millis,
) -> Result<(), Error> {
    let PlacedGrant { grant, .. } = givable(c, actor, grant)?;
    if grant.is_over(now) {
        return Err(malformed("until", "this grant is over; give a new one"));
    }
    let until = until.max(now);
    grants::set_until(c, grant.id, Some(until))?;
    let entry = Entry::GrantEnded {
        grant: grant.id,
        account: grant.account,
        role: grant.role,
        area: grant.area,
        until,
        at: now,
    };
    Ok(ledger.append(c, &entry)?)
}

/// Takes a grant away at once. Repeating it changes nothing.
pub fn revoke(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    grant: i64,
    now: Millis,
) -> Result<(), Error> {
    let PlacedGrant { grant, .. } = givable(c, actor, grant)?;
    if grants::revoke(c, grant.id, now)? {
        let entry = Entry::GrantRevoked {
            grant: grant.id,
            account: grant.account,
            role: grant.role,
            area: grant.area,
            at: now,
        };
        ledger.append(c, &entry)?;
    }
    Ok(())
}

/// A grant that the caller could give, and so may take.
fn givable(c: &mut Connection, actor: Actor<'_>, grant: i64) -> Result<PlacedGrant, Error> {
    let placed = grants::by_id(c, grant)?.ok_or(Refusal::Unknown("assignment"))?;
    check_giver(actor, &placed.grant.role, &placed.path).map_err(|refusal| {
        if actor.holds(READERS, &placed.path) {
            refusal
        } else {
            Refusal::Unknown("assignment")
        }
    })?;
    Ok(placed)
}

fn check_giver(actor: Actor<'_>, role: &str, path: &str) -> Result<(), Refusal> {
    let allowed = Role::parse(role).is_some_and(|role| actor.may_give(role, path));
    let sees = match actor {
        Actor::Person(reach) => reach.covers(path),
        Actor::CommandLine => true,
    };
    match (allowed, sees) {
        (true, _) => Ok(()),
        (false, true) => Err(Refusal::Forbidden),
        (false, false) => Err(Refusal::Unknown("area")),
    }
}
