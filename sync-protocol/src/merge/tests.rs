//! One example a rule of merging, and what the property tests beside share. The properties
//! themselves are in `order` (I7), `clocks` (I8, I9), `exact` and `writes`;
//! voiding (I18) is in `void`.

mod clocks;
mod exact;
mod order;
mod void;
mod writes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::change::Change;
use crate::id::{RecordId, UserId};
use crate::record::Created;
use crate::stamp::RawStamp;

/// 2026-11-22, the day on which these tests play.
const NOON: i64 = 1_795_320_000_000;

fn record() -> Record {
    let created = Created {
        time: NOON,
        user: UserId(1),
        clock: Clock::Right,
    };
    let id = RecordId::from_bytes([7; 16]);
    Record::new(id, "household".into(), None, created)
}

fn nothing_masked(_: &str) -> bool {
    false
}

/// One write about to be merged: by device (and line) `device`, at `second` past noon.
#[derive(Clone)]
struct By {
    device: u32,
    seq: u64,
    base: Rev,
    second: i64,
    only_base_counts: bool,
    masked: Vec<&'static str>,
}

fn by(device: u32, seq: u64, second: i64) -> By {
    By {
        device,
        seq,
        base: 0,
        second,
        only_base_counts: false,
        masked: Vec::new(),
    }
}

impl By {
    fn seen(self, base: Rev) -> Self {
        Self { base, ..self }
    }

    fn masked(self, field: &'static str) -> Self {
        Self {
            masked: vec![field],
            ..self
        }
    }

    /// Merges as the next revision, with the stamp that the clock gives, above what was seen or not.
    fn sets(&self, record: &mut Record, set: Value) -> Merged {
        let Value::Object(set) = set else {
            panic!("a change sets an object")
        };
        let set: Fields = set.into_iter().collect();
        let raw = RawStamp {
            ms: u64::try_from(NOON + self.second * 1_000).unwrap(),
            counter: 0,
        };
        let write = Write {
            stamp: raw.by(crate::id::DeviceNumber(self.device)),
            raw,
            clock: Clock::Right,
            shift: 0,
            rev: record.rev + 1,
            base: self.base,
            line: self.device,
            seq: self.seq,
            user: UserId(i64::from(self.device)),
            content: self.seq,
            lost: Vec::new(),
            late: false,
        };
        let masked = |field: &str| self.masked.contains(&field);
        let writer = Writer {
            place: (self.device, self.seq),
            knew: &[],
            base: self.base,
            only_base_counts: self.only_base_counts,
            masked: &masked,
        };
        merge(record, &set, write, &writer)
    }
}

/// The conflicts to show, by field, greatest stamp first.
fn conflicts(record: &Record) -> BTreeMap<String, Vec<Value>> {
    let mut shown = BTreeMap::<String, Vec<Value>>::new();
    for (name, held, _) in record.conflicts() {
        shown
            .entry(name.to_owned())
            .or_default()
            .push(held.value.clone());
    }
    shown
}

fn shown(record: &Record) -> Value {
    json!({"values": record.values(), "conflicts": conflicts(record)})
}

#[test]
fn two_people_who_edit_different_fields_both_stand() {
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1", "count": 3}));
    by(2, 1, 10)
        .seen(1)
        .sets(&mut household, json!({"phone": "2"}));
    let merged = by(3, 1, 5)
        .seen(1)
        .sets(&mut household, json!({"count": 4}));
    assert_eq!(merged.lost, [""; 0]);
    assert!(
        !merged.exact,
        "the row holds what this writer has not: the other's phone"
    );
    assert_eq!(
        shown(&household),
        json!({"values": {"phone": "2", "count": 4}, "conflicts": {}})
    );
}

#[test]
fn two_people_who_edit_one_field_leave_the_later_and_keep_the_other() {
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 500)
        .seen(1)
        .sets(&mut household, json!({"phone": "2"}));
    let merged = by(3, 1, 100)
        .seen(1)
        .sets(&mut household, json!({"phone": "3"}));
    assert_eq!(merged.lost, ["phone"]);
    assert_eq!(merged.history.len(), 1);
    assert_eq!(
        (&merged.history[0].value, merged.history[0].write.line),
        (&json!("3"), 3)
    );
    assert_eq!(
        merged.history[0].write.lost, [""; 0],
        "the history says what lost by its field"
    );
    assert_eq!(
        household
            .write_by(crate::id::DeviceNumber(3), 1)
            .unwrap()
            .lost,
        ["phone"]
    );
    assert_eq!(
        shown(&household),
        json!({"values": {"phone": "2"}, "conflicts": {"phone": ["3"]}})
    );
}

