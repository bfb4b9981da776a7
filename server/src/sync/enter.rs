//! A change enters its record: normalised, merged, judged by the policy. And what that sets free:
//! changes that waited for the record, or stood behind one that was aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_protocol::change::{Fields, Line, parse};
use sync_protocol::cursor::next_rev;
use sync_protocol::id::{DeviceNumber, RecordId};
use sync_protocol::merge::{Lost, Merged, Writer, merge, seen_stamp};
use sync_protocol::record::Record;
use sync_protocol::stamp::{Clock, Normalised, RawStamp, Reading, Stamp, normalise};
use sync_protocol::wire::{MAX_LOSERS_BYTES, MAX_MAP_ENTRIES, MAX_RECORD_BYTES, Outcome, parked};

use super::admit::{Attempt, Author, Source};
use super::fold::{Aside, Fold, Slot, Spot};
use super::job::Settled;
use crate::store::alerts::Alert;
use crate::store::history::NewHistory;
use crate::store::scopes::Node;
use crate::store::{devices, from_rev, records};

impl Fold {
    /// Merges a change into its record, which it makes if there is none. `None` if the record
    /// would outgrow its limits; nothing has happened then.
    pub(super) fn enter(
        &mut self,
        attempt: &Attempt<'_>,
        spot: &Arc<Spot>,
        late: bool,
    ) -> Option<Settled> {
        let change = attempt.change;
        let kinds = self.rules.kinds.clone();
        let kind = kinds.get(&change.kind)?;
        let view = self.view(attempt.judge, kind, &spot.node.path);
        let mut record = match self.records.get(&change.record) {
            Some(slot) => slot.record.clone(),
            None => Record::new(
                change.record,
                change.kind.clone(),
                change.parent.filter(|_| kind.parent().is_some()),
                attempt.created(),
            ),
        };
        let own = record.created.user.0 == attempt.author.user;
        let masked = |field: &str| view.masks(field, own);
        let writer = Writer {
            place: (attempt.author.device.0, attempt.seq),
            knew: self
                .knew
                .get(&i64::from(attempt.author.device.0))
                .map_or(&[], Vec::as_slice),
            base: change.base.unwrap_or(0),
            only_base_counts: attempt.author.process,
            // A late writer's view is gone, and what is their own they had on screen.
            masked: if late { &|_| false } else { &masked },
        };
        let stamp = self.above_seen(attempt, seen_stamp(&record, &writer));
        let write = attempt.write(stamp, next_rev(record.rev, self.epoch), late);
        let brought = self.brought(attempt, &record);
        let merged = merge(&mut record, attempt.set(), write, &writer);
        if record.size() > MAX_RECORD_BYTES
            || record.losers_size() > MAX_LOSERS_BYTES
            || record.map_entries() > MAX_MAP_ENTRIES
        {
            return None;
        }
        let abnormal = self.rules.policy.abnormal(&record.kind, &record);
        let derived_as_before = abnormal == record.abnormal;
        let new = abnormal
            .iter()
            .filter(|rule| !record.abnormal.contains(rule));
        for rule in new.chain(&brought) {
            self.raise_abnormal(rule, record.id, attempt, spot);
        }
        record.abnormal = abnormal;
        self.keep_history(&record, attempt, &spot.node, &merged);
        // What its writer does not see whole is not what stood on the screen plus this change.
        let seen = record.fields.keys().all(|field| !view.masks(field, own));
        let exact = merged.exact
            && derived_as_before
            && attempt.normalised.clock == Clock::Right
            && !late
            && seen;
        let settled = Settled {
            outcome: if merged.lost.is_empty() {
                Outcome::Applied
            } else {
                Outcome::Merged
            },
            fields: merged.lost,
            exact: exact.then_some(record.rev),
            spot: Some(Arc::clone(spot)),
            ..Settled::applied(attempt.seq, change.record)
        };
        self.scope_slot(spot);
        self.absent.remove(&change.record);
        match self.records.get_mut(&change.record) {
            Some(slot) => {
                slot.record = record;
                slot.dirty = true;
            }
            None => {
                let slot = Slot {
                    scope: Arc::clone(&spot.name),
                    record,
                    created_at: self.now,
                    run: 0,
                    stored: None,
                    dirty: true,
                    purge: false,
                };
                self.records.insert(change.record, slot);
            }
        }
        Some(settled)
    }

