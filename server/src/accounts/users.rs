//! Accounts: made together with a first grant, so that nobody exists outside every reach; closed
//! rather than deleted, because what somebody wrote keeps their number.

use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::grants::{self, NewAssignment};
use super::{Actor, Error, Refusal, check_name, malformed};
use crate::ledger::{Entry, Ledger};
use crate::store::accounts::{self, AccountRow};
use crate::store::grants::of_account;
use crate::store::{Connection, enrolments};

/// An account to be. The password comes hashed: hashing takes long and is done outside the
/// transaction.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    pub login: &'a str,
    pub name: &'a str,
    pub password_hash: Option<&'a str>,
    pub role: &'a str,
    pub area: &'a str,
    pub from: Option<Millis>,
    pub until: Option<Millis>,
}

/// Logins are lower case, so that one person has one.
pub fn check_login(login: &str) -> Result<(), Error> {
    let fits = login
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'));
    if !fits || !(2..=64).contains(&login.len()) {
        return Err(malformed("login", "2 to 64 of a-z 0-9 . _ -"));
    }
    Ok(())
}

/// Makes an account with its first grant; returns both numbers.
pub fn create(
    c: &mut Connection,
    actor: Actor<'_>,
    new: &NewUser<'_>,
    now: Millis,
) -> Result<(UserId, i64), Error> {
    check_login(new.login)?;
    check_name("name", new.name)?;
    if accounts::by_login(c, new.login)?.is_some() {
        return Err(Refusal::Taken("login").into());
    }
    let user = accounts::insert(c, new.login, new.name, new.password_hash, now)?;
    let assignment = NewAssignment {
        account: user,
        role: new.role,
        area: new.area,
        from: new.from,
        until: new.until,
    };
    let grant = grants::give_new(c, actor, &assignment, now)?;
    Ok((user, grant))
}

/// The account, if the caller may act for its person.
pub fn managed(
    c: &mut Connection,
    actor: Actor<'_>,
    user: UserId,
    now: Millis,
) -> Result<AccountRow, Error> {
    let row = accounts::by_id(c, user)?.ok_or(Refusal::Unknown("account"))?;
    actor.manage(&of_account(c, user)?, now)?;
    Ok(row)
}

/// Sets somebody's password; all sessions of the account are over. The owner may do so having
/// shown the old one, which the caller has compared before.
pub fn set_password(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    user: UserId,
    hash: &str,
    now: Millis,
) -> Result<(), Error> {
    if actor.account() != Some(user) {
        managed(c, actor, user, now)?;
    }
    let row = accounts::by_id(c, user)?.ok_or(Refusal::Unknown("account"))?;
    accounts::set_password(c, user, hash, end_of_sessions(&row, now))?;
    let entry = Entry::Password {
        account: user.0,
        at: now,
    };
    Ok(ledger.append(c, &entry)?)
}

/// Closes an account, or opens it again. Closing ends its sessions and unused codes; what its
/// phones still hold is parked when it comes.
pub fn set_active(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    user: UserId,
    active: bool,
    now: Millis,
) -> Result<(), Error> {
    let row = managed(c, actor, user, now)?;
    if actor.account() == Some(user) && !active {
        return Err(malformed("active", "nobody closes their own account"));
    }
    if row.active == active {
        return Ok(());
    }
    accounts::set_active(c, user, active, end_of_sessions(&row, now))?;
    if !active {
        enrolments::drop_open(c, user.0)?;
    }
    let entry = Entry::Account {
        account: user.0,
        active,
        at: now,
    };
    Ok(ledger.append(c, &entry)?)
}

pub fn set_name(
    c: &mut Connection,
    actor: Actor<'_>,
    user: UserId,
    name: &str,
    now: Millis,
) -> Result<(), Error> {
    check_name("name", name)?;
    managed(c, actor, user, now)?;
    Ok(accounts::set_name(c, user, name)?)
}

/// Ends every session of the account, on all machines.
pub fn sign_out(c: &mut Connection, user: UserId, now: Millis) -> Result<(), Error> {
    let row = accounts::by_id(c, user)?.ok_or(Refusal::Unknown("account"))?;
    Ok(accounts::set_active(
        c,
        user,
        row.active,
        end_of_sessions(&row, now),
    )?)
}

/// Every session begun up to now is before this.
fn end_of_sessions(row: &AccountRow, now: Millis) -> Millis {
    row.sessions_from.max(now.saturating_add(1))
}
