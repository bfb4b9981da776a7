//! Stamps: when something was written, by whose count.
//!
//! A phone's clock may be years off, so what it says is only its *raw* stamp. The server turns it
//! once, at first admission, into an *effective* stamp ([`normalise`]) that can neither win
//! against the future nor lose to what its writer had on screen (I8, I9).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Millis;
use crate::id::DeviceNumber;

/// A clock that is off by less than this is taken as right; the same bound decides when a phone
/// begins a new era.
pub const SKEW_TOLERANCE_MS: i64 = 120_000;

/// The greatest millisecond that fits a stamp (48 bits: the year 10889).
pub const MAX_STAMP_MS: u64 = (1 << 48) - 1;

/// A text that is not a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stamp: lower-case hex of the right length is wanted")]
pub struct BadStamp;

/// What a phone says of when it wrote a change: its own clock and a counter for equal moments.
/// Sixteen lower-case hex digits; the device is implied by who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RawStamp {
    /// Milliseconds since 1970 by the phone's clock, 48 bits.
    pub ms: u64,
    /// Tells apart what was written in one millisecond.
    pub counter: u16,
}

/// The effective stamp of a write. Twenty-four lower-case hex digits, whose order as text is
/// their order as stamps. Two writes of one device may share a stamp; their seq tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// Milliseconds since 1970, 48 bits, never above the server's clock at admission.
    pub ms: u64,
    /// Tells apart what was written in one millisecond.
    pub counter: u16,
    /// The number of the device that wrote.
    pub device: u32,
}

impl Stamp {
    /// The least stamp of `device` that is greater than this one.
    #[must_use]
    pub fn successor(self, device: DeviceNumber) -> Self {
        let next = if device.0 > self.device {
            Self {
                device: device.0,
                ..self
            }
        } else if self.counter < u16::MAX {
            Self {
                counter: self.counter + 1,
                device: device.0,
                ..self
            }
        } else {
            Self {
                ms: (self.ms + 1).min(MAX_STAMP_MS),
                counter: 0,
                device: device.0,
            }
        };
        debug_assert!(next > self || self.ms == MAX_STAMP_MS);
        next
    }

    /// The moment, as a time.
    #[must_use]
    pub fn time(self) -> Millis {
        Millis::try_from(self.ms).unwrap_or(Millis::MAX)
    }
}

impl RawStamp {
    /// The stamp that `device` would get if its clock were right.
    #[must_use]
    pub const fn by(self, device: DeviceNumber) -> Stamp {
        Stamp {
            ms: self.ms,
            counter: self.counter,
            device: device.0,
        }
    }
}

/// How far the time of a write can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The phone's clock was right (within two minutes).
    #[default]
    Right,
    /// The phone's clock was off by a measured amount, which was added.
    Shifted,
    /// The phone's clock was never measured in that era, or stood before this program was built.
    Unknown,
}

/// What the server makes of a raw stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalised {
    /// The effective stamp.
    pub stamp: Stamp,
    /// How far its time can be trusted.
    pub clock: Clock,
    /// What was added to the phone's time, in milliseconds.
    pub shift: i64,
}

/// What [`normalise`] needs to know beside the raw stamp.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Who wrote.
    pub device: DeviceNumber,
    /// Server minus phone in the change's era, in milliseconds; `None` if never measured.
    pub skew: Option<i64>,
    /// The server's clock when the head of the request arrived.
    pub now: Millis,
    /// When this program was built: no true stamp of it lies before.
    pub build: Millis,
    /// The greatest stamp the record holds among what the writer had seen.
    pub seen: Option<Stamp>,
    /// The greatest stamp the writer says was on screen (`saw`): believed up to `now`.
    pub saw: Option<Stamp>,
}

/// Gives a raw stamp its effective form, once, at first admission.
///
/// Shifted by the era's skew; never above the server's now; never below the build; always above
/// what the writer had seen. Where the last two collide, seen wins.
#[must_use]
pub fn normalise(raw: RawStamp, reading: &Reading) -> Normalised {
    let now = clamp_ms(reading.now);
    let build = clamp_ms(reading.build).min(now);
    let shift = match reading.skew {
        Some(skew) if skew.unsigned_abs() >= SKEW_TOLERANCE_MS.unsigned_abs() => skew,
        _ => 0,
    };
    let shifted = i64::try_from(raw.ms)
        .unwrap_or(i64::MAX)
        .saturating_add(shift);
    let mut clock = match (reading.skew, shift) {
        (None, _) => Clock::Unknown,
        (Some(_), 0) => Clock::Right,
        (Some(_), _) => Clock::Shifted,
    };
    let ms = clamp_ms(shifted);
    if ms < build {
        clock = Clock::Unknown;
    }
    let mut stamp = Stamp {
        ms: ms.clamp(build, now),
        counter: raw.counter,
        device: reading.device.0,
    };
    // A phone may lie about what it saw; the record does not.
    let believed = reading.saw.map(|saw| {
        saw.min(Stamp {
            ms: now,
            counter: u16::MAX - 1,
            device: 0,
        })
    });
    for floor in [reading.seen, believed].into_iter().flatten() {
        if stamp <= floor {
            stamp = floor.successor(reading.device);
        }
    }
    Normalised {
        stamp,
        clock,
        shift,
    }
}

/// The skew of a change's era: the smaller of what the phone has measured and what this request
/// shows, since delay can only make a phone look slow.
#[must_use]
pub fn era_skew(
    change_era: u64,
    request_era: u64,
    measured_now: i64,
    told: Option<i64>,
) -> Option<i64> {
    if change_era == request_era {
        Some(told.map_or(measured_now, |told| told.min(measured_now)))
    } else {
        told
    }
}

