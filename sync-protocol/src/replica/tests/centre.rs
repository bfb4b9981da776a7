//! A model of the centre in memory: numbering, marks, verdicts, merging, heads, feeds, own runs,
//! enrolment, moves, restarts and restores. No rights but "these places".

mod admit;
mod feeds;

use std::collections::{BTreeMap, BTreeSet};

use crate::change::{Change, Line, parse};
use crate::cursor::{Head, Worth, next_rev};
use crate::digest::Digest;
use crate::id::{DeviceNumber, RecordId, UserId};
use crate::mark::Mark;
use crate::merge::{Writer, merge, seen_stamp};
use crate::record::{Created, Record, Write};
use crate::replica::{Enrolled, Proof, Token};
use crate::scope::{Day, Place, Scope};
use crate::stamp::{Reading, era_skew, normalise};
use crate::wire::*;
use crate::{Millis, Rev, Seq};

pub(super) const BUILD: Millis = 1_600_000_000_000;

#[derive(Clone, Default)]
pub(super) struct Device {
    pub(super) line: u32,
    pub(super) user: i64,
    /// The earlier numbers of the line, with how far each was known.
    pub(super) knew: Vec<(u32, Seq)>,
    pub(super) ack: Seq,
    ack_mark: Option<Mark>,
    pub(super) durable: Seq,
    kept: BTreeMap<Seq, Mark>,
    kept_before: BTreeMap<Seq, Mark>,
    verdicts: BTreeMap<Seq, Verdict>,
}

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) scope: Scope,
    pub(super) head: Rev,
    pub(super) record: Record,
    /// The write that stands, if the record is exactly its base and it.
    exact: Option<(u32, Seq)>,
}

#[derive(Clone)]
struct Parked {
    device: u32,
    line: u32,
    seq: Seq,
    user: i64,
    change: Change,
    skew: Option<i64>,
    code: &'static str,
    open: bool,
}

#[derive(Clone)]
pub(super) struct Centre {
    pub(super) epoch: Rev,
    pub(super) now: Millis,
    next_device: u32,
    pub(super) devices: BTreeMap<u32, Device>,
    tokens: BTreeMap<String, u32>,
    heads: BTreeMap<Scope, Head>,
    pub(super) records: BTreeMap<RecordId, Stored>,
    exits: BTreeMap<(Scope, RecordId), Rev>,
    parked: Vec<Parked>,
    /// Line and content of every change that was admitted, parked or found invalid.
    pub(super) log: Vec<(u32, u64)>,
    pub(super) held: BTreeMap<i64, BTreeSet<Place>>,
    pub(super) page_rows: usize,
    pub(super) lost: usize,
}

pub(super) fn by_day(place: &Place) -> bool {
    place.level() == "checkpoint"
}

fn problem(status: u16, code: &str, more: &serde_json::Value) -> (u16, Vec<u8>) {
    let mut body = serde_json::json!({ "protocol": 1, "code": code, "status": status });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    (status, body.to_string().into_bytes())
}

