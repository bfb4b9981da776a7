//! Runs every case of `vectors/*.json` against this crate. The files are written for any
//! language; what each holds stands in its `about`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test, a panic is the report"
)]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sync_protocol::change::{self, Fields, Line};
use sync_protocol::cursor::{Head, Worth, next_rev};
use sync_protocol::digest::Digest;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::mark::Mark;
use sync_protocol::merge::{Writer, merge};
use sync_protocol::record::{Created, Held, Record, Write};
use sync_protocol::stamp::{Clock, RawStamp, Reading, Stamp, era_skew, normalise};
use sync_protocol::wire::{BadRequest, Request};
use sync_protocol::{Millis, Rev, Seq};

fn cases<T: serde::de::DeserializeOwned>(file: &str, group: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    let text = std::fs::read(path).unwrap();
    let mut file: BTreeMap<String, Value> = serde_json::from_slice(&text).unwrap();
    assert!(file["about"].is_string());
    let cases: Vec<T> = serde_json::from_value(file.remove(group).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases
}

/// A text that may be given as it is, in hex, or as parts with how often each is repeated.
#[derive(Deserialize)]
struct Text {
    #[serde(alias = "line", alias = "body")]
    text: Option<String>,
    hex: Option<String>,
    parts: Option<Vec<(String, usize)>>,
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match (&self.text, &self.hex, &self.parts) {
            (Some(text), None, None) => text.clone().into_bytes(),
            (None, Some(hex), None) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            (None, None, Some(parts)) => parts
                .iter()
                .flat_map(|(text, times)| text.repeat(*times).into_bytes())
                .collect(),
            _ => panic!("one of text, hex and parts is wanted"),
        }
    }
}

#[test]
fn raw_stamps_are_normalised_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        raw: RawStamp,
        device: DeviceNumber,
        skew: Option<i64>,
        now: Millis,
        build: Millis,
        seen: Option<Stamp>,
        saw: Option<Stamp>,
        stamp: Stamp,
        clock: Clock,
        shift: i64,
    }
    for case in cases::<Case>("stamps.json", "normalise") {
        let made = normalise(
            case.raw,
            &Reading {
                device: case.device,
                skew: case.skew,
                now: case.now,
                build: case.build,
                seen: case.seen,
                saw: case.saw,
            },
        );
        assert_eq!(
            (made.stamp.to_string(), made.clock, made.shift),
            (case.stamp.to_string(), case.clock, case.shift),
            "{}",
            case.name
        );
    }
}

#[test]
fn the_skew_of_an_era_is_taken_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        change_era: u64,
        request_era: u64,
        measured: i64,
        told: Option<i64>,
        skew: Option<i64>,
    }
    for case in cases::<Case>("stamps.json", "eras") {
        let skew = era_skew(case.change_era, case.request_era, case.measured, case.told);
        assert_eq!(skew, case.skew, "{}", case.name);
    }
}

#[test]
fn stamps_read_and_order_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        text: String,
        good: bool,
        of: String,
    }
    let order: Vec<Stamp> = cases("stamps.json", "order");
    assert!(order.is_sorted());
    for case in cases::<Case>("stamps.json", "texts") {
        let good = match case.of.as_str() {
            "raw" => case.text.parse::<RawStamp>().is_ok(),
            _ => case.text.parse::<Stamp>().is_ok(),
        };
        assert_eq!(good, case.good, "{} as {}", case.text, case.of);
    }
}

#[test]
fn marks_are_made_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        seq: Seq,
        line: String,
        mark: Mark,
    }
    for case in cases::<Case>("marks.json", "cases") {
        let mark = Mark::of(case.seq, case.line.as_bytes());
        assert_eq!(mark, case.mark, "{}", case.name);
    }
}

#[test]
fn digests_are_made_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        records: Vec<(RecordId, Rev)>,
        count: usize,
        digest: Digest,
    }
    for case in cases::<Case>("digests.json", "cases") {
        let mut digest = Digest::default();
        for (record, rev) in &case.records {
            digest.add(*record, *rev);
        }
        assert_eq!(
            (case.records.len(), digest),
            (case.count, case.digest),
            "{}",
            case.name
        );
    }
}