#[test]
fn two_people_who_write_the_same_have_no_conflict_until_a_third_differs() {
    let mut household = record();
    by(1, 1, 500).sets(&mut household, json!({"phone": "1"}));
    let merged = by(2, 1, 100).sets(&mut household, json!({"phone": "1"}));
    assert_eq!(merged.lost, ["phone"]);
    assert_eq!(conflicts(&household), BTreeMap::new());
    by(3, 1, 900).sets(&mut household, json!({"phone": "3"}));
    assert_eq!(
        conflicts(&household)["phone"],
        [json!("1"), json!("1")],
        "both dissenters are kept"
    );
}

#[test]
fn a_conflict_is_settled_when_its_own_line_speaks_again() {
    let mut household = record();
    by(1, 1, 500).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 100).sets(&mut household, json!({"phone": "2"}));
    by(2, 2, 200).sets(&mut household, json!({"count": 3}));
    assert_eq!(
        conflicts(&household)["phone"],
        [json!("2")],
        "another field settles nothing"
    );
    let merged = by(2, 3, 300).sets(&mut household, json!({"phone": "22"}));
    assert_eq!(merged.lost, ["phone"]);
    assert_eq!(
        conflicts(&household)["phone"],
        [json!("22")],
        "one line has one dissent"
    );
}

#[test]
fn a_conflict_is_settled_by_someone_who_had_it_on_screen() {
    let mut household = record();
    by(1, 1, 500).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 100).sets(&mut household, json!({"phone": "2"}));
    by(3, 1, 300).sets(&mut household, json!({"phone": "3"}));
    let merged = by(4, 1, 600)
        .seen(2)
        .sets(&mut household, json!({"phone": "2"}));
    assert!(!merged.exact);
    assert_eq!(merged.lost, [""; 0]);
    assert_eq!(
        shown(&household),
        json!({"values": {"phone": "2"}, "conflicts": {"phone": ["3"]}}),
        "what came after the screen was drawn stays"
    );
}

#[test]
fn at_most_eight_conflicts_are_kept_beside_a_field_the_latest_of_them() {
    let mut household = record();
    by(50, 1, 5_000).sets(&mut household, json!({"phone": "stands"}));
    let mut history = 0;
    for device in [9_u32, 3, 7, 1, 8, 2, 6, 10, 5, 4] {
        let merged =
            by(device, 1, i64::from(device) * 300).sets(&mut household, json!({"phone": device}));
        history += merged.history.len();
    }
    assert_eq!(history, 10, "the history holds all of them");
    let kept: Vec<Value> = (3..=10_u32).rev().map(Value::from).collect();
    assert_eq!(conflicts(&household)["phone"], kept);
}

#[test]
fn equal_stamps_leave_the_greater_bytes_and_raise_an_alarm() {
    // Only a number that two machines hold can make them: a server's, put back twice.
    let server = |seq| By {
        only_base_counts: true,
        ..by(7, seq, 0)
    };
    for (first, second, lost) in [
        (json!({"a": 1}), json!({"a": 2}), false),
        (json!({"a": 2}), json!({"a": 1}), true),
        (json!("90"), json!("9"), true),
    ] {
        let mut household = record();
        server(1).sets(&mut household, json!({"address": first}));
        let merged = server(2).sets(&mut household, json!({"address": second}));
        assert!(merged.stamps_collided);
        assert_eq!(!merged.lost.is_empty(), lost, "{first} {second}");
        let (stands, loses) = if lost {
            (first, second)
        } else {
            (second, first)
        };
        assert_eq!(
            shown(&household),
            json!({"values": {"address": stands}, "conflicts": {"address": [loses]}})
        );
    }
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1"}));
    let merged = by(2, 1, 0).sets(&mut household, json!({"phone": "2"}));
    assert!(
        !merged.stamps_collided,
        "stamps of two devices are never equal"
    );
}

#[test]
fn i9_a_field_that_the_view_masks_is_never_seen_by_base() {
    let mut household = record();
    by(1, 1, 500).sets(&mut household, json!({"phone": "1", "count": 1}));
    let merged = by(2, 1, 100)
        .seen(1)
        .masked("phone")
        .sets(&mut household, json!({"phone": "2", "count": 2}));
    assert_eq!(
        merged.lost,
        ["phone"],
        "nobody amends what they cannot read"
    );
    assert_eq!(
        shown(&household),
        json!({"values": {"phone": "1", "count": 2}, "conflicts": {"phone": ["2"]}})
    );
    let masked = |field: &str| field == "phone";
    let writer = Writer {
        place: (3, 1),
        knew: &[],
        base: household.rev,
        only_base_counts: false,
        masked: &masked,
    };
    assert_eq!(
        seen_stamp(&household, &writer).map(Stamp::time),
        Some(NOON + 100_000),
        "nor does its stamp raise theirs"
    );
}

