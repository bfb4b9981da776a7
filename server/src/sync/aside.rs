//! Keeping a change aside: parked until someone resolves it or what it waits for comes, or invalid
//! and shown. Nothing that was captured is refused into nothing, and what is abnormal in it is
//! told at once.

use sync_protocol::id::RecordId;
use sync_protocol::mark::fingerprint;
use sync_protocol::stamp::{Clock, Normalised};
use sync_protocol::wire::{Outcome, invalid};
use sync_protocol::{Millis, Seq};

use super::admit::{Attempt, Author};
use super::checked::abnormal;
use super::fold::{Aside, Fold};
use super::job::{PushLine, Said, Settled};
use crate::store::alerts::Alert;
use crate::store::parked::NewParked;

impl Fold {
    /// The verdict that content which is kept aside got on its line before.
    pub(super) fn repeat_aside(
        &self,
        seq: Seq,
        line: u32,
        record: Option<RecordId>,
        content: u64,
    ) -> Option<Settled> {
        let hash = content.to_be_bytes();
        let row = self
            .known_aside
            .iter()
            .find(|row| row.line == i64::from(line) && row.content_hash == hash)?;
        if row.state == "admitted" {
            return record.map(|record| Settled::applied(seq, record));
        }
        let outcome = outcome_of(&row.verdict);
        Some(Settled::aside(seq, record, outcome, &row.code, &row.detail))
    }

    /// A change that carries everything takes the place of what its line had aside.
    pub(super) fn supersede(&mut self, attempt: &Attempt<'_>) {
        if !attempt.change.whole {
            return;
        }
        let record = attempt.change.record.to_string();
        // What came after it stands behind it, and is not what it carries.
        let before = attempt.again.unwrap_or(usize::MAX);
        for (index, aside) in self.aside.iter_mut().enumerate().take(before) {
            if aside.is_open()
                && Some(index) != attempt.again
                && aside.row.line == i64::from(attempt.author.line)
                && aside.row.record.as_deref() == Some(record.as_str())
            {
                aside.row.state = "superseded".to_owned();
                aside.settled = true;
            }
        }
    }

    /// Keeps a change aside and says so; if it is abnormal, somebody is told at once.
    pub(super) fn set_aside(
        &mut self,
        attempt: &Attempt<'_>,
        outcome: Outcome,
        code: &str,
        path: &str,
        waits_for: Option<RecordId>,
    ) -> Settled {
        let change = attempt.change;
        let settled = Settled::aside(attempt.seq, Some(change.record), outcome, code, path);
        let area = self.shown_at_node(attempt);
        let forget = code == invalid::PURGED;
        // Tried again, it is no news.
        let is_news = !forget && attempt.again.is_none();
        let abnormal = is_news.then(|| abnormal(attempt, &self.rules));
        for rule in abnormal.unwrap_or_default() {
            let mut alert = Alert::new(self.now, &rule, &change.record.to_string(), area.clone());
            alert.record = Some(change.record.to_string());
            alert.device = Some(i64::from(attempt.author.device.0));
            alert.detail = format!("kept aside: {code}");
            self.raise(alert);
        }
        if let Some(index) = attempt.again {
            // Tried again, and still not in: only the reason may be another.
            if let Some(aside) = self.aside.get_mut(index) {
                let waits_for = waits_for.map(|id| id.to_string());
                aside.settled |= aside.row.code != code || aside.row.waits_for != waits_for;
                aside.row.code = code.to_owned();
                aside.row.detail = path.to_owned();
                aside.row.verdict = verdict_name(outcome).to_owned();
                aside.row.waits_for = waits_for;
                if forget {
                    aside.row.body.clear();
                    aside.row.state = "dismissed".to_owned();
                }
            }
            return settled;
        }
        self.aside.push(Aside {
            id: None,
            settled: false,
            settled_by: None,
            reason: None,
            row: NewParked {
                device: i64::from(attempt.author.device.0),
                line: i64::from(attempt.author.line),
                seq: crate::store::from_rev(attempt.seq),
                account: attempt.author.user,
                verdict: verdict_name(outcome).to_owned(),
                code: code.to_owned(),
                detail: path.to_owned(),
                kind: Some(change.kind.clone()),
                record: Some(change.record.to_string()),
                area,
                waits_for: waits_for.map(|id| id.to_string()),
                content_hash: attempt.content.to_be_bytes().to_vec(),
                body: if forget {
                    Vec::new()
                } else {
                    attempt.bytes.to_vec()
                },
                stamp: Some(attempt.normalised.stamp.to_string()),
                raw: Some(change.stamp.to_string()),
                clock: Some(clock_name(attempt.normalised.clock).to_owned()),
                base: change.base.map(crate::store::from_rev),
                at: attempt.at,
                late: false,
                state: if forget { "dismissed" } else { "open" }.to_owned(),
            },
        });
        settled
    }

