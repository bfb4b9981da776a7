//! How a phone gets its number. With a one-time code, made by somebody who may act for the
//! account; or, when two copies of one phone have parted, with the old token, onto the same line.
//! The phone chooses its token and sends only the hash; repeating a request gives the same number,
//! because replies get lost.

use sync_protocol::Millis;
use sync_protocol::id::{DeviceNumber, UserId};

use super::codes::Code;
use super::devices::put_state;
use super::{Actor, Error, Refusal, check_name, hex, users};
use crate::ledger::{Entry, Ledger};
use crate::store::alerts::{self, Alert};
use crate::store::devices::{self, DeviceRow, DeviceState, Leaving, NewDevice};
use crate::store::enrolments::{self, EnrolmentRow};
use crate::store::reach::Person;
use crate::store::{Connection, accounts};

const MINUTE: Millis = 60 * 1000;
/// How long a code is good for, unless somebody asks for another time.
pub const DEFAULT_MINUTES: u32 = 10;
/// A code that lies around for longer than a day is a password on paper.
pub const MOST_MINUTES: u32 = 24 * 60;
/// Numbers on one line; a phone that parts more often has another fault.
const MOST_ON_A_LINE: usize = 256;
/// Unused codes are forgotten after this long.
const KEPT_FOR: Millis = 7 * 24 * 60 * MINUTE;

/// What a phone hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    pub device: DeviceNumber,
    pub line: DeviceNumber,
    pub account: UserId,
    /// False when this request was answered before.
    pub new: bool,
}

impl Enrolled {
    fn of(row: &DeviceRow, new: bool) -> Self {
        Self {
            device: row.device(),
            line: DeviceNumber(u32::try_from(row.line).unwrap_or(u32::MAX)),
            account: row.user(),
            new,
        }
    }
}

/// Makes a code for an account; returns when it ends. Only its hash is kept.
pub fn make_code(
    c: &mut Connection,
    actor: Actor<'_>,
    user: UserId,
    code: &Code,
    minutes: u32,
    now: Millis,
) -> Result<Millis, Error> {
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(super::malformed("minutes", "1 to 1440"));
    }
    let account = users::managed(c, actor, user, now)?;
    if !account.active {
        return Err(Refusal::AccountClosed.into());
    }
    enrolments::sweep(c, now - KEPT_FOR)?;
    let expires_at = now + i64::from(minutes) * MINUTE;
    let row = EnrolmentRow {
        code_hash: code.hash().to_vec(),
        account: user.0,
        made_by: actor.account().map_or(0, |user| user.0),
        made_at: now,
        expires_at,
        used_at: None,
        device: None,
    };
    enrolments::insert(c, &row)?;
    Ok(expires_at)
}

/// Redeems a code: exactly one device, however often and by however many it is tried.
pub fn enrol(
    c: &mut Connection,
    ledger: &Ledger,
    code: &Code,
    token_hash: &[u8; 32],
    name: &str,
    now: Millis,
) -> Result<Enrolled, Error> {
    check_name("name", name)?;
    let code = enrolments::by_code(c, &code.hash())?.ok_or(Refusal::CodeUnknown)?;
    if let Some(row) = devices::by_token(c, token_hash)? {
        if code.device == Some(row.number) {
            return Ok(Enrolled::of(&row, false));
        }
        return Err(Refusal::Taken("token_hash").into());
    }
    if code.used_at.is_some() {
        return Err(Refusal::CodeUsed.into());
    }
    if now >= code.expires_at {
        return Err(Refusal::CodeExpired.into());
    }
    let account = UserId(code.account);
    if !accounts::by_id(c, account)?.is_some_and(|row| row.active) {
        return Err(Refusal::AccountClosed.into());
    }
    let new = NewDevice {
        account,
        token_hash,
        name,
        leaves: None,
        now,
    };
    let row = devices::insert(c, &new)?;
    if !enrolments::spend(c, &code.code_hash, row.number, now)? {
        return Err(Refusal::CodeUsed.into());
    }
    ledger.append(c, &entry(&row, Some(&code.code_hash), now))?;
    Ok(Enrolled::of(&row, true))
}

