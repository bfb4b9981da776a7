//! Devices: one person's enrolment on one phone, with its number, token hash, state and how far
//! its pushes have come. Numbers 1 to 999 are leased by server processes. Who may enrol or revoke
//! is decided in `accounts`; what a push changes in a device is decided in `sync`.

use diesel::dsl::{exists, max, not};
use diesel::prelude::*;
use std::collections::HashSet;
use sync_protocol::Millis;
use sync_protocol::id::{DeviceNumber, UserId};

use super::dialect::{self, Counter, each};
use super::reach::Reach;
use super::schema::{device, grants};
use super::{Connection, Error, areas};

/// The greatest number a server process may lease; phones have greater ones.
pub const LAST_PROCESS: u32 = 999;
/// How long a process that no longer says it lives keeps its number.
pub const LEASE_MS: i64 = 60 * 60 * 1000;
/// A process has no token; what stands in its place can never be a hash of 32 bytes of text.
const PROCESS_TOKEN: &str = "process:";

/// What a device may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Pushes and pulls.
    Active,
    /// Revoked: what it still holds is taken and parked; it reads nothing.
    PushOnly,
    /// Nothing.
    Blocked,
}

impl DeviceState {
    pub const ALL: [Self; 3] = [Self::Active, Self::PushOnly, Self::Blocked];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PushOnly => "push_only",
            Self::Blocked => "blocked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A row of `device`, whole.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = device)]
pub struct DeviceRow {
    pub number: i64,
    pub line: i64,
    pub account: i64,
    pub token_hash: Vec<u8>,
    pub state: String,
    pub name: String,
    pub enrolled_at: i64,
    pub seen_at: i64,
    pub ack: i64,
    pub marks: Vec<u8>,
    pub durable: i64,
    pub durable_next: i64,
    pub durable_at: i64,
    pub skew: Option<i64>,
    pub epoch_seen: i64,
    /// The number that the phone left when its copies parted.
    pub left_number: Option<i64>,
    /// The last change under that number which the phone knew to be the server's too.
    pub knew: i64,
}

impl DeviceRow {
    /// A device that has pushed nothing yet.
    pub fn fresh(
        number: i64,
        line: i64,
        account: i64,
        token_hash: &[u8],
        name: &str,
        now: Millis,
    ) -> Self {
        Self {
            number,
            line,
            account,
            token_hash: token_hash.to_vec(),
            state: DeviceState::Active.as_str().to_owned(),
            name: name.to_owned(),
            enrolled_at: now,
            seen_at: now,
            ack: 0,
            marks: Vec::new(),
            durable: 0,
            durable_next: 0,
            durable_at: now,
            skew: None,
            epoch_seen: 0,
            left_number: None,
            knew: 0,
        }
    }

    pub fn device(&self) -> DeviceNumber {
        DeviceNumber(u32::try_from(self.number).unwrap_or(u32::MAX))
    }

    pub const fn user(&self) -> UserId {
        UserId(self.account)
    }

    /// A state that cannot be read is taken for the strictest.
    pub fn state(&self) -> DeviceState {
        DeviceState::parse(&self.state).unwrap_or(DeviceState::Blocked)
    }
}

/// What is to be known of a new device before it has a number.
#[derive(Debug, Clone, Copy)]
pub struct NewDevice<'a> {
    pub account: UserId,
    pub token_hash: &'a [u8; 32],
    pub name: &'a str,
    /// The number that the phone leaves (a fork's exit); none for a line of its own.
    pub leaves: Option<Leaving>,
    pub now: Millis,
}

/// A phone leaves a number that another copy of it uses too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    pub line: i64,
    pub number: i64,
    /// The last change under it which the phone knew to be the server's too.
    pub knew: i64,
}

