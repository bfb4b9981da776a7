//! Doing again what the ledger holds and the database does not know: after an older copy of the
//! database was put back, or when another server answers that lacks the newest commits. Every step may
//! be repeated. Of a purge only the ids are noted here; the records themselves go when the engine opens,
//! or opens another epoch.
//!
//! What the ledger does not hold is not brought back: accounts and grants made since the copy are
//! gone and must be made anew. An account that phones belong to is put back closed, so that its
//! number is not given to somebody else, and its phones' pushes are kept and parked.

use std::collections::BTreeMap;

use sync_protocol::Millis;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};

use super::{Error, unhex};
use crate::ledger::{Entry, Ledger};
use crate::store::devices::{self, DeviceRow, DeviceState};
use crate::store::{self, Connection, accounts, bulk, enrolments, grants, purged};

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

/// Brings the database up to its ledger, in the open transaction: before anything else is written. Of
/// the ledger one line at a time is in memory.
pub fn catch_up(c: &mut Connection, ledger: &Ledger, now: Millis) -> Result<(), store::Error> {
    let done = bring_up(c, ledger, now).map_err(|error| match error {
        Error::Store(error) => error,
        Error::Ledger(error) => error.into_store(),
        other => store::Error::Unavailable(other.to_string()),
    })?;
    if let Some(done) = done {
        tracing::warn!(
            ?done,
            "the ledger knows more than the database, which is an older copy; what it holds was done again"
        );
    }
    Ok(())
}

pub(super) fn bring_up(
    c: &mut Connection,
    ledger: &Ledger,
    now: Millis,
) -> Result<Option<Replayed>, Error> {
    let mut unknown = ledger.unknown(c)?;
    let (begin, mut entries, mut epoch) = (unknown.end(), 0_u64, 0);
    let mut latest = Latest::default();
    for entry in unknown.by_ref() {
        let entry = entry?;
        latest.note(&entry);
        if let Entry::Epoch { epoch: opened, .. } = entry {
            epoch = epoch.max(opened);
        }
        entries += 1;
    }
    let end = unknown.end();
    if end == begin {
        return Ok(None);
    }
    let mut done = latest.put_back(c, now)?;
    // Read again, and not held: it may be the purges of a year.
    for entry in ledger.unknown(c)? {
        done.redo(c, &entry?)?;
    }
    done.grants += latest.end_grants(c)?;
    if done.purged > 0 {
        purged::note_standing(c)?;
    }
    ledger.settle(c, end, epoch)?;
    Ok((entries > 0).then_some(done))
}

impl Replayed {
    /// Does again what stands for itself, in the order of the ledger.
    fn redo(&mut self, c: &mut Connection, entry: &Entry) -> Result<(), Error> {
        match entry {
            Entry::DeviceState { number, state, .. } => {
                self.states += usize::from(set_state(c, *number, state)?);
            }
            Entry::GrantRevoked {
                grant,
                account,
                role,
                area,
                at,
            } => {
                let same = same_grant(c, *grant, (*account, role, area))?.is_some();
                if same && grants::revoke(c, *grant, *at)? {
                    self.grants += 1;
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
                    self.accounts += 1;
                }
            }
            Entry::Password { account, at } => {
                self.passwords += usize::from(accounts::forget_password(
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
                self.purged += ids.len();
            }
            Entry::Enrolment { .. } | Entry::GrantEnded { .. } | Entry::Epoch { .. } => {}
        }
        Ok(())
    }
}

/// The grant of this number, if it is the one that the ledger describes.
fn same_grant(
    c: &mut Connection,
    grant: i64,
    (account, role, area): (i64, &str, &str),
) -> Result<Option<grants::GrantRow>, Error> {
    let found = grants::by_id(c, grant)?.map(|placed| placed.grant);
    Ok(found.filter(|row| row.account == account && row.role == role && row.area == area))
}

/// Of what may stand there more than once, the last: as many as there are phones and roles.
#[derive(Default)]
struct Latest {
    enrolments: BTreeMap<u32, Enrolment>,
    ended: BTreeMap<i64, Ended>,
}

struct Ended {
    account: i64,
    role: String,
    area: String,
    until: Millis,
}

impl Latest {
    fn note(&mut self, entry: &Entry) {
        match entry {
            // A number may stand there more than once, when a transaction was rolled back after its
            // line was written: only the last can have come to be.
            Entry::Enrolment {
                number,
                line,
                account,
                token_hash,
                code_hash,
                left,
                at,
            } => {
                if let Some(token_hash) = unhex(token_hash) {
                    let enrolment = Enrolment {
                        number: *number,
                        line: *line,
                        account: *account,
                        token_hash,
                        code_hash: code_hash.as_deref().and_then(unhex),
                        left: *left,
                        at: *at,
                    };
                    self.enrolments.insert(*number, enrolment);
                }
            }
            Entry::GrantEnded {
                grant,
                account,
                role,
                area,
                until,
                ..
            } => {
                let ended = Ended {
                    account: *account,
                    role: role.clone(),
                    area: area.clone(),
                    until: *until,
                };
                self.ended.insert(*grant, ended);
            }
            _ => {}
        }
    }

    fn put_back(&self, c: &mut Connection, now: Millis) -> Result<Replayed, Error> {
        let mut done = Replayed::default();
        for enrolment in self.enrolments.values() {
            done.devices += usize::from(put_back(c, enrolment, now)?);
        }
        Ok(done)
    }

    /// A date that was put off since the copy does not come back: nobody gets more than they had.
    fn end_grants(&self, c: &mut Connection) -> Result<usize, Error> {
        let mut done = 0;
        for (grant, ended) in &self.ended {
            let described = (ended.account, ended.role.as_str(), ended.area.as_str());
            let found = same_grant(c, *grant, described)?;
            if found.is_some_and(|row| row.until_at.is_none_or(|until| until > ended.until)) {
                grants::set_until(c, *grant, Some(ended.until))?;
                done += 1;
            }
        }
        Ok(done)
    }
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