    /// The node at which a change that is kept aside is shown: where its record is, else the
    /// place it names, else where its author works.
    fn shown_at_node(&self, attempt: &Attempt<'_>) -> Option<String> {
        let change = attempt.change;
        let slot = self
            .records
            .get(&change.record)
            .or_else(|| self.records.get(&change.parent?));
        let standing = slot
            .and_then(|slot| self.scopes.get(&slot.scope))
            .map(|scope| scope.spot.node.code.clone());
        let named = || {
            change
                .scope
                .as_ref()
                .and_then(|place| self.nodes.get(place.code()))
                .map(|node| node.code.clone())
        };
        standing
            .or_else(named)
            .or_else(|| self.home(attempt.author.user))
    }

    /// Keeps a line aside that is no change.
    pub(super) fn set_aside_line(
        &mut self,
        author: &Author,
        seq: Seq,
        line: &PushLine,
        at: Millis,
        (code, path): (&str, &str),
        normalised: Option<Normalised>,
    ) -> Settled {
        let (record, kind) = match &line.said {
            Err(fault) => (fault.record, fault.kind.clone()),
            Ok(Said::Change(change)) => (Some(change.record), Some(change.kind.clone())),
            Ok(Said::Lost) => (None, None),
        };
        let change = match &line.said {
            Ok(Said::Change(change)) => Some(change),
            _ => None,
        };
        let content = fingerprint(&line.bytes);
        if let Some(settled) = self.repeat_aside(seq, author.line, record, content) {
            return settled;
        }
        if let Some(record) = record {
            self.unfold(record);
        }
        let purged = record.is_some_and(|record| self.purged.contains(&record));
        let area = record
            .and_then(|record| self.records.get(&record))
            .map(|slot| slot.scope.clone());
        let area = area
            .and_then(|scope| self.scopes.get(&scope))
            .map(|scope| scope.spot.node.code.clone())
            .or_else(|| self.home(author.user));
        self.aside.push(Aside {
            id: None,
            settled: false,
            settled_by: None,
            reason: None,
            row: NewParked {
                device: i64::from(author.device.0),
                line: i64::from(author.line),
                seq: crate::store::from_rev(seq),
                account: author.user,
                verdict: "invalid".to_owned(),
                code: code.to_owned(),
                detail: path.to_owned(),
                kind,
                record: record.map(|id| id.to_string()),
                area,
                waits_for: None,
                content_hash: content.to_be_bytes().to_vec(),
                body: if purged {
                    Vec::new()
                } else {
                    line.bytes.clone()
                },
                stamp: normalised.map(|made| made.stamp.to_string()),
                raw: change.map(|change| change.stamp.to_string()),
                clock: normalised.map(|made| clock_name(made.clock).to_owned()),
                base: change.and_then(|change| change.base.map(crate::store::from_rev)),
                at,
                late: false,
                state: if purged { "dismissed" } else { "open" }.to_owned(),
            },
        });
        Settled::aside(seq, record, Outcome::Invalid, code, path)
    }
}

/// How an outcome is named in the database.
const fn verdict_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Parked => "parked",
        _ => "invalid",
    }
}

/// The outcome of that name.
pub(super) fn outcome_of(verdict: &str) -> Outcome {
    if verdict == verdict_name(Outcome::Parked) {
        Outcome::Parked
    } else {
        Outcome::Invalid
    }
}

/// How a clock's trust is named in the database.
pub(super) const fn clock_name(clock: Clock) -> &'static str {
    match clock {
        Clock::Right => "right",
        Clock::Shifted => "shifted",
        Clock::Unknown => "unknown",
    }
}
