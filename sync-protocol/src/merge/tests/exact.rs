//! `exact` spares a row its way back to the phone that wrote it: it may be true only where the
//! phone, from its last copy and its own change, makes the very row that the server would send.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{NOON, by, record};
use crate::change::Fields;
use crate::id::{DeviceNumber, UserId};
use crate::merge::{Writer, makes_exactly, merge};
use crate::record::{Created, Record, Write};
use crate::stamp::{Clock, RawStamp, Stamp};
use crate::{Millis, Rev};

/// A row as far as merging decides it.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    rev: Rev,
    stamp: Stamp,
    created: (Millis, UserId, Clock),
    set: Fields,
    conflicts: BTreeMap<String, Vec<Value>>,
    amended_after_void: bool,
    late: bool,
}

fn masked_value(masked: bool, value: &Value) -> Value {
    if masked { json!("*") } else { value.clone() }
}

fn row(record: &Record, masked: &dyn Fn(&str) -> bool) -> Row {
    let mut conflicts = BTreeMap::<String, Vec<Value>>::new();
    for (name, held, _) in record.conflicts() {
        let values = conflicts.entry(name.to_owned()).or_default();
        values.push(masked_value(masked(name), &held.value));
    }
    Row {
        rev: record.rev,
        stamp: record.stamp(),
        created: (
            record.created.time,
            record.created.user,
            record.created.clock,
        ),
        set: record
            .values()
            .into_iter()
            .map(|(name, value)| {
                let value = masked_value(masked(&name), &value);
                (name, value)
            })
            .collect(),
        conflicts,
        amended_after_void: !record.amended_after_void.is_empty(),
        late: record.writes.iter().any(|write| write.late),
    }
}

#[derive(Debug, Clone)]
struct Edit {
    device: u32,
    second: i64,
    shift: i64,
    clock: Clock,
    late: bool,
    /// How many revisions ago its writer pulled; `None` for never.
    behind: Option<Rev>,
    masks: Option<usize>,
    set: BTreeMap<usize, Option<u8>>,
}

const NAMES: [&str; 3] = ["count", "phone", "void"];

