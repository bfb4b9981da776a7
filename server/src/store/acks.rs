//! The part of a device's row that a push needs: how far it has come, and by which marks.

use diesel::prelude::*;
use sync_protocol::{Millis, Rev, Seq};

use super::dialect::each;
use super::schema::device;
use super::{Connection, Error, from_rev, to_rev};

/// In `local` durability, what was acknowledged this long ago counts as durable.
pub const LOCAL_DURABLE_AFTER_MS: Millis = 72 * 60 * 60 * 1000;
/// A device that only asks is noted this often, so that asking costs no transaction.
const SEEN_EVERY_MS: u64 = 6 * 60 * 60 * 1000;

/// Where a device stands.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = device)]
pub struct AckRow {
    pub number: i64,
    pub line: i64,
    pub account: i64,
    pub state: String,
    pub ack: i64,
    pub marks: Vec<u8>,
    pub durable: i64,
    pub durable_next: i64,
    pub durable_at: i64,
    pub seen_at: i64,
    pub skew: Option<i64>,
    pub epoch_seen: i64,
}

impl AckRow {
    /// Every change up to this one has its verdict.
    pub fn ack(&self) -> Seq {
        to_rev(self.ack)
    }

    /// Whether it is time to note that the device was here, or that more has become durable.
    pub fn is_due(&self, now: Millis) -> bool {
        now.abs_diff(self.seen_at) > SEEN_EVERY_MS
            || (self.durable < self.ack
                && now >= self.durable_at.saturating_add(LOCAL_DURABLE_AFTER_MS))
    }

    /// Lets what was acknowledged long enough ago count as durable.
    pub fn ripen(&mut self, now: Millis) {
        if now >= self.durable_at.saturating_add(LOCAL_DURABLE_AFTER_MS) {
            self.durable = self.durable.max(self.durable_next);
            self.durable_next = self.ack;
            self.durable_at = now;
        }
    }

    /// Notes the greatest epoch that the device has shown.
    pub fn show_epoch(&mut self, epoch: Rev) {
        self.epoch_seen = self.epoch_seen.max(from_rev(epoch));
    }
}

/// The rows of these devices, by number.
pub fn load(connection: &mut Connection, numbers: &[i64]) -> Result<Vec<AckRow>, Error> {
    Ok(each!(connection, inner => device::table
        .filter(device::number.eq_any(numbers))
        .order(device::number)
        .select(AckRow::as_select())
        .load(inner))?)
}

/// A number of a line: the line, the number, the number it left, and how far that was known.
pub type Numbered = (i64, i64, Option<i64>, i64);

/// Every number of these lines: line, number, the number it left, and how far that was known.
pub fn numbers_of(connection: &mut Connection, lines: &[i64]) -> Result<Vec<Numbered>, Error> {
    Ok(device::table
        .filter(device::line.eq_any(lines))
        .select((
            device::line,
            device::number,
            device::left_number,
            device::knew,
        ))
        .load(connection)?)
}

/// The lines among these that more than one number belongs to.
pub fn shared_lines(connection: &mut Connection, lines: &[i64]) -> Result<Vec<i64>, Error> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    Ok(each!(connection, inner => device::table
        .filter(device::line.eq_any(lines))
        .filter(device::number.ne(device::line))
        .select(device::line)
        .distinct()
        .load(inner))?)
}

/// The latest moment at which any device was here, by this server's clock.
pub fn last_seen(connection: &mut Connection) -> Result<Option<Millis>, Error> {
    Ok(device::table
        .select(diesel::dsl::max(device::seen_at))
        .first(connection)?)
}
