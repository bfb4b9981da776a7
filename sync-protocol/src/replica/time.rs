//! What a phone knows of time: eras in which its clock ran true, strictly rising raw stamps, and
//! per era how far the server's clock is ahead. It never sets a clock right: it only says what it
//! knows, and the server decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Moment;
use crate::Millis;
use crate::stamp::{MAX_STAMP_MS, RawStamp, SKEW_TOLERANCE_MS};

/// Stretches of time in which the phone's clock ran true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eras {
    /// The present era; the first is 1.
    pub era: u64,
    /// Where the two clocks were compared first in this run of the program and this era.
    anchor: Option<Moment>,
    /// The clocks when last looked at.
    last: Moment,
    /// The last raw stamp of this era.
    stamp: RawStamp,
    /// Server minus phone, in milliseconds: the smallest measured, or what keeps the first
    /// acknowledged change of an era that was never measured where the server put it.
    pub offsets: BTreeMap<u64, i64>,
}

impl Eras {
    pub(super) fn new() -> Self {
        Self {
            era: 1,
            anchor: None,
            last: Moment::default(),
            stamp: RawStamp::default(),
            offsets: BTreeMap::new(),
        }
    }

    /// The monotonic clock begins anew.
    pub(super) const fn wake(&mut self) {
        self.anchor = None;
    }

    /// Compares the clocks. A new era begins when the wall clock parts from the monotonic clock
    /// by more than 120 s or, where a run of the program has just begun and there is nothing to
    /// compare with, stands below the last time saved. Says whether the monotonic clock began anew.
    pub(super) fn tick(&mut self, now: Moment) -> bool {
        let anew = self.anchor.is_none() || now.mono < self.last.mono;
        let parted = match self.anchor {
            Some(anchor) if !anew => {
                let by_wall = now.wall.saturating_sub(anchor.wall);
                let by_mono = now.mono.saturating_sub(anchor.mono);
                by_wall.saturating_sub(by_mono).saturating_abs() > SKEW_TOLERANCE_MS
            }
            _ => {
                self.anchor = Some(now);
                now.wall < self.last.wall
            }
        };
        if parted {
            self.era += 1;
            self.anchor = Some(now);
            self.stamp = RawStamp::default();
        }
        self.last = now;
        anew
    }

    /// A raw stamp above all others of this era.
    pub(super) fn stamp(&mut self, wall: Millis) -> RawStamp {
        let ms = u64::try_from(wall).unwrap_or(0).min(MAX_STAMP_MS);
        let last = self.stamp;
        self.stamp = if ms > last.ms {
            RawStamp { ms, counter: 0 }
        } else if last.counter < u16::MAX {
            RawStamp {
                counter: last.counter + 1,
                ..last
            }
        } else {
            RawStamp {
                ms: (last.ms + 1).min(MAX_STAMP_MS),
                counter: 0,
            }
        };
        self.stamp
    }

    /// Takes in one measurement. Delay only makes the phone look slow, so the smallest is the truest.
    pub(super) fn measure(&mut self, era: u64, offset: i64) {
        self.offsets
            .entry(era)
            .and_modify(|known| *known = (*known).min(offset))
            .or_insert(offset);
    }

    /// Forgets the offsets of past eras that no kept change belongs to.
    pub(super) fn keep(&mut self, wanted: impl Fn(u64) -> bool) {
        let present = self.era;
        self.offsets
            .retain(|era, _| *era == present || wanted(*era));
    }

    /// The server's time, as well as it is known.
    #[must_use]
    pub fn server_time(&self, wall: Millis) -> Millis {
        wall.saturating_add(self.offsets.get(&self.era).copied().unwrap_or(0))
    }
}