fn clamp_ms(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).min(MAX_STAMP_MS)
}

fn hex<const N: usize>(text: &str) -> Result<u128, BadStamp> {
    let bytes = text.as_bytes();
    if bytes.len() != N {
        return Err(BadStamp);
    }
    bytes.iter().try_fold(0_u128, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return Err(BadStamp),
        };
        Ok(value << 4 | u128::from(digit))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the shifts and masks leave just the named bits"
)]
const fn split(bits: u128) -> (u64, u16) {
    ((bits >> 16) as u64, (bits & 0xffff) as u16)
}

impl fmt::Display for RawStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}{:04x}", self.ms, self.counter)
    }
}

impl FromStr for RawStamp {
    type Err = BadStamp;

    fn from_str(text: &str) -> Result<Self, BadStamp> {
        let (ms, counter) = split(hex::<16>(text)?);
        Ok(Self { ms, counter })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}{:04x}{:08x}", self.ms, self.counter, self.device)
    }
}

impl FromStr for Stamp {
    type Err = BadStamp;

    fn from_str(text: &str) -> Result<Self, BadStamp> {
        let bits = hex::<24>(text)?;
        let (ms, counter) = split(bits >> 32);
        let device = u32::try_from(bits & 0xffff_ffff).map_err(|_| BadStamp)?;
        Ok(Self {
            ms,
            counter,
            device,
        })
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(RawStamp);
as_text!(Stamp);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUILD: Millis = 1_700_000_000_000;
    const NOW: Millis = 1_795_307_467_950;

    fn reading(skew: Option<i64>) -> Reading {
        Reading {
            device: DeviceNumber(77_600),
            skew,
            now: NOW,
            build: BUILD,
            seen: None,
            saw: None,
        }
    }

    fn raw(ms: i64) -> RawStamp {
        RawStamp {
            ms: clamp_ms(ms),
            counter: 3,
        }
    }

    #[test]
    fn a_right_clock_is_left_alone() {
        let made = normalise(raw(NOW - 5_000), &reading(Some(90_000)));
        assert_eq!(
            made,
            Normalised {
                stamp: raw(NOW - 5_000).by(DeviceNumber(77_600)),
                clock: Clock::Right,
                shift: 0
            }
        );
    }

    #[test]
    fn a_clock_a_year_off_is_shifted_by_what_was_measured() {
        let year = 31_536_000_000;
        let made = normalise(raw(NOW + year - 7_000), &reading(Some(-year)));
        assert_eq!(made.stamp.time(), NOW - 7_000);
        assert_eq!((made.clock, made.shift), (Clock::Shifted, -year));
    }

    #[test]
    fn a_clock_never_measured_is_clamped_and_called_unknown() {
        let made = normalise(raw(NOW + 1), &reading(None));
        assert_eq!((made.stamp.time(), made.clock), (NOW, Clock::Unknown));
        let made = normalise(raw(86_400_000), &reading(Some(0)));
        assert_eq!((made.stamp.time(), made.clock), (BUILD, Clock::Unknown));
    }

    #[test]
    fn delay_never_makes_a_phone_look_fast() {
        assert_eq!(era_skew(3, 3, 40_000, Some(2_000)), Some(2_000));
        assert_eq!(era_skew(3, 3, 1_000, Some(2_000)), Some(1_000));
        assert_eq!(era_skew(3, 3, 1_000, None), Some(1_000));
        assert_eq!(era_skew(2, 3, 1_000, None), None);
        assert_eq!(era_skew(2, 3, 1_000, Some(-9)), Some(-9));
    }

    prop_compose! {
        fn any_stamp()(ms in 0..=MAX_STAMP_MS, counter: u16, device: u32) -> Stamp {
            Stamp { ms, counter, device }
        }
    }

    proptest! {
        #[test]
        fn text_order_is_stamp_order(a in any_stamp(), b in any_stamp()) {
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
            prop_assert_eq!(a.to_string().parse::<Stamp>().unwrap(), a);
            let raw = RawStamp { ms: a.ms, counter: a.counter };
            prop_assert_eq!(raw.to_string().parse::<RawStamp>().unwrap(), raw);
        }

        #[test]
        fn i8_no_clock_reaches_beyond_the_servers_now(
            ms in 0..=MAX_STAMP_MS, counter: u16, skew in proptest::option::of(any::<i64>()), saw in proptest::option::of(any_stamp()), later in 1..1_000_000_i64,
        ) {
            let made = normalise(RawStamp { ms, counter }, &Reading { saw, ..reading(skew) });
            let honest = RawStamp { ms: clamp_ms(NOW + later), counter: 0 }.by(DeviceNumber(0));
            prop_assert!(made.stamp < honest);
            prop_assert!(made.stamp.time() >= BUILD);
        }

        #[test]
        fn i9_a_stamp_is_above_all_that_its_writer_saw(
            ms in 0..=MAX_STAMP_MS, counter: u16, skew in proptest::option::of(any::<i64>()), seen in any_stamp(),
        ) {
            prop_assume!(seen.ms < MAX_STAMP_MS);
            let made = normalise(RawStamp { ms, counter }, &Reading { seen: Some(seen), ..reading(skew) });
            prop_assert!(made.stamp > seen);
        }

        #[test]
        fn a_successor_is_the_next_stamp_of_that_device(a in any_stamp(), device: u32) {
            prop_assume!(a.ms < MAX_STAMP_MS);
            let next = a.successor(DeviceNumber(device));
            prop_assert!(next > a);
            prop_assert_eq!(next.device, device);
        }
    }
}