#[test]
fn heads_and_cursors_behave_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Take {
        name: String,
        before: Head,
        epoch: Rev,
        gives: Rev,
        after: Head,
    }
    #[derive(Deserialize)]
    struct Judge {
        name: String,
        head: Head,
        cursor: Rev,
        worth: String,
    }
    #[derive(Deserialize)]
    struct Next {
        rev: Rev,
        epoch: Rev,
        gives: Rev,
    }
    for case in cases::<Take>("cursors.json", "take") {
        let mut head = case.before;
        assert_eq!(head.take(case.epoch), case.gives, "{}", case.name);
        assert_eq!(head, case.after, "{}", case.name);
    }
    for case in cases::<Judge>("cursors.json", "judge") {
        let worth = match case.head.judge(case.cursor) {
            Worth::Good => "good",
            Worth::Start => "start",
            Worth::Void => "void",
        };
        assert_eq!(worth, case.worth, "{}", case.name);
    }
    for case in cases::<Next>("cursors.json", "next_rev") {
        assert_eq!(next_rev(case.rev, case.epoch), case.gives);
    }
}

#[test]
fn lines_are_read_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(flatten)]
        line: Text,
        change: Option<Value>,
        lost: Option<String>,
        malformed: Option<Value>,
    }
    for case in cases::<Case>("changes.json", "cases") {
        let read = match change::parse(&case.line.bytes()) {
            Ok(Line::Change(change)) => json!({"change": {
                "era": change.era, "schema": change.schema, "stamp": change.stamp, "kind": change.kind,
                "record": change.record, "base": change.base, "saw": change.saw, "scope": change.scope,
                "parent": change.parent, "whole": change.whole, "set": change.set,
            }}),
            Ok(Line::Lost(reason)) => json!({"lost": reason}),
            Err(fault) => json!({"malformed": {
                "code": fault.code, "path": fault.path, "record": fault.record, "kind": fault.kind,
            }}),
        };
        let expected = match (case.change, case.lost, case.malformed) {
            (Some(change), None, None) => json!({"change": change}),
            (None, Some(reason), None) => json!({"lost": reason}),
            (None, None, Some(fault)) => json!({"malformed": fault}),
            _ => panic!("{}: one outcome is wanted", case.name),
        };
        assert_eq!(read, expected, "{}", case.name);
    }
}

#[test]
fn bodies_are_read_as_the_vectors_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(flatten)]
        body: Text,
        envelope: Option<Value>,
        #[serde(default)]
        lines: Vec<String>,
        refused: Option<String>,
        names: Option<String>,
    }
    for case in cases::<Case>("envelope.json", "cases") {
        let body = case.body.bytes();
        match Request::parse(&body) {
            Ok(request) => {
                let mut expected = case.envelope.expect(&case.name);
                // An empty `eras` may be left out.
                if let Some(members) = expected.as_object_mut() {
                    members.retain(|name, value| name != "eras" || *value != json!({}));
                }
                assert_eq!(json!(request.envelope), expected, "{}", case.name);
                let lines: Vec<_> = case.lines.iter().map(String::as_bytes).collect();
                assert_eq!(request.lines, lines, "{}", case.name);
            }
            Err(fault) => {
                let sort = match fault {
                    BadRequest::Envelope { .. } => "envelope",
                    BadRequest::Protocol(_) => "protocol",
                    BadRequest::TooMany { .. } => "too_many",
                };
                assert_eq!(Some(sort), case.refused.as_deref(), "{}", case.name);
                let text = fault.to_string();
                assert!(
                    text.contains(&case.names.unwrap_or_default()),
                    "{}: {text}",
                    case.name
                );
            }
        }
    }
}

#[derive(Deserialize)]
struct MergeCase {
    name: String,
    before: Before,
    change: Incoming,
    after: After,
}

#[derive(Deserialize)]
struct Before {
    rev: Rev,
    fields: BTreeMap<String, Standing>,
    #[serde(default)]
    losers: BTreeMap<String, Vec<Standing>>,
    #[serde(default)]
    amended_after_void: Vec<String>,
}