    /// What is abnormal in what a change says and its record does not say already. It is told also if the
    /// record was abnormal before, by somebody else's fever or one that was seen to, and if what was measured
    /// loses against a later value. Tried again it is no news, nor sent again under another number.
    fn brought(&self, attempt: &Attempt<'_>, record: &Record) -> Vec<String> {
        if attempt.again.is_some() {
            return Vec::new();
        }
        let stands = |name: &str| record.fields.get(name).map(|held| &held.value);
        let news = attempt.set().iter();
        let news: Fields = news
            .filter(|(name, value)| stands(name) != Some(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.rules.policy.abnormal(&record.kind, &news)
    }

    /// The effective stamp, above all that the writer had seen of the record.
    fn above_seen(&self, attempt: &Attempt<'_>, seen: Option<Stamp>) -> Stamp {
        let own = attempt.normalised.stamp;
        let reading = Reading {
            device: attempt.author.device,
            skew: Some(0),
            now: own.time(),
            build: 0,
            seen,
            saw: None,
        };
        normalise(
            RawStamp {
                ms: own.ms,
                counter: own.counter,
            },
            &reading,
        )
        .stamp
    }

    pub(super) fn raise_abnormal(
        &mut self,
        rule: &str,
        record: RecordId,
        attempt: &Attempt<'_>,
        spot: &Spot,
    ) {
        let node = Some(spot.node.code.clone());
        let mut alert = Alert::new(self.now, rule, &record.to_string(), node);
        alert.record = Some(record.to_string());
        alert.device = Some(i64::from(attempt.author.device.0));
        alert.scope_id = self.scopes.get(&spot.name).and_then(|slot| slot.id);
        self.raise(alert);
    }

    fn keep_history(
        &mut self,
        record: &Record,
        attempt: &Attempt<'_>,
        node: &Node,
        merged: &Merged,
    ) {
        if merged.stamps_collided {
            let mut alert = Alert::new(
                self.now,
                "stamps_collided",
                &record.id.to_string(),
                Some(node.code.clone()),
            );
            alert.record = Some(record.id.to_string());
            alert.device = Some(i64::from(attempt.author.device.0));
            self.raise(alert);
        }
        for Lost {
            field,
            value,
            write,
        } in &merged.history
        {
            self.history.push(NewHistory {
                record: record.id.to_string(),
                field: field.clone(),
                rev: from_rev(write.rev),
                stamp: write.stamp.to_string(),
                device: i64::from(write.stamp.device),
                seq: from_rev(write.seq),
                account: write.user.0,
                at: self.now,
                // A value that came in as JSON can be written as JSON.
                value: records::encode(value).unwrap_or_default(),
            });
        }
    }

    /// Tries again, in arrival order, what waited for this record or stood behind in it; and what
    /// that sets free in turn.
    pub(super) fn unblock(&mut self, record: RecordId) {
        if self.aside.is_empty() {
            return;
        }
        let mut freed = BTreeSet::from([record.to_string()]);
        let mut tried = BTreeSet::new();
        // Lines in which something of a record still stands aside before all that is behind.
        let mut held_up = BTreeSet::new();
        loop {
            let next = self.aside.iter().position(|aside| {
                let hangs_on = |id: &Option<String>| id.as_ref().is_some_and(|id| freed.contains(id));
                let waits = aside.row.code == parked::WAITING && hangs_on(&aside.row.waits_for);
                let behind = aside.row.code == parked::BEHIND
                    && hangs_on(&aside.row.record)
                    && !held_up.contains(&queue(aside));
                aside.is_open() && (waits || behind)
            } && !tried.contains(&key(aside)));
            let Some(index) = next else { return };
            let Some(aside) = self.aside.get(index) else {
                return;
            };
            tried.insert(key(aside));
            let queue = queue(aside);
            let author_user = aside.row.account;
            // By what the phone may do now: it may have been revoked since.
            let may_write = self.active.get(&aside.row.device).copied().unwrap_or(false);
            match self.try_again(index, author_user, may_write) {
                Ok(_) => {
                    let record = self.aside.get(index);
                    freed.extend(record.and_then(|aside| aside.row.record.clone()));
                    tried.clear();
                    held_up.clear();
                }
                Err(code) if code == parked::BEHIND => {
                    held_up.insert(queue);
                }
                Err(_) => {}
            }
        }
    }

    /// Tries a change that was kept aside again, by the rights of `judge`; `may_write` says
    /// whether its phone, or whoever decides in its place, may write at all. The code says why it
    /// stays out.
    pub(super) fn try_again(
        &mut self,
        index: usize,
        judge: i64,
        may_write: bool,
    ) -> Result<Settled, String> {
        let Some(aside) = self.aside.get(index) else {
            return Err("unknown".to_owned());
        };
        let bytes = aside.row.body.clone();
        let Ok(Line::Change(change)) = parse(&bytes) else {
            return Err(aside.row.code.clone());
        };
        let seq = crate::store::to_rev(aside.row.seq);
        let attempt = Attempt {
            change: &change.heading,
            source: Source::Fields(&change.set),
            bytes: &bytes,
            author: Author {
                device: DeviceNumber(u32::try_from(aside.row.device).unwrap_or(0)),
                line: u32::try_from(aside.row.line).unwrap_or(0),
                user: aside.row.account,
                process: aside.row.device <= i64::from(devices::LAST_PROCESS),
                may_write,
            },
            seq,
            at: aside.row.at,
            judge,
            again: Some(index),
            normalised: aside.normalised(),
            content: change.content(),
        };
        let device = aside.row.device;
        let settled = self.admit_alone(&attempt);
        match settled.outcome {
            Outcome::Applied | Outcome::Merged => {
                if let Some(aside) = self.aside.get_mut(index) {
                    aside.row.state = "admitted".to_owned();
                    aside.settled = true;
                }
                let settled = Settled {
                    exact: None,
                    ..settled
                };
                self.resettled
                    .insert((device, from_rev(seq)), settled.clone());
                Ok(settled)
            }
            Outcome::Parked | Outcome::Invalid => Err(settled.code.unwrap_or_default()),
        }
    }
}

fn key(aside: &Aside) -> (i64, i64) {
    (aside.row.device, aside.row.seq)
}

/// Changes of one line and one record go in one after the other.
fn queue(aside: &Aside) -> (i64, Option<String>) {
    (aside.row.line, aside.row.record.clone())
}

impl Aside {
    /// The effective stamp that it got when it first came.
    pub(super) fn normalised(&self) -> Normalised {
        if self.row.stamp.is_none() {
            // Only a later version of this program could read it: it came when it came.
            let ms = u64::try_from(self.row.at).unwrap_or(0);
            let device = u32::try_from(self.row.device).unwrap_or(0);
            let stamp = RawStamp { ms, counter: 0 }.by(DeviceNumber(device));
            return Normalised {
                stamp,
                clock: Clock::Unknown,
                shift: 0,
            };
        }
        let stamp: Stamp = self
            .row
            .stamp
            .as_ref()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let raw: RawStamp = self
            .row
            .raw
            .as_ref()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let clock = match self.row.clock.as_deref() {
            Some("right") => Clock::Right,
            Some("shifted") => Clock::Shifted,
            _ => Clock::Unknown,
        };
        let moved = i64::try_from(stamp.ms).unwrap_or(0) - i64::try_from(raw.ms).unwrap_or(0);
        Normalised {
            stamp,
            clock,
            shift: if clock == Clock::Shifted { moved } else { 0 },
        }
    }
}
