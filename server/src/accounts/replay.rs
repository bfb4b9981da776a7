//! Doing again what the ledger holds and the database does not know: after an older copy of the
//! database was put back. Every step may be repeated. Of a purge only the ids are noted here; the
//! records themselves go when the engine opens. Epochs are read from the ledger by who opens one.
//!
//! What the ledger does not hold is not brought back: accounts and grants made since the copy are
//! gone and must be made anew. An account that phones belong to is put back closed, so that its
//! number is not given to somebody else, and its phones' pushes are kept and parked.

use std::collections::BTreeMap;

use sync_protocol::Millis;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};

use super::{Error, unhex};
use crate::ledger::Entry;
use crate::store::devices::{self, DeviceRow, DeviceState};
use crate::store::{Connection, accounts, bulk, enrolments, grants};

/// How often what was done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    pub devices: usize,
    pub states: usize,
    pub grants: usize,
    pub accounts: usize,
    pub passwords: usize,
    /// Ids noted as gone for good, whether they were before or not.
    pub purged: usize,
}

impl Replayed {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Brings enrolments, revocations, closed accounts and changed passwords up to the ledger.
pub fn replay(c: &mut Connection, entries: &[Entry], now: Millis) -> Result<Replayed, Error> {
    let mut done = Replayed::default();
    for enrolment in latest_enrolments(entries) {
        done.devices += usize::from(put_back(c, &enrolment, now)?);
    }
    for entry in entries {
        match entry {
            Entry::DeviceState { number, state, .. } => {
                done.states += usize::from(set_state(c, *number, state)?);
            }
            Entry::GrantRevoked {
                grant,
                account,
                role,
                area,
                at,
            } => {
                let same = grants::by_id(c, *grant)?.is_some_and(|found| {
                    let found = found.grant;
                    found.account == *account && found.role == *role && found.area == *area
                });
                if same && grants::revoke(c, *grant, *at)? {
                    done.grants += 1;
                }
            }
            Entry::Account {
                account,
                active,
                at,
            } => {
                let user = UserId(*account);
                if accounts::by_id(c, user)?.is_some_and(|row| row.active != *active) {
                    accounts::set_active(c, user, *active, at.saturating_add(1))?;
                    done.accounts += 1;
                }
            }
            Entry::Password { account, at } => {
                done.passwords += usize::from(accounts::forget_password(
                    c,
                    UserId(*account),
                    at.saturating_add(1),
                )?);
            }
            Entry::Purge { ids, at } => {
                // Earlier versions noted map entries beside the records.
                let is_record = |id: &&String| id.parse::<RecordId>().is_ok();
                let ids: Vec<String> = ids.iter().filter(is_record).cloned().collect();
                bulk::add_purged(c, &ids, *at)?;
                done.purged += ids.len();
            }
            Entry::Enrolment { .. } | Entry::Epoch { .. } => {}
        }
    }
    Ok(done)
}

struct Enrolment {
    number: u32,
    line: u32,
    account: i64,
    token_hash: [u8; 32],
    code_hash: Option<[u8; 32]>,
    left: Option<(i64, i64)>,
    at: Millis,
}

/// A number may stand there more than once, when a transaction was rolled back after its line was
/// written: only the last can have come to be.
fn latest_enrolments(entries: &[Entry]) -> Vec<Enrolment> {
    let mut latest = BTreeMap::new();
    for entry in entries {
        if let Entry::Enrolment {
            number,
            line,
            account,
            token_hash,
            code_hash,
            left,
            at,
        } = entry
            && let Some(token_hash) = unhex(token_hash)
        {
            let enrolment = Enrolment {
                number: *number,
                line: *line,
                account: *account,
                token_hash,
                code_hash: code_hash.as_deref().and_then(unhex),
                left: *left,
                at: *at,
            };
            latest.insert(*number, enrolment);
        }
    }
    latest.into_values().collect()
}

fn put_back(c: &mut Connection, enrolment: &Enrolment, now: Millis) -> Result<bool, Error> {
    if enrolment.number <= devices::LAST_PROCESS
        || devices::by_number(c, DeviceNumber(enrolment.number))?.is_some()
        || devices::by_token(c, &enrolment.token_hash)?.is_some()
    {
        return Ok(false);
    }
    let user = UserId(enrolment.account);
    if accounts::by_id(c, user)?.is_none() {
        accounts::insert_closed(c, user, now)?;
    }
    let mut row = DeviceRow::fresh(
        i64::from(enrolment.number),
        i64::from(enrolment.line),
        enrolment.account,
        &enrolment.token_hash,
        "restored",
        now,
    );
    row.enrolled_at = enrolment.at;
    row.left_number = enrolment.left.map(|(number, _)| number);
    row.knew = enrolment.left.map_or(0, |(_, knew)| knew);
    devices::restore(c, &row)?;
    if let Some(code) = enrolment.code_hash {
        enrolments::spend(c, &code, row.number, enrolment.at)?;
    }
    Ok(true)
}

fn set_state(c: &mut Connection, number: u32, state: &str) -> Result<bool, Error> {
    // A state of a later version is taken for the strictest.
    let state = DeviceState::parse(state).unwrap_or(DeviceState::Blocked);
    match devices::by_number(c, DeviceNumber(number))? {
        Some(row) if number > devices::LAST_PROCESS && row.state() != state => {
            devices::set_state(c, row.number, state)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