/// Gives one of two parted copies a number of its own on the same line. The old token stays good,
/// so that the other copy goes on or leaves the same way; somebody is told, because the cause may
/// be a stolen copy. A revoked phone stays revoked.
pub fn leave_fork(
    c: &mut Connection,
    ledger: &Ledger,
    old: &DeviceRow,
    token_hash: &[u8; 32],
    knew: u64,
    name: Option<&str>,
    now: Millis,
) -> Result<Enrolled, Error> {
    let name = name.unwrap_or(&old.name);
    check_name("name", name)?;
    if old.state() == DeviceState::Blocked {
        return Err(Refusal::DeviceBlocked.into());
    }
    if let Some(row) = devices::by_token(c, token_hash)? {
        if row.line == old.line && row.number != old.number {
            return Ok(Enrolled::of(&row, false));
        }
        return Err(Refusal::Taken("token_hash").into());
    }
    let row = part(c, ledger, old, token_hash, knew, name, old.state(), now)?;
    tell(c, old, &row, now)?;
    Ok(Enrolled::of(&row, true))
}

/// A number on a phone's line for what was carried here in a file. No copy of the phone uses it, so
/// nobody is told of a fork. What a blocked phone held is taken, and kept aside.
pub fn hand_in_beside(
    c: &mut Connection,
    ledger: &Ledger,
    old: &DeviceRow,
    token_hash: &[u8; 32],
    knew: u64,
    now: Millis,
) -> Result<Enrolled, Error> {
    if let Some(row) = devices::by_token(c, token_hash)? {
        return Ok(Enrolled::of(&row, false));
    }
    let state = match old.state() {
        DeviceState::Blocked => DeviceState::PushOnly,
        state => state,
    };
    let row = part(c, ledger, old, token_hash, knew, &old.name, state, now)?;
    Ok(Enrolled::of(&row, true))
}

/// The same for changes of somebody who never enrolled the phone.
pub fn hand_in_alone(
    c: &mut Connection,
    ledger: &Ledger,
    account: UserId,
    token_hash: &[u8; 32],
    name: &str,
    now: Millis,
) -> Result<Enrolled, Error> {
    if let Some(row) = devices::by_token(c, token_hash)? {
        return Ok(Enrolled::of(&row, false));
    }
    let new = NewDevice {
        account,
        token_hash,
        name,
        leaves: None,
        now,
    };
    let row = devices::insert(c, &new)?;
    ledger.append(c, &entry(&row, None, now))?;
    Ok(Enrolled::of(&row, true))
}

#[expect(
    clippy::too_many_arguments,
    reason = "a number on a line is told by all of them, and two callers share this"
)]
fn part(
    c: &mut Connection,
    ledger: &Ledger,
    old: &DeviceRow,
    token_hash: &[u8; 32],
    knew: u64,
    name: &str,
    state: DeviceState,
    now: Millis,
) -> Result<DeviceRow, Error> {
    if devices::of_line(c, old.line)?.len() >= MOST_ON_A_LINE {
        return Err(Refusal::TooManyExits.into());
    }
    let new = NewDevice {
        account: old.user(),
        token_hash,
        name,
        leaves: Some(Leaving {
            line: old.line,
            number: old.number,
            // A phone knows at most what the server has of it.
            knew: i64::try_from(knew).unwrap_or(i64::MAX).min(old.ack),
        }),
        now,
    };
    let row = devices::insert(c, &new)?;
    ledger.append(c, &entry(&row, None, now))?;
    if state != DeviceState::Active {
        put_state(c, ledger, &row, state, now)?;
    }
    Ok(row)
}

fn tell(c: &mut Connection, old: &DeviceRow, new: &DeviceRow, now: Millis) -> Result<(), Error> {
    let person = Person::all(c, &[old.account], now)?.remove(&old.account);
    let area = person.and_then(|person| person.home);
    let mut alert = Alert::new(now, "fork", &new.number.to_string(), area);
    alert.device = Some(old.number);
    alert.detail = format!(
        "device {} parted; its copy is device {}",
        old.number, new.number
    );
    Ok(alerts::raise(c, &[alert])?)
}

fn entry(row: &DeviceRow, code_hash: Option<&[u8]>, at: Millis) -> Entry {
    Entry::Enrolment {
        number: row.device().0,
        line: u32::try_from(row.line).unwrap_or(u32::MAX),
        account: row.account,
        token_hash: hex(&row.token_hash),
        code_hash: code_hash.map(hex),
        left: row.left_number.map(|number| (number, row.knew)),
        at,
    }
}
