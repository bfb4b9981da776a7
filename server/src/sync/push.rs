//! A device's push: its numbers are judged, then each change gets its final verdict, in order.
//! No content of a change can stop the rest, or `ack`.

use std::sync::Arc;

use sync_protocol::change::Heading;
use sync_protocol::id::DeviceNumber;
use sync_protocol::stamp::{Clock, Normalised, Reading, era_skew, normalise};
use sync_protocol::wire::{Outcome, invalid};
use sync_protocol::{Millis, Seq};

use super::admit::{Attempt, Author, Source};
use super::aside::outcome_of;
use super::fold::Fold;
use super::job::{Footing, Push, PushAnswer, PushLine, Pushed, Said, Settled};
use super::numbering::Judgement;
use crate::store::alerts::Alert;
use crate::store::from_rev;

/// No true number lies further ahead than this, also where the clock was once wrong by a year; a
/// device that shows one is not believed.
const BELIEVED_AHEAD_MS: Millis = 400 * 24 * 60 * 60 * 1000;

impl Fold {
    /// Takes a push.
    pub(super) fn push(&mut self, push: &Push, progress: &mut dyn FnMut(usize)) -> PushAnswer {
        let number = i64::from(push.device.0);
        let Some(device) = self.devices.get(&number) else {
            return PushAnswer::Unknown;
        };
        if device.row.state == "blocked" {
            return PushAnswer::Blocked;
        }
        let marks: Vec<_> = push.lines.iter().map(|line| line.mark).collect();
        let ack = device.row.ack();
        let account = device.row.account;
        let author = Author {
            device: push.device,
            line: u32::try_from(device.row.line).unwrap_or(push.device.0),
            user: account,
            process: false,
            may_write: device.row.state == "active",
        };
        let judgement = device.marks.judge(ack, push.from, push.after, &marks);
        self.note_claims(push, number);
        let skip = match judgement {
            Judgement::Proceed { skip } => skip,
            Judgement::Gap { expected, after } => {
                self.alarm(
                    "gap",
                    push.device,
                    account,
                    &format!("expected {expected}, came {}", push.from),
                );
                return PushAnswer::Gap { expected, after };
            }
            Judgement::Fork => {
                self.alarm("fork", push.device, account, &format!("at {}", push.from));
                return PushAnswer::Fork;
            }
        };
        let mut settled = Vec::with_capacity(push.lines.len());
        for (index, line) in push.lines.iter().enumerate() {
            progress(index);
            let seq = push.from + index as Seq;
            settled.push(if index < skip {
                self.verdict_before(&author, seq, line)
            } else {
                self.settle(push, &author, seq, index, line)
            });
        }
        for one in &mut settled {
            if let Some(later) = self.resettled.get(&(number, from_rev(one.seq))) {
                *one = later.clone();
            }
        }
        self.advance(push, number, skip);
        let Some(device) = self.devices.get(&number) else {
            return PushAnswer::Unknown;
        };
        // Where a record stands is known for sure only while nothing is moved.
        let may_tell = author.may_write && !self.displaces;
        let person = self.people.get(&account).filter(|_| may_tell);
        let footing = person.map(|person| Footing {
            reach: Arc::clone(&person.reach),
            rules: self.rules.clone(),
            tree: self.tree.version(),
        });
        PushAnswer::Done(Pushed {
            footing,
            epoch: self.epoch,
            moves: self.moves,
            ack: device.row.ack(),
            ack_mark: device.marks.mark(device.row.ack()),
            durable: crate::store::to_rev(device.row.durable),
            settled,
        })
    }

    fn settle(
        &mut self,
        push: &Push,
        author: &Author,
        seq: Seq,
        index: usize,
        line: &Arc<PushLine>,
    ) -> Settled {
        if push.quarantined.contains(&index) {
            let normalised = match &line.said {
                Ok(Said::Change(change)) => Some(push.first_stamp(change, self.build)),
                _ => None,
            };
            return self.set_aside_line(
                author,
                seq,
                line,
                push.received,
                ("internal", ""),
                normalised,
            );
        }
        match &line.said {
            Ok(Said::Lost) => {
                self.alarm("lost", author.device, author.user, &format!("change {seq}"));
                self.set_aside_line(author, seq, line, push.received, (invalid::LOST, ""), None)
            }
            Ok(Said::Change(change)) => {
                let normalised = push.first_stamp(change, self.build);
                let attempt = Attempt {
                    change,
                    source: Source::Line(line),
                    bytes: &line.bytes,
                    author: *author,
                    seq,
                    at: push.received,
                    judge: author.user,
                    again: None,
                    normalised,
                    content: line.content,
                };
                self.admit(&attempt)
            }
            Err(fault) => self.set_aside_line(
                author,
                seq,
                line,
                push.received,
                (fault.code, &fault.path),
                None,
            ),
        }
    }