/// Takes the next number. Numbers are never used again, also after a row is gone.
pub fn insert(c: &mut Connection, new: &NewDevice<'_>) -> Result<DeviceRow, Error> {
    let mut row = DeviceRow::fresh(
        0,
        new.leaves.map_or(0, |leaving| leaving.line),
        new.account.0,
        new.token_hash,
        new.name,
        new.now,
    );
    row.left_number = new.leaves.map(|leaving| leaving.number);
    row.knew = new.leaves.map_or(0, |leaving| leaving.knew);
    diesel::insert_into(device::table)
        .values((
            device::line.eq(row.line),
            device::account.eq(row.account),
            device::token_hash.eq(&row.token_hash),
            device::state.eq(&row.state),
            device::name.eq(&row.name),
            device::enrolled_at.eq(row.enrolled_at),
            device::seen_at.eq(row.seen_at),
            device::ack.eq(row.ack),
            device::marks.eq(&row.marks),
            device::durable.eq(row.durable),
            device::durable_next.eq(row.durable_next),
            device::durable_at.eq(row.durable_at),
            device::skew.eq(row.skew),
            device::epoch_seen.eq(row.epoch_seen),
            device::left_number.eq(row.left_number),
            device::knew.eq(row.knew),
        ))
        .execute(c)?;
    let number: i64 = device::table
        .filter(device::token_hash.eq(&row.token_hash))
        .select(device::number)
        .first(c)?;
    let line = new.leaves.map_or(number, |leaving| leaving.line);
    if new.leaves.is_none() {
        diesel::update(device::table.find(number))
            .set(device::line.eq(line))
            .execute(c)?;
    }
    Ok(DeviceRow {
        number,
        line,
        ..row
    })
}

/// Puts a row back with the number it had: after an older database was restored.
pub fn restore(c: &mut Connection, row: &DeviceRow) -> Result<(), Error> {
    diesel::insert_into(device::table).values(row).execute(c)?;
    dialect::number_was_given(c, Counter::Device)
}

/// The device with this token, whatever its state. `hash` is SHA-256 over the bearer's text.
pub fn by_token(c: &mut Connection, hash: &[u8; 32]) -> Result<Option<DeviceRow>, Error> {
    Ok(device::table
        .filter(device::token_hash.eq(hash.as_slice()))
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .first(c)
        .optional()?)
}

/// The number of the device with this token, whatever its state, and its line.
pub fn number_of(
    c: &mut Connection,
    hash: &[u8; 32],
) -> Result<Option<(DeviceNumber, i64)>, Error> {
    let found: Option<(i64, i64)> = each!(c, inner => device::table
        .filter(device::token_hash.eq(hash.as_slice()))
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .select((device::number, device::line))
        .first(inner)
        .optional())?;
    Ok(found.and_then(|(number, line)| Some((DeviceNumber(u32::try_from(number).ok()?), line))))
}

pub fn by_number(c: &mut Connection, number: DeviceNumber) -> Result<Option<DeviceRow>, Error> {
    Ok(device::table
        .find(i64::from(number.0))
        .first(c)
        .optional()?)
}

/// All numbers of a line, in order.
pub fn of_line(c: &mut Connection, line: i64) -> Result<Vec<DeviceRow>, Error> {
    Ok(device::table
        .filter(device::line.eq(line))
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .order(device::number)
        .load(c)?)
}

/// Devices, by number above `after`, of accounts that hold (or held) a grant where `reach` holds
/// one of `roles` now. Rights that ran out do not hide a phone from those who must revoke it; such as
/// begin later do not show it, unless its person has held nothing before.
pub fn page(
    c: &mut Connection,
    (reach, now): (&Reach, Millis),
    roles: &[&str],
    after: i64,
    limit: i64,
) -> Result<Vec<DeviceRow>, Error> {
    areas::merge_pages(
        &reach.paths(roles),
        limit,
        |row: &DeviceRow| row.number,
        |path| {
            let here = || grants::area.eq_any(areas::codes_below(path.to_owned()));
            let accounts = grants::table.filter(here()).select(grants::account);
            let begun = || {
                grants::table
                    .filter(grants::account.eq(device::account))
                    .filter(grants::from_at.le(now))
            };
            Ok(device::table
                .filter(device::number.gt(after.max(i64::from(LAST_PROCESS))))
                .filter(device::account.eq_any(accounts))
                .filter(exists(begun().filter(here())).or(not(exists(begun()))))
                .order(device::number)
                .limit(limit)
                .load(c)?)
        },
    )
}

