//! A model of the centre in memory: numbering, marks, verdicts, merging, heads, feeds, own runs,
//! enrolment, moves, restarts and restores. No rights but "these places".

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

fn problem(status: u16, code: &str, more: serde_json::Value) -> (u16, Vec<u8>) {
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
    pub(super) fn enrol(&mut self, token_hash: &str, proof: &Proof) -> Option<Enrolled> {
        let (user, line) = match proof {
            Proof::Code(code) => (code.parse().ok()?, None),
            Proof::Token(token) => {
                let old = self.devices.get(self.tokens.get(&token.hash())?)?;
                (old.user, Some(old.line))
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
            return problem(400, "envelope", none);
        };
        let Some(&number) = self.tokens.get(&token.hash()) else {
            return problem(401, "unknown_token", none);
        };
        let envelope = &request.envelope;
        let mut device = self.devices[&number].clone();
        if envelope.from > device.ack + 1 {
            let after = device.ack_mark.map(|mark| mark.to_string());
            return problem(
                409,
                "gap",
                serde_json::json!({ "expected": device.ack + 1, "after": after.unwrap_or_default() }),
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
            return problem(409, "fork", none);
        }
        let marks: BTreeMap<Seq, Mark> = (envelope.from..)
            .zip(&request.lines)
            .map(|(seq, line)| (seq, Mark::of(seq, line)))
            .collect();
        if marks
            .iter()
            .any(|(seq, mark)| *seq <= device.ack && kept(*seq) != Some(*mark))
        {
            return problem(409, "fork", none);
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

    fn admit_line(
        &mut self,
        number: u32,
        device: &Device,
        seq: Seq,
        line: &[u8],
        envelope: &Envelope,
    ) -> Verdict {
        let mut verdict = Verdict {
            seq,
            last: None,
            verdict: Outcome::Invalid,
            code: None,
            path: None,
            fields: Vec::new(),
            scope: None,
        };
        match parse(line) {
            Ok(Line::Change(change)) => {
                let told = envelope.eras.get(&change.era).copied();
                let measured = self.now - envelope.now;
                let parked = Parked {
                    device: number,
                    line: device.line,
                    seq,
                    user: device.user,
                    skew: era_skew(change.era, envelope.era, measured, told),
                    change: *change,
                    code: "",
                    open: true,
                };
                let (outcome, code, fields) = self.admit(parked);
                verdict.verdict = outcome;
                verdict.code = code.map(str::to_owned);
                verdict.fields = fields;
            }
            Ok(Line::Lost(_)) => {
                self.lost += 1;
                verdict.code = Some(invalid::LOST.to_owned());
            }
            Err(fault) => verdict.code = Some(fault.code.to_owned()),
        }
        verdict
    }

    fn admit(&mut self, mut this: Parked) -> (Outcome, Option<&'static str>, Vec<String>) {
        let (id, content) = (this.change.record, this.change.content());
        if let Some(write) = self
            .records
            .get(&id)
            .and_then(|stored| stored.record.repeat_of(this.line, content))
        {
            let outcome = if write.lost.is_empty() {
                Outcome::Applied
            } else {
                Outcome::Merged
            };
            return (outcome, None, write.lost.clone());
        }
        let mut before = self.parked.iter().filter(|other| other.line == this.line);
        if let Some(known) = before.find(|other| other.change.content() == content) {
            return (outcome_of(known.code), Some(known.code), Vec::new());
        }
        self.log.push((this.line, content));
        match self.place(&this) {
            Ok(scope) => {
                let fields = self.write(&this, scope);
                self.admit_waiting(id);
                let outcome = if fields.is_empty() {
                    Outcome::Applied
                } else {
                    Outcome::Merged
                };
                (outcome, None, fields)
            }
            Err(code) => {
                this.code = code;
                self.parked.push(this);
                (outcome_of(code), Some(code), Vec::new())
            }
        }
    }

    /// Where the record is or is to be, or why the change cannot be applied.
    fn place(&self, this: &Parked) -> Result<Scope, &'static str> {
        let change = &this.change;
        if change.set.contains_key("bad") {
            return Err("type");
        }
        let behind = self.parked.iter().any(|other| {
            other.open && other.line == this.line && other.change.record == change.record
        });
        if behind && !change.whole {
            return Err(parked::BEHIND);
        }
        let may = |place: &Place| {
            self.held
                .get(&this.user)
                .is_some_and(|held| held.contains(place))
        };
        if let Some(stored) = self.records.get(&change.record) {
            return if may(&stored.scope.place) {
                Ok(stored.scope.clone())
            } else {
                Err(parked::OUT_OF_SCOPE)
            };
        }
        if change.base.is_some() {
            return Err(parked::WAITING);
        }
        if let Some(parent) = change.parent {
            let stored = self.records.get(&parent).ok_or(parked::WAITING)?;
            return if may(&stored.scope.place) {
                Ok(stored.scope.clone())
            } else {
                Err(parked::OUT_OF_SCOPE)
            };
        }
        let place = change.scope.clone().ok_or(invalid::SCOPE)?;
        if !may(&place) {
            return Err(parked::OUT_OF_SCOPE);
        }
        let time = normalise(change.stamp, &self.reading(this)).stamp.time();
        let local = chrono::DateTime::from_timestamp_millis(time + 8 * 3_600_000).unwrap();
        Ok(Scope {
            day: by_day(&place).then(|| Day(local.date_naive())),
            place,
        })
    }

    fn reading(&self, this: &Parked) -> Reading {
        Reading {
            device: DeviceNumber(this.device),
            skew: this.skew,
            now: self.now,
            build: BUILD,
            seen: None,
            saw: this.change.saw,
        }
    }

    fn write(&mut self, this: &Parked, scope: Scope) -> Vec<String> {
        let change = &this.change;
        let writer = Writer {
            line: this.line,
            place: (this.device, this.seq),
            base: change.base.unwrap_or(0),
            only_base_counts: false,
            masked: &|_| false,
        };
        let mut reading = self.reading(this);
        reading.seen = self
            .records
            .get(&change.record)
            .and_then(|stored| seen_stamp(&stored.record, &writer));
        let normalised = normalise(change.stamp, &reading);
        let head = self.heads.entry(scope.clone()).or_default();
        let head = head.take(self.epoch);
        self.exits.remove(&(scope.clone(), change.record));
        let stored = self.records.entry(change.record).or_insert_with(|| Stored {
            scope,
            head,
            record: Record::new(
                change.record,
                change.kind.clone(),
                change.parent,
                Created {
                    time: normalised.stamp.time(),
                    user: UserId(this.user),
                    clock: normalised.clock,
                },
            ),
            exact: None,
        });
        let write = Write {
            stamp: normalised.stamp,
            raw: change.stamp,
            clock: normalised.clock,
            shift: normalised.shift,
            rev: next_rev(stored.record.rev, self.epoch),
            base: change.base.unwrap_or(0),
            line: this.line,
            seq: this.seq,
            user: UserId(this.user),
            content: change.content(),
            lost: Vec::new(),
            late: false,
        };
        let clear = write.clock == crate::stamp::Clock::Right;
        let merged = merge(&mut stored.record, &change.set, write, &writer);
        stored.exact = (merged.exact && clear).then_some((this.device, this.seq));
        stored.head = head;
        merged.lost
    }

    /// What waited for this record, in the order of arrival.
    fn admit_waiting(&mut self, id: RecordId) {
        for index in 0..self.parked.len() {
            let this = self.parked[index].clone();
            let waits = matches!(this.code, parked::WAITING | parked::BEHIND);
            if !this.open || !waits || (this.change.record != id && this.change.parent != Some(id))
            {
                continue;
            }
            self.parked[index].open = false;
            let mut again = this;
            again.open = true;
            let earlier = self.parked[..index].iter().any(|other| {
                other.open && other.line == again.line && other.change.record == again.change.record
            });
            let placed = if earlier {
                Err(parked::BEHIND)
            } else {
                let open: Vec<bool> = self.parked.iter().map(|other| other.open).collect();
                self.parked.iter_mut().for_each(|other| other.open = false);
                let placed = self.place(&again);
                for (other, open) in self.parked.iter_mut().zip(open) {
                    other.open = open;
                }
                placed
            };
            match placed {
                Ok(scope) => {
                    self.write(&again, scope);
                    let made = again.change.record;
                    if made != id {
                        self.admit_waiting(made);
                    }
                }
                Err(_) => self.parked[index].open = true,
            }
        }
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

    fn reply(
        &self,
        number: u32,
        device: &Device,
        envelope: &Envelope,
        carried: &BTreeMap<Seq, Mark>,
    ) -> Reply {
        let empty = BTreeSet::new();
        let held = self.held.get(&device.user).unwrap_or(&empty);
        let grants = format!(
            "{:x}",
            crate::mark::fingerprint(format!("{held:?}").as_bytes())
        );
        let mut room = self.page_rows.min(envelope.limit).max(1);
        let mut feeds = Vec::new();
        let mut dropped = Vec::new();
        let mut back: BTreeSet<RecordId> = BTreeSet::new();
        for Ask(scope, cursor, view, digest) in &envelope.pull {
            if !held.contains(&scope.place) {
                dropped.push(Dropped {
                    scope: scope.clone(),
                    reason: "revoked".to_owned(),
                });
                continue;
            }
            let head = self.heads.get(scope).cloned().unwrap_or_default();
            let mut worth = head.judge(*cursor);
            if worth == Worth::Good && view != "v1" {
                worth = Worth::Void;
            }
            let above = if worth == Worth::Good { *cursor } else { 0 };
            let mut items: Vec<(Rev, RecordId, Option<&Stored>)> = self
                .records
                .values()
                .filter(|stored| stored.scope == *scope && stored.head > above)
                .map(|stored| (stored.head, stored.record.id, Some(stored)))
                .collect();
            items.extend(
                self.exits
                    .iter()
                    .filter(|((left, _), head)| left == scope && **head > above)
                    .map(|((_, id), head)| (*head, *id, None)),
            );
            items.sort_by_key(|(head, ..)| *head);
            back.extend(items.iter().map(|(_, id, _)| *id));
            let all = self.rows(scope);
            let mut feed = Feed {
                scope: scope.clone(),
                cursor: *cursor,
                more: false,
                reset: worth == Worth::Void,
                view: "v1".to_owned(),
                count: all.len() as u64,
                digest: all.iter().fold(Digest::default(), |mut digest, row| {
                    digest.add(row.record, row.rev);
                    digest
                }),
                lease: if scope.day.is_some() {
                    LEASE_BY_DAY
                } else {
                    LEASE
                },
                own: Vec::new(),
                rows: Vec::new(),
                exits: Vec::new(),
            };
            if worth == Worth::Good && items.is_empty() && *digest == feed.digest {
                continue;
            }
            let taken = items.len().min(room);
            if taken == 0 && !items.is_empty() {
                feed.more = true;
                feed.reset = false;
                feeds.push(feed);
                continue;
            }
            feed.more = taken < items.len();
            feed.cursor = if feed.more {
                items[taken - 1].0
            } else {
                head.head
            };
            room -= taken;
            for (_, id, stored) in &items[..taken] {
                match stored {
                    Some(stored) => match stored.exact {
                        Some((by, seq))
                            if by == number
                                && carried.contains_key(&seq)
                                && worth == Worth::Good
                                && envelope.epoch == self.epoch =>
                        {
                            feed.own.push((seq, seq, stored.record.rev));
                        }
                        _ => feed.rows.push(row(stored)),
                    },
                    None => {
                        let to = self.records.get(id).map(|stored| stored.scope.clone());
                        feed.exits.push(Exit {
                            record: *id,
                            reason: "moved".to_owned(),
                            to: to.filter(|to| {
                                held.contains(&to.place)
                                    && envelope.pull.iter().any(|ask| ask.0 == *to)
                            }),
                        });
                    }
                }
            }
            feeds.push(feed);
        }
        let mut verdicts = Vec::new();
        for seq in carried.keys() {
            let mut verdict = device.verdicts[seq].clone();
            if verdict.verdict == Outcome::Applied {
                let stored = self.records.values().find(|stored| {
                    stored
                        .record
                        .writes
                        .iter()
                        .any(|w| w.stamp.device == number && w.seq == *seq)
                });
                if stored.is_some_and(|stored| back.contains(&stored.record.id)) {
                    continue;
                }
                verdict.scope = stored
                    .map(|stored| stored.scope.clone())
                    .filter(|scope| held.contains(&scope.place));
            }
            verdicts.push(verdict);
        }
        Reply {
            protocol: PROTOCOL,
            epoch: self.epoch,
            now: self.now,
            schema: 1,
            policy: 1,
            ack: device.ack,
            ack_mark: device.ack_mark,
            durable: device.durable.min(device.ack),
            next_in: 300,
            verdicts,
            dropped,
            places: (envelope.grants != grants).then(|| {
                let place = |place: &Place| HeldPlace {
                    place: place.clone(),
                    name: place.to_string(),
                    by_day: by_day(place),
                    roles: vec!["volunteer".to_owned()],
                };
                held.iter().map(place).collect()
            }),
            grants: (envelope.grants != grants).then_some(grants),
            feeds,
        }
    }
}

fn outcome_of(code: &str) -> Outcome {
    match code {
        parked::BEHIND | parked::OUT_OF_SCOPE | parked::WAITING => Outcome::Parked,
        _ => Outcome::Invalid,
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