    /// What became of a change that was seen before.
    fn verdict_before(&mut self, author: &Author, seq: Seq, line: &PushLine) -> Settled {
        let number = i64::from(author.device.0);
        let record = match &line.said {
            Ok(Said::Change(change)) => Some(change.record),
            Ok(Said::Lost) => None,
            Err(fault) => fault.record,
        };
        // The same push may stand further up in this very fold.
        let here = self.aside.iter().find(|aside| {
            aside.row.device == number
                && aside.row.seq == from_rev(seq)
                && aside.row.state != "admitted"
        });
        if let Some(aside) = here {
            let row = &aside.row;
            let outcome = outcome_of(&row.verdict);
            return Settled::aside(seq, record, outcome, &row.code, &row.detail);
        }
        if let Some(row) = self.past_aside.get(&(number, from_rev(seq)))
            && row.state != "admitted"
        {
            let outcome = outcome_of(&row.verdict);
            return Settled::aside(seq, record, outcome, &row.code, &row.detail);
        }
        // It may have repeated what its line had aside under a number that was left since.
        if let Some(settled) = self.repeat_aside(seq, author.line, record, line.content)
            && settled.outcome != Outcome::Applied
        {
            return settled;
        }
        let Some(record) = record else {
            return Settled::aside(seq, None, Outcome::Invalid, "json", "");
        };
        let mut settled = Settled::applied(seq, record);
        self.unfold(record);
        let Some(slot) = self.records.get(&record) else {
            return settled;
        };
        let scope = self.scopes.get(&slot.scope).filter(|_| !slot.purge);
        settled.spot = scope.map(|scope| Arc::clone(&scope.spot));
        let write = slot.record.write_by(author.device, seq);
        let write = write.or_else(|| slot.record.repeat_of(author.line, line.content));
        if let Some(write) = write
            && !write.lost.is_empty()
        {
            settled.outcome = Outcome::Merged;
            settled.fields.clone_from(&write.lost);
        }
        settled
    }

    /// Moves `ack` and the marks, and notes that the device was here.
    fn advance(&mut self, push: &Push, number: i64, skip: usize) {
        let (now, durable) = (self.now, self.durable);
        let Some(device) = self.devices.get_mut(&number) else {
            return;
        };
        let row = &mut device.row;
        let due = row.is_due(now, durable);
        row.ripen(now, durable);
        if push.lines.len() > skip {
            row.ack = from_rev(push.from - 1) + i64::try_from(push.lines.len()).unwrap_or(0);
            device.marks.push(
                push.from,
                push.after,
                &push.lines.iter().map(|line| line.mark).collect::<Vec<_>>(),
            );
            row.marks = device.marks.to_bytes();
        }
        // An acknowledgement is always written, also of what was seen before (I19).
        if !push.lines.is_empty() || due {
            row.seen_at = now;
            row.skew = Some(push.measured);
            device.dirty = true;
        }
    }

    /// A device that shows more than is known here belongs to a future that was lost, or lies.
    fn note_claims(&mut self, push: &Push, number: i64) {
        let (epoch, now) = (self.epoch, self.now);
        let believed = push.shown <= crate::store::to_rev(now.saturating_add(BELIEVED_AHEAD_MS));
        let Some(device) = self.devices.get_mut(&number) else {
            return;
        };
        if push.shown > epoch && believed && from_rev(push.shown) > device.row.epoch_seen {
            device.row.show_epoch(push.shown);
            device.dirty = true;
            let account = device.row.account;
            self.alarm(
                "ahead",
                push.device,
                account,
                "shows a later epoch: this database is an older copy",
            );
        }
    }

    /// The effective stamp of a change made by this process.
    pub(super) fn own_stamp(&self, change: &Heading) -> Normalised {
        let device = DeviceNumber(u32::try_from(self.process).unwrap_or(0));
        Normalised {
            stamp: change.stamp.by(device),
            clock: Clock::Right,
            shift: 0,
        }
    }

    /// Tells whoever looks after a device's owner of something that should not be.
    pub(super) fn alarm(&mut self, code: &str, device: DeviceNumber, account: i64, detail: &str) {
        let mut alert = Alert::new(
            self.now,
            code,
            &format!("device {device}"),
            self.home(account),
        );
        alert.device = Some(i64::from(device.0));
        alert.detail = detail.to_owned();
        self.raise(alert);
    }
}

impl Push {
    /// The effective stamp of a change at first admission, before what its record holds counts.
    pub(super) fn first_stamp(&self, change: &Heading, build: Millis) -> Normalised {
        let skew = era_skew(
            change.era,
            self.era,
            self.measured,
            self.eras.get(&change.era).copied(),
        );
        normalise(
            change.stamp,
            &Reading {
                device: self.device,
                skew,
                now: self.received,
                build,
                seen: None,
                saw: change.saw.filter(|_| change.base.is_some()),
            },
        )
    }
}