#[test]
fn i9_a_device_knows_what_it_wrote_itself_also_where_its_view_masks() {
    let mut household = record();
    let phone = |seq, second| by(2, seq, second).masked("phone");
    phone(1, 500).sets(&mut household, json!({"phone": "wrong"}));
    let merged = phone(2, 100).sets(&mut household, json!({"phone": "right"}));
    assert_eq!(merged.lost, [""; 0]);
    assert_eq!(
        shown(&household),
        json!({"values": {"phone": "right"}, "conflicts": {}})
    );
}

#[test]
fn a_server_process_writes_for_many_so_only_base_counts() {
    let mut household = record();
    let server = |seq, second| By {
        only_base_counts: true,
        ..by(7, seq, second)
    };
    server(1, 0).sets(&mut household, json!({"phone": "clerk one"}));
    let merged = server(2, 10).sets(&mut household, json!({"phone": "clerk two"}));
    assert_eq!(
        merged.history.len(),
        1,
        "one process, two people, two opinions"
    );
    assert_eq!(conflicts(&household)["phone"], [json!("clerk one")]);
    server(3, 20)
        .seen(2)
        .sets(&mut household, json!({"phone": "settled"}));
    assert_eq!(conflicts(&household), BTreeMap::new());
}

#[test]
fn i13_fields_that_nobody_here_knows_survive_every_edit() {
    let mut household = record();
    let set = json!({"phone": "1", "from_the_future": {"x": [1, {"y": null}]}, "things/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02": true});
    by(1, 1, 0).sets(&mut household, set);
    by(2, 1, 500)
        .seen(1)
        .sets(&mut household, json!({"phone": "2"}));
    let text = serde_json::to_string(&household).unwrap();
    let mut household: Record = serde_json::from_str(&text).unwrap();
    by(3, 1, 900)
        .seen(2)
        .sets(&mut household, json!({"phone": "3", "newer_still": -1}));
    assert_eq!(
        json!(household.values()),
        json!({"phone": "3", "newer_still": -1, "from_the_future": {"x": [1, {"y": null}]}, "things/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02": true})
    );
}

#[test]
fn content_queued_again_under_a_new_number_is_recognised() {
    let line = br#"{"era":1,"schema":1,"stamp":"01a200990ebf0000","kind":"household","record":"07070707-0707-0707-0707-070707070707","set":{"phone":"1"}}"#;
    let change = |text: &[u8]| -> Change {
        match crate::change::parse(text) {
            Ok(crate::change::Line::Change(change)) => *change,
            other => panic!("{other:?}"),
        }
    };
    let first = change(line);
    let again = change(line);
    assert_eq!(first.content(), again.content());
    let text = String::from_utf8(line.to_vec()).unwrap();
    for (from, to) in [
        ("\"phone\":\"1\"", "\"phone\":\"2\""),
        ("0000\"", "0001\""),
        ("0707\",\"set", "0708\",\"set"),
    ] {
        let other = change(text.replacen(from, to, 1).as_bytes());
        assert_ne!(first.content(), other.content(), "{from}");
    }
    // What a new enrolment may change: schema, base, what it saw.
    let other = change(
        text.replace(
            "\"era\":1,\"schema\":1",
            "\"era\":2,\"schema\":3,\"base\":9",
        )
        .as_bytes(),
    );
    assert_eq!(first.content(), other.content());

    let mut household = record();
    let mut write = writes::write(5, 1);
    write.content = first.content();
    let writer = Writer {
        place: (5, 1),
        knew: &[],
        base: 0,
        only_base_counts: false,
        masked: &nothing_masked,
    };
    merge(&mut household, &first.set, write, &writer);
    by(6, 1, 900)
        .seen(1)
        .sets(&mut household, json!({"phone": "6"}));
    let known = household.repeat_of(5, again.content()).unwrap();
    assert_eq!((known.seq, known.rev), (1, 1), "also when overtaken");
    assert!(
        household.repeat_of(6, again.content()).is_none(),
        "another line's is not a repeat"
    );
}
