//! The local day of a moment. The server fixes a record's day once, in its area's time zone.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use sync_protocol::Millis;
use sync_protocol::scope::Day;
use sync_protocol::stamp::{Clock, Normalised};

/// The time zone of areas that name none, nor lie in one that does.
pub const DEFAULT_ZONE: Tz = chrono_tz::Asia::Shanghai;

/// The calendar day of a moment in a time zone; an unknown zone counts as the default.
pub fn local_day(time: Millis, zone: Option<&str>) -> Day {
    let zone: Tz = zone
        .and_then(|name| name.parse().ok())
        .unwrap_or(DEFAULT_ZONE);
    let moment = DateTime::from_timestamp_millis(time).unwrap_or_default();
    Day(moment.with_timezone(&zone).date_naive())
}

/// The local date of the effective time of a change; the day of arrival if its clock is unknown.
pub fn day_of(normalised: Normalised, at: Millis, zone: Option<&str>) -> Day {
    let time = match normalised.clock {
        Clock::Unknown => at,
        _ => normalised.stamp.time(),
    };
    local_day(time, zone)
}

/// The moment of a local time in the default time zone; of two, the earlier.
pub fn local_midnight(local: chrono::NaiveDateTime) -> Millis {
    use chrono::TimeZone as _;
    let moment = DEFAULT_ZONE.from_local_datetime(&local).earliest();
    moment.map_or_else(
        || local.and_utc().timestamp_millis(),
        |moment| moment.timestamp_millis(),
    )
}

/// Whole days from one day to another.
pub fn days_between(earlier: NaiveDate, later: NaiveDate) -> i64 {
    later.signed_duration_since(earlier).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_turns_at_local_midnight() {
        // 2026-11-21T15:59:59.999Z and one millisecond later.
        assert_eq!(local_day(1_795_276_799_999, None).to_string(), "2026-11-21");
        assert_eq!(local_day(1_795_276_800_000, None).to_string(), "2026-11-22");
        assert_eq!(
            local_day(1_795_276_800_000, Some("Europe/Paris")).to_string(),
            "2026-11-21"
        );
        assert_eq!(
            local_day(1_795_276_800_000, Some("Mars/Olympus")).to_string(),
            "2026-11-22"
        );
    }
}
