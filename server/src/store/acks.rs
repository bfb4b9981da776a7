//! The part of a device's row that a push needs: how far it has come, and by which marks.

use diesel::prelude::*;
use sync_protocol::{Millis, Rev, Seq};

use super::dialect::{among, each};
use super::schema::device;
use super::{Connection, Error, from_rev, to_rev};

/// When a change counts as durable: outliving the loss of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durable {
    /// A while after it was acknowledged, for want of anything better.
    #[default]
    Local,
    /// Once every backup that may still be restored holds it; [`super::backups`] knows.
    Backup,
}

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
    pub fn is_due(&self, now: Millis, durable: Durable) -> bool {
        now.abs_diff(self.seen_at) > SEEN_EVERY_MS
            || (self.durable < self.ack && self.is_ripe(now, durable))
    }

    /// Lets what was acknowledged long enough ago count as durable, where nothing better is known.
    pub fn ripen(&mut self, now: Millis, durable: Durable) {
        if self.is_ripe(now, durable) {
            self.durable = self.durable.max(self.durable_next);
            self.durable_next = self.ack;
            self.durable_at = now;
        }
    }

    fn is_ripe(&self, now: Millis, durable: Durable) -> bool {
        durable == Durable::Local && now >= self.durable_at.saturating_add(LOCAL_DURABLE_AFTER_MS)
    }

    /// Notes the greatest epoch that the device has shown.
    pub fn show_epoch(&mut self, epoch: Rev) {
        self.epoch_seen = self.epoch_seen.max(from_rev(epoch));
    }
}

/// The rows of these devices, by number.
pub fn load(connection: &mut Connection, numbers: &[i64]) -> Result<Vec<AckRow>, Error> {
    Ok(each!(connection, inner => device::table
        .filter(among(device::number, numbers))
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
        .filter(among(device::line, lines))
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 60 * 60 * 1000;

    fn row() -> AckRow {
        AckRow {
            number: 1000,
            line: 1000,
            account: 1,
            state: "active".to_owned(),
            ack: 10,
            marks: Vec::new(),
            durable: 0,
            durable_next: 7,
            durable_at: 0,
            seen_at: 0,
            skew: None,
            epoch_seen: 0,
        }
    }

    #[test]
    fn without_backups_what_was_acknowledged_72_hours_ago_counts_as_durable() {
        let mut row = row();
        row.ripen(72 * HOUR - 1, Durable::Local);
        assert_eq!(row.durable, 0);
        row.ripen(72 * HOUR, Durable::Local);
        assert_eq!((row.durable, row.durable_next), (7, 10));
        row.ripen(144 * HOUR, Durable::Local);
        assert_eq!(row.durable, 10);
    }

    #[test]
    fn i4_with_backups_no_time_makes_anything_durable() {
        let mut row = row();
        row.seen_at = 10_000 * HOUR;
        assert!(row.is_due(10_000 * HOUR, Durable::Local));
        assert!(!row.is_due(10_000 * HOUR, Durable::Backup));
        row.ripen(10_000 * HOUR, Durable::Backup);
        assert_eq!(row.durable, 0);
    }
}