prop_compose! {
    fn edit()(
        device in 1..4_u32, second in 0..50_i64,
        shift in prop_oneof![8 => Just(0), 1 => Just(-200_000_i64)],
        clock in prop_oneof![8 => Just(Clock::Right), 1 => Just(Clock::Unknown)],
        late in proptest::bool::weighted(0.1),
        behind in prop_oneof![1 => Just(None), 5 => (0..3_u64).prop_map(Some)],
        masks in prop_oneof![4 => Just(None), 1 => (0..2_usize).prop_map(Some)],
        set in proptest::collection::btree_map(0..3_usize, proptest::option::weighted(0.7, 0..3_u8), 1..3),
    ) -> Edit {
        Edit { device, second, shift, clock, late, behind, masks, set }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn exact_is_said_only_where_the_phone_makes_the_same_row(edits in proptest::collection::vec(edit(), 1..9)) {
        let mut held = record();
        let mut past = vec![held.clone()];
        for (seq, edit) in (1..).zip(edits) {
            let masked = |name: &str| edit.masks.is_some_and(|index| NAMES[index] == name);
            let at = edit.behind.map_or(0, |behind| held.rev.saturating_sub(behind));
            let base = past[usize::try_from(at).unwrap()].clone();
            let raw = RawStamp { ms: u64::try_from(NOON + edit.second * 1_000).unwrap(), counter: 0 };
            let number = DeviceNumber(edit.device);
            let mut stamp = raw.by(number);
            stamp.ms = stamp.ms.checked_add_signed(edit.shift).unwrap();
            let user = UserId(i64::from(edit.device));
            if held.rev == 0 {
                held.created = Created { time: stamp.time(), user, clock: edit.clock };
            }
            let writer = Writer {
                place: (edit.device, seq), knew: &[], base: at, only_base_counts: false, masked: &masked,
            };
            if let Some(seen) = crate::merge::seen_stamp(&held, &writer) && stamp <= seen {
                stamp = seen.successor(number);
            }
            let set: Fields = edit.set.iter().map(|(name, value)| (NAMES[*name].to_owned(), Value::from(*value))).collect();
            let write = Write {
                stamp, raw, clock: edit.clock, shift: edit.shift, rev: held.rev + 1, base: at, line: edit.device,
                seq, user, content: 0, lost: Vec::new(), late: edit.late,
            };
            let merged = merge(&mut held, &set, write, &writer);

            // What the phone makes of `[seq, seq, rev]`, knowing only its copy and its own line.
            let mut made = row(&base, &masked);
            if base.rev == 0 {
                made.created = (raw.by(number).time(), user, Clock::Right);
            }
            made.rev = held.rev;
            made.stamp = raw.by(number);
            made.set.extend(set);
            if merged.exact {
                prop_assert_eq!(made, row(&held, &masked));
            }
            past.push(held.clone());
        }
    }
}

#[test]
fn a_plain_entry_and_a_plain_edit_of_it_are_exact() {
    let mut household = record();
    assert!(
        by(1, 1, 0)
            .sets(&mut household, json!({"phone": "1", "count": 3}))
            .exact
    );
    assert!(
        by(2, 1, 10)
            .seen(1)
            .sets(&mut household, json!({"phone": "2"}))
            .exact
    );
    assert!(
        by(1, 2, 20)
            .seen(2)
            .sets(&mut household, json!({"note": null}))
            .exact
    );
    assert!(
        by(1, 3, 30)
            .seen(3)
            .sets(&mut household, json!({"void": true}))
            .exact
    );
}

#[test]
fn what_the_server_altered_is_not_exact() {
    let plain = || {
        let mut household = record();
        by(1, 1, 100).sets(&mut household, json!({"phone": "1"}));
        household
    };
    let not = |who: &super::By, mut household: Record, why: &str| {
        assert!(
            !who.sets(&mut household, json!({"phone": "2"})).exact,
            "{why}"
        );
    };
    not(&by(2, 1, 200), plain(), "it had seen nothing");
    not(
        &by(2, 1, 50).seen(1),
        plain(),
        "its stamp is not the row's greatest",
    );
    let mut moved_on = plain();
    by(3, 1, 150)
        .seen(1)
        .sets(&mut moved_on, json!({"count": 1}));
    not(&by(2, 1, 200).seen(1), moved_on, "the row has moved on");
    let mut contested = plain();
    by(3, 1, 90).sets(&mut contested, json!({"phone": "3"}));
    not(&by(2, 1, 200).seen(2), contested, "it settled a conflict");
    not(
        &by(2, 1, 200).seen(1).masked("phone"),
        plain(),
        "its reader sees a mask",
    );
}

proptest! {
    #[test]
    fn what_one_change_makes_is_what_merging_it_into_nothing_makes(edit in edit(), base in 0..2_u64) {
        let set: Fields = edit
            .set
            .iter()
            .map(|(name, value)| (NAMES[*name].to_owned(), value.map_or(Value::Null, |n| json!(n))))
            .collect();
        let raw = RawStamp { ms: u64::try_from(NOON + edit.second * 1_000).unwrap(), counter: 0 };
        let shifted = RawStamp { ms: raw.ms.saturating_add_signed(edit.shift), counter: 0 };
        let write = Write {
            stamp: shifted.by(DeviceNumber(edit.device)),
            raw,
            clock: edit.clock,
            shift: edit.shift,
            rev: 7,
            base,
            line: edit.device,
            seq: 3,
            user: UserId(9),
            content: 5,
            lost: Vec::new(),
            late: edit.late,
        };
        let masked = |field: &str| edit.masks.is_some_and(|masks| NAMES[masks] == field);
        let writer = Writer {
            place: (edit.device, 3),
            knew: &[],
            base,
            only_base_counts: false,
            masked: &masked,
        };
        let mut merged_into = record();
        let merged = merge(&mut merged_into, &set, write.clone(), &writer);
        let exact = makes_exactly(&write) && !set.keys().any(|name| masked(name));
        let empty = record();
        let made = Record::made_by(empty.id, empty.kind, empty.parent, empty.created, set, write);
        prop_assert_eq!(made, merged_into);
        prop_assert_eq!(exact, merged.exact);
        prop_assert!(merged.lost.is_empty() && merged.history.is_empty() && !merged.stamps_collided);
    }
}
