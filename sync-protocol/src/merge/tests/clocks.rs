//! I8 and I9: no clock, however wrong, lets an edit win against the future or lose to what its
//! writer had on screen.

use proptest::prelude::*;
use serde_json::json;

use super::{NOON, nothing_masked, record};
use crate::id::{DeviceNumber, UserId};
use crate::merge::{Merged, Writer, merge, seen_stamp};
use crate::record::{Record, Write};
use crate::stamp::{MAX_STAMP_MS, RawStamp, Reading, Stamp, normalise};

/// A change of `phone` as it is admitted: any raw stamp, any measured skew.
#[derive(Debug, Clone)]
struct Edit {
    device: u32,
    raw: RawStamp,
    skew: Option<i64>,
    sees: bool,
    /// What it says was on screen, true or not.
    saw: Option<u64>,
}

prop_compose! {
    fn edit()(
        device in 1..4_u32, ms in prop_oneof![0..=MAX_STAMP_MS, 1_795_000_000_000..1_796_000_000_000_u64],
        counter: u16, skew in proptest::option::of(prop_oneof![-400_000..400_000_i64, any::<i64>()]), sees: bool,
        saw in proptest::option::weighted(0.3, 0..=MAX_STAMP_MS),
    ) -> Edit {
        Edit { device, raw: RawStamp { ms, counter }, skew, sees, saw }
    }
}

fn admit(record: &mut Record, edit: &Edit, seq: u64, now: i64) -> Merged {
    let base = if edit.sees { record.rev } else { 0 };
    let writer = Writer {
        place: (edit.device, seq),
        knew: &[],
        base,
        only_base_counts: false,
        masked: &nothing_masked,
    };
    let made = normalise(
        edit.raw,
        &Reading {
            device: DeviceNumber(edit.device),
            skew: edit.skew,
            now,
            build: NOON - 86_400_000,
            seen: seen_stamp(record, &writer),
            saw: edit.saw.map(|ms| Stamp {
                ms,
                counter: u16::MAX,
                device: u32::MAX,
            }),
        },
    );
    let write = Write {
        stamp: made.stamp,
        raw: edit.raw,
        clock: made.clock,
        shift: made.shift,
        rev: record.rev + 1,
        base,
        line: edit.device,
        seq,
        user: UserId(1),
        content: seq,
        lost: Vec::new(),
        late: false,
    };
    let set = [("phone".to_owned(), json!(seq))].into();
    merge(record, &set, write, &writer)
}

proptest! {
    #[test]
    fn i8_what_was_admitted_before_never_beats_an_honest_edit_made_after(
        edits in proptest::collection::vec((edit(), 0..100_000_i64), 1..12),
    ) {
        let mut record = record();
        let mut now = NOON;
        for (seq, (edit, pause)) in (1..).zip(&edits) {
            now += pause;
            admit(&mut record, edit, seq, now);
        }
        // Its writer has seen nothing of all that, and writes by a clock that is right.
        // (One millisecond is what counters that run over can add to the server's now.)
        let honest = Edit {
            device: 9,
            raw: RawStamp { ms: u64::try_from(now + 2).unwrap(), counter: 0 },
            skew: Some(0),
            sees: false,
            saw: None,
        };
        let merged = admit(&mut record, &honest, 1_000, now + 2);
        prop_assert!(merged.lost.is_empty());
        prop_assert_eq!(&record.values()["phone"], &json!(1_000));
    }

    #[test]
    fn i9_an_edit_of_what_was_on_screen_takes_effect_whatever_the_clock_says(
        edits in proptest::collection::vec((edit(), -31_536_000_000..31_536_000_000_i64), 1..12), last in edit(),
    ) {
        let mut record = record();
        // The server's clock may jump too.
        for (seq, (edit, jump)) in (1..).zip(&edits) {
            let own_or_seen = edit.sees || record.write_of("phone").is_none_or(|write| write.line == edit.device);
            let merged = admit(&mut record, edit, seq, NOON + jump);
            prop_assert!(!own_or_seen || merged.lost.is_empty(), "{:?}", edit);
        }
        let before = record.stamp();
        let merged = admit(&mut record, &Edit { sees: true, ..last }, 1_000, NOON);
        prop_assert!(merged.lost.is_empty() && merged.history.is_empty());
        prop_assert_eq!(&record.values()["phone"], &json!(1_000));
        prop_assert!(record.stamp() > before, "and stands above it from now on");
        prop_assert!(record.conflicts().next().is_none(), "all that was on screen is settled");
    }

    #[test]
    fn effective_stamps_of_one_field_grow_with_every_edit_that_saw_the_last(
        edits in proptest::collection::vec(edit(), 2..10),
    ) {
        let mut record = record();
        let mut last = None;
        for (seq, edit) in (1..).zip(&edits) {
            admit(&mut record, &Edit { sees: true, ..edit.clone() }, seq, NOON);
            let stamp = record.stamp();
            prop_assert!(last < Some(stamp));
            last = Some(stamp);
        }
    }
}
