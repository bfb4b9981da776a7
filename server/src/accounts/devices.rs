//! Phones in use: who may look at one, revoke it or block it, and what the token of a request
//! stands for now.

use sync_protocol::Millis;
use sync_protocol::id::DeviceNumber;

use super::{Actor, Error, Refusal, sha256};
use crate::ledger::{Entry, Ledger};
use crate::store::devices::{self, DeviceRow, DeviceState};
use crate::store::grants::of_account;
use crate::store::{Connection, accounts};

/// Longer bearers are not tokens.
const MOST_TOKEN_BYTES: usize = 256;
/// 256 bits as base64url are 43 characters.
const FEWEST_TOKEN_BYTES: usize = 43;

/// The hash under which a token is known: SHA-256 over the text after `Bearer `, as it is sent.
/// None for a text that no device would have chosen.
pub fn token_hash(bearer: &str) -> Option<[u8; 32]> {
    let fits = (FEWEST_TOKEN_BYTES..=MOST_TOKEN_BYTES).contains(&bearer.len())
        && bearer.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| sha256(bearer.as_bytes()))
}

/// The device with this token, and what it may do now: a closed account takes part like a revoked
/// device, its pushes are kept and parked.
pub fn authenticate(
    c: &mut Connection,
    hash: &[u8; 32],
) -> Result<Option<(DeviceRow, DeviceState)>, Error> {
    let Some(row) = devices::by_token(c, hash)? else {
        return Ok(None);
    };
    let open = accounts::by_id(c, row.user())?.is_some_and(|account| account.active);
    let state = match row.state() {
        DeviceState::Active if !open => DeviceState::PushOnly,
        state => state,
    };
    Ok(Some((row, state)))
}

/// Takes a device out of use, or back into it. Out of use is quick and many may do it; back into
/// use needs the right to act for its person. What is stricter holds for every number of the line: a
/// copy that has parted is in the same hands, and its token got it the others. What is less strict
/// holds for this number alone.
pub fn set_state(
    c: &mut Connection,
    ledger: &Ledger,
    actor: Actor<'_>,
    number: DeviceNumber,
    state: DeviceState,
    now: Millis,
) -> Result<DeviceRow, Error> {
    let mut row = phone(c, number)?;
    let grants = of_account(c, row.user())?;
    let own = actor.account() == Some(row.user());
    let stricter = rank(state) >= rank(row.state());
    let allowed = if stricter {
        own || actor.may_stop(&grants, now) || actor.may_manage(&grants, now)
    } else {
        actor.may_manage(&grants, now)
    };
    if !allowed {
        let refusal = if own || actor.sees(&grants, now) {
            Refusal::Forbidden
        } else {
            Refusal::Unknown("device")
        };
        return Err(refusal.into());
    }
    for other in devices::of_line(c, row.line)? {
        let named = other.number == row.number;
        if rank(state) > rank(other.state()) || (named && other.state() != state) {
            put_state(c, ledger, &other, state, now)?;
        }
    }
    row.state = state.as_str().to_owned();
    Ok(row)
}

/// Sets the state of one number and writes it down.
pub(super) fn put_state(
    c: &mut Connection,
    ledger: &Ledger,
    row: &DeviceRow,
    state: DeviceState,
    now: Millis,
) -> Result<(), Error> {
    devices::set_state(c, row.number, state)?;
    let entry = Entry::DeviceState {
        number: row.device().0,
        state: state.as_str().to_owned(),
        at: now,
    };
    Ok(ledger.append(c, &entry)?)
}

fn phone(c: &mut Connection, number: DeviceNumber) -> Result<DeviceRow, Error> {
    match devices::by_number(c, number)? {
        Some(row) if number.0 > devices::LAST_PROCESS => Ok(row),
        _ => Err(Refusal::Unknown("device").into()),
    }
}

const fn rank(state: DeviceState) -> u8 {
    match state {
        DeviceState::Active => 0,
        DeviceState::PushOnly => 1,
        DeviceState::Blocked => 2,
    }
}
