//! R12: moments. Records carry ms since 1970 UTC; people and files write RFC 3339 with an offset.
//! Any year is accepted: a phone's clock may stand anywhere, and its time is never refused.

use chrono::{DateTime, NaiveDateTime};

use super::{Checked, Outcome, Refused, fold_bounded, reason};

/// 2000-01-01 and 2100-01-01 UTC.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

/// ms since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    pub fn from_millis(ms: i64) -> Checked<Self> {
        let warnings = if PLAUSIBLE.contains(&ms) {
            Vec::new()
        } else {
            vec![reason::IMPLAUSIBLE]
        };
        Checked {
            value: Self(ms),
            warnings,
        }
    }

    /// RFC 3339. Without an offset it is not a moment, and refused.
    pub fn parse(text: &str) -> Outcome<Self> {
        let text = fold_bounded(text)?;
        match DateTime::parse_from_rfc3339(&text) {
            Ok(moment) => Ok(Self::from_millis(moment.timestamp_millis())),
            Err(_) => Err(Refused(if is_local(&text) {
                reason::OFFSET_MISSING
            } else {
                reason::FORMAT
            })),
        }
    }

    pub fn millis(self) -> i64 {
        self.0
    }
}

fn is_local(text: &str) -> bool {
    [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ]
    .iter()
    .any(|form| NaiveDateTime::parse_from_str(text, form).is_ok())
}