#[derive(Deserialize)]
struct Standing {
    value: Value,
    stamp: Stamp,
    rev: Rev,
    line: u32,
    seq: Seq,
}

#[derive(Deserialize)]
struct Incoming {
    stamp: Stamp,
    raw: Option<RawStamp>,
    line: u32,
    seq: Seq,
    #[serde(default)]
    knew: Vec<(u32, Seq)>,
    base: Rev,
    set: Fields,
    #[serde(default)]
    masked: Vec<String>,
    #[serde(default)]
    only_base_counts: bool,
    #[serde(default)]
    shift: i64,
    #[serde(default)]
    clock: Clock,
    #[serde(default)]
    late: bool,
}

#[derive(Deserialize)]
struct After {
    values: Value,
    conflicts: Value,
    amended_after_void: Value,
    lost: Value,
    history: Value,
    exact: bool,
    collided: bool,
}

fn write(stamp: Stamp, rev: Rev, line: u32, seq: Seq) -> Write {
    Write {
        stamp,
        raw: RawStamp {
            ms: stamp.ms,
            counter: stamp.counter,
        },
        clock: Clock::Right,
        shift: 0,
        rev,
        base: 0,
        line,
        seq,
        user: UserId(1),
        content: 0,
        lost: Vec::new(),
        late: false,
    }
}

impl Before {
    fn record(self) -> Record {
        let created = Created {
            time: 0,
            user: UserId(1),
            clock: Clock::Right,
        };
        let id = RecordId::from_bytes([7; 16]);
        let mut record = Record::new(id, "household".into(), None, created);
        let hold = |writes: &mut Vec<Write>, from: Standing| {
            writes.push(write(from.stamp, from.rev, from.line, from.seq));
            Held {
                value: from.value,
                write: writes.len() - 1,
            }
        };
        for (name, from) in self.fields {
            let held = hold(&mut record.writes, from);
            record.fields.insert(name, held);
        }
        for (name, from) in self.losers {
            let losers = from
                .into_iter()
                .map(|from| hold(&mut record.writes, from))
                .collect();
            record.losers.insert(name, losers);
        }
        record.rev = self.rev;
        record.amended_after_void = self.amended_after_void.into_iter().collect();
        record
    }
}

#[test]
fn changes_are_merged_as_the_vectors_say() {
    for case in cases::<MergeCase>("merge.json", "cases") {
        let mut record = case.before.record();
        let incoming = case.change;
        let masked = |name: &str| incoming.masked.iter().any(|field| field == name);
        let writer = Writer {
            place: (incoming.stamp.device, incoming.seq),
            knew: &incoming.knew,
            base: incoming.base,
            only_base_counts: incoming.only_base_counts,
            masked: &masked,
        };
        let plain = write(incoming.stamp, record.rev + 1, incoming.line, incoming.seq);
        let made = Write {
            raw: incoming.raw.unwrap_or(plain.raw),
            base: incoming.base,
            shift: incoming.shift,
            clock: incoming.clock,
            late: incoming.late,
            ..plain
        };
        let merged = merge(&mut record, &incoming.set, made, &writer);
        let mut conflicts = BTreeMap::<&str, Vec<&Value>>::new();
        for (name, held, _) in record.conflicts() {
            conflicts.entry(name).or_default().push(&held.value);
        }
        let history: Vec<Value> = merged
            .history
            .iter()
            .map(|lost| json!({"field": lost.field, "value": lost.value, "line": lost.write.line, "seq": lost.write.seq}))
            .collect();
        assert_eq!(
            json!({
                "values": record.values(), "conflicts": conflicts, "flags": record.amended_after_void,
                "lost": merged.lost, "history": history, "exact": merged.exact, "collided": merged.stamps_collided,
            }),
            json!({
                "values": case.after.values, "conflicts": case.after.conflicts, "flags": case.after.amended_after_void,
                "lost": case.after.lost, "history": case.after.history, "exact": case.after.exact, "collided": case.after.collided,
            }),
            "{}",
            case.name
        );
    }
}