impl Centre {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            epoch: now.unsigned_abs(),
            now,
            next_device: 1_000,
            devices: BTreeMap::new(),
            tokens: BTreeMap::new(),
            heads: BTreeMap::new(),
            records: BTreeMap::new(),
            exits: BTreeMap::new(),
            parked: Vec::new(),
            log: Vec::new(),
            held: BTreeMap::new(),
            page_rows: 500,
            lost: 0,
        }
    }

    /// The code is the number of the person.
    pub(super) fn enrol(
        &mut self,
        token_hash: &str,
        proof: &Proof,
        last: Seq,
        mark: Option<Mark>,
    ) -> Option<Enrolled> {
        let (user, line, knew) = match proof {
            Proof::Code(code) => (code.parse().ok()?, None, Vec::new()),
            Proof::Token(token) => {
                let number = *self.tokens.get(&token.hash())?;
                let old = self.devices.get(&number)?;
                let kept = old.kept.get(&last).or_else(|| old.kept_before.get(&last));
                let left = (number, if kept == mark.as_ref() { last } else { 0 });
                let knew = old.knew.iter().copied().chain([left]).collect();
                (old.user, Some(old.line), knew)
            }
        };
        let number = match self.tokens.get(token_hash) {
            Some(number) => *number,
            None => {
                let number = self.next_device;
                self.next_device += 1;
                let line = line.unwrap_or(number);
                let device = Device {
                    line,
                    user,
                    knew,
                    ..Device::default()
                };
                self.devices.insert(number, device);
                self.tokens.insert(token_hash.to_owned(), number);
                number
            }
        };
        Some(Enrolled {
            device: DeviceNumber(number),
            user: UserId(user),
        })
    }

    pub(super) fn restart(&mut self) {
        self.epoch = (self.epoch + 86_400_000).max(self.now.unsigned_abs());
    }

    /// Everything up to now outlives the loss of the centre.
    pub(super) fn backup(&mut self) -> Self {
        for device in self.devices.values_mut() {
            device.durable = device.ack;
        }
        self.clone()
    }

    /// Puts a backup back; enrolments and grants come from the side ledger.
    pub(super) fn restore(&mut self, backup: &Self) {
        let lost = std::mem::replace(self, backup.clone());
        for (number, device) in lost.devices {
            self.devices.entry(number).or_insert(Device {
                line: device.line,
                user: device.user,
                knew: device.knew,
                ..Device::default()
            });
        }
        self.tokens = lost.tokens;
        self.next_device = lost.next_device;
        self.held = lost.held;
        self.now = lost.now;
        self.epoch = lost.epoch;
        self.page_rows = lost.page_rows;
        self.restart();
    }

    pub(super) fn sync(&mut self, token: &Token, body: &[u8]) -> (u16, Vec<u8>) {
        let none = serde_json::json!({});
        let Ok(request) = Request::parse(body) else {
            return problem(400, "envelope", &none);
        };
        let Some(&number) = self.tokens.get(&token.hash()) else {
            return problem(401, "unknown_token", &none);
        };
        let envelope = &request.envelope;
        let mut device = self.devices[&number].clone();
        if envelope.from > device.ack + 1 {
            let after = device.ack_mark.map(|mark| mark.to_string());
            return problem(
                409,
                "gap",
                &serde_json::json!({ "expected": device.ack + 1, "after": after.unwrap_or_default() }),
            );
        }
        let kept = |seq: Seq| {
            if seq == device.ack {
                return device.ack_mark;
            }
            let marks = [&device.kept, &device.kept_before];
            marks.into_iter().find_map(|marks| marks.get(&seq)).copied()
        };
        if envelope.from > 1 && kept(envelope.from - 1) != envelope.after {
            return problem(409, "fork", &none);
        }
        let marks: BTreeMap<Seq, Mark> = (envelope.from..)
            .zip(&request.lines)
            .map(|(seq, line)| (seq, Mark::of(seq, line)))
            .collect();
        if marks
            .iter()
            .any(|(seq, mark)| *seq <= device.ack && kept(*seq) != Some(*mark))
        {
            return problem(409, "fork", &none);
        }
        let before = device.ack;
        for (seq, line) in (envelope.from..).zip(&request.lines) {
            if seq <= device.ack {
                continue;
            }
            let verdict = self.admit_line(number, &device, seq, line, envelope);
            device.verdicts.insert(seq, verdict);
            device.ack = seq;
            device.ack_mark = marks.get(&seq).copied();
        }
        if device.ack > before {
            device.kept_before = std::mem::replace(&mut device.kept, marks.clone());
        }
        self.devices.insert(number, device.clone());
        let reply = self.reply(number, &device, envelope, &marks);
        (200, serde_json::to_vec(&reply).unwrap())
    }

    pub(super) fn move_record(&mut self, id: RecordId, to: &Place) {
        let mut moved = vec![id];
        moved.extend(
            self.records
                .values()
                .filter(|stored| stored.record.parent == Some(id))
                .map(|stored| stored.record.id),
        );
        for id in moved {
            let Some(stored) = self.records.get_mut(&id) else {
                continue;
            };
            let to = Scope::from(to.clone());
            let from = std::mem::replace(&mut stored.scope, to.clone());
            if from == to {
                continue;
            }
            stored.exact = None;
            stored.record.rev = next_rev(stored.record.rev, self.epoch);
            stored.head = self.heads.entry(to.clone()).or_default().take(self.epoch);
            let head = self.heads.entry(from.clone()).or_default();
            self.exits.insert((from, id), head.take(self.epoch));
            self.exits.remove(&(to, id));
        }
    }

    pub(super) fn rows(&self, scope: &Scope) -> Vec<Row> {
        self.records
            .values()
            .filter(|stored| stored.scope == *scope)
            .map(row)
            .collect()
    }
}

pub(super) fn row(stored: &Stored) -> Row {
    let record = &stored.record;
    let mut conflicts: BTreeMap<String, Vec<Conflict>> = BTreeMap::new();
    for (name, held, write) in record.conflicts() {
        conflicts
            .entry(name.to_owned())
            .or_default()
            .push(Conflict {
                value: held.value.clone(),
                time: write.stamp.time(),
                by: write.user,
            });
    }
    Row {
        record: record.id,
        kind: record.kind.clone(),
        parent: record.parent,
        rev: record.rev,
        stamp: record.stamp(),
        time: record.created.time,
        clock: record.created.clock,
        by: record.created.user,
        set: record.values(),
        conflicts,
        abnormal: Vec::new(),
        flags: Vec::new(),
    }
}