/// All phones, by number above `after`: for the operator on the machine, whose reach is all.
pub fn every(c: &mut Connection, after: i64, limit: i64) -> Result<Vec<DeviceRow>, Error> {
    Ok(device::table
        .filter(device::number.gt(after.max(i64::from(LAST_PROCESS))))
        .order(device::number)
        .limit(limit)
        .load(c)?)
}

pub fn set_state(c: &mut Connection, number: i64, state: DeviceState) -> Result<(), Error> {
    diesel::update(device::table.find(number))
        .set(device::state.eq(state.as_str()))
        .execute(c)?;
    Ok(())
}

pub fn touch(c: &mut Connection, number: i64, now: Millis) -> Result<(), Error> {
    diesel::update(device::table.find(number))
        .set(device::seen_at.eq(now))
        .execute(c)?;
    Ok(())
}

/// How many phones may push and were last heard before `before`.
pub fn count_silent(c: &mut Connection, before: Millis) -> Result<i64, Error> {
    Ok(device::table
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .filter(device::state.eq(DeviceState::Active.as_str()))
        .filter(device::seen_at.lt(before))
        .count()
        .get_result(c)?)
}

/// What phones heard since `since` last showed of their clocks: server minus phone, the latest first,
/// of not more than a thousand numbers. One phone bears witness once, however many numbers its line has.
pub fn skews_since(c: &mut Connection, since: Millis) -> Result<Vec<Millis>, Error> {
    let skews: Vec<(i64, Option<i64>)> = device::table
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .filter(device::seen_at.ge(since))
        .filter(device::skew.is_not_null())
        .order(device::seen_at.desc())
        .limit(1000)
        .select((device::line, device::skew))
        .load(c)?;
    let mut heard = HashSet::new();
    Ok(skews
        .into_iter()
        .filter(|(line, _)| heard.insert(*line))
        .filter_map(|(_, skew)| skew)
        .collect())
}

pub fn count(c: &mut Connection) -> Result<i64, Error> {
    Ok(device::table
        .filter(device::number.gt(i64::from(LAST_PROCESS)))
        .count()
        .get_result(c)?)
}

/// Leases a number of 1 to 999 to a server process, for the writes it makes itself. `process`
/// names the process and is unique to its start; the same name keeps its number, and so does a
/// name that was heard of within [`LEASE_MS`]. A number that falls vacant keeps its `ack`, so that
/// no (number, seq) is ever used twice. `None` when all are taken.
pub fn lease_process_number(
    c: &mut Connection,
    process: &str,
    now: Millis,
) -> Result<Option<DeviceRow>, Error> {
    let token = format!("{PROCESS_TOKEN}{process}").into_bytes();
    let leased: Vec<DeviceRow> = device::table
        .filter(device::number.le(i64::from(LAST_PROCESS)))
        .order(device::number)
        .load(c)?;
    let kept = leased
        .iter()
        .find(|row| row.token_hash == token)
        .or_else(|| leased.iter().find(|row| row.seen_at < now - LEASE_MS));
    if let Some(row) = kept {
        diesel::update(device::table.find(row.number))
            .set((device::token_hash.eq(&token), device::seen_at.eq(now)))
            .execute(c)?;
        return by_number(c, row.device());
    }
    let free =
        (1..=i64::from(LAST_PROCESS)).find(|number| leased.iter().all(|row| row.number != *number));
    let Some(number) = free else {
        return Ok(None);
    };
    let row = DeviceRow::fresh(number, number, 0, &token, process, now);
    restore(c, &row)?;
    Ok(Some(row))
}

/// The greatest number given so far.
pub fn last_number(c: &mut Connection) -> Result<i64, Error> {
    let last: Option<i64> = device::table.select(max(device::number)).first(c)?;
    Ok(last.unwrap_or(0).max(i64::from(LAST_PROCESS)))
}
