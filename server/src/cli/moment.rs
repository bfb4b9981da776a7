//! Dates on the command line: a day counts from its beginning, or to its end, where the area is.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use sync_protocol::Millis;

use super::Failure;
use crate::accounts::areas::DEFAULT_TIMEZONE;
use crate::store::{Connection, Error, areas};

/// Which end of a day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

/// `2026-11-22`, or an exact `2026-11-22T18:00:00+08:00`.
pub(super) fn parse(text: &str, end: End, zone: Tz) -> Result<Millis, Failure> {
    if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
        return Ok(exact.timestamp_millis());
    }
    let wrong = || {
        Failure::new("a date is 2026-11-22 (a whole day) or 2026-11-22T18:00:00+08:00 (a moment)")
    };
    let mut day: NaiveDate = text.parse().map_err(|_| wrong())?;
    if end == End::Last {
        day = day.checked_add_days(Days::new(1)).ok_or_else(wrong)?;
    }
    let midnight = day.and_time(NaiveTime::MIN);
    let moment = zone.from_local_datetime(&midnight).earliest();
    // Where clocks are put forward at midnight, the day begins an hour later.
    let moment = moment.or_else(|| {
        let later = midnight.checked_add_signed(chrono::TimeDelta::hours(1))?;
        zone.from_local_datetime(&later).earliest()
    });
    Ok(moment.ok_or_else(wrong)?.timestamp_millis())
}

/// The time zone of an area; of one that does not exist, the default.
pub(super) fn zone(c: &mut Connection, code: &str) -> Result<Tz, Error> {
    let name = match areas::by_code(c, code)? {
        Some(row) => areas::timezone(c, &row.path)?,
        None => None,
    };
    let name = name.as_deref().unwrap_or(DEFAULT_TIMEZONE);
    Ok(name.parse().unwrap_or(Tz::UTC))
}

/// A moment as people read it.
pub(super) fn show(at: Millis) -> String {
    DateTime::from_timestamp_millis(at).map_or_else(
        || at.to_string(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_whole_where_the_area_is() {
        let at = |text, end, zone: Tz| parse(text, end, zone).ok();
        let china = Tz::Asia__Shanghai;
        let day = 24 * 60 * 60 * 1000;
        let first = at("2026-11-22", End::First, china).unwrap();
        assert_eq!(at("2026-11-22", End::Last, china), Some(first + day));
        assert_eq!(
            at("2026-11-22T00:00:00+08:00", End::Last, Tz::UTC),
            Some(first)
        );
        assert_eq!(
            at("2026-11-22", End::First, Tz::UTC),
            Some(first + 8 * 3_600_000)
        );
        for wrong in ["", "22.11.2026", "2026-02-30", "tomorrow"] {
            assert_eq!(at(wrong, End::First, china), None, "{wrong}");
        }
    }
}
