//! The outbox: what was captured, from capture until it is safe elsewhere.
//!
//! captured (no number) → packed (a number and a mark, for good) → settled (its verdict is
//! known; the copy is kept, out of sight, for a centre that is put back to yesterday) → gone,
//! once `durable` has passed it. A line's bytes are made at capture and never change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Moment, Replica};
use crate::change::{self, Change, Fields, Line};
use crate::id::RecordId;
use crate::mark::Mark;
use crate::scope::{Place, Scope};
use crate::stamp::{RawStamp, Stamp};
use crate::wire::{MAX_CHANGE_BYTES, Outcome};
use crate::{Rev, Seq};

/// The place of an entry in the order of capture; never given out twice.
pub type EntryId = u64;

/// What stood on screen when a person began to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The confirmed row's revision.
    pub rev: Rev,
    /// The confirmed row's greatest effective stamp.
    pub stamp: Stamp,
}

/// What a person has entered, before it becomes a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The record; a new one's id is made by the shell.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// The confirmed row on screen; `None` for a record that is new, or known only here.
    #[serde(default)]
    pub seen: Option<Seen>,
    /// Where a new record is to live.
    #[serde(default)]
    pub scope: Option<Place>,
    /// The record whose scope a new record shares.
    #[serde(default)]
    pub parent: Option<RecordId>,
    /// The fields touched, each whole.
    pub set: Fields,
    /// Holds a value that somebody must see at once: packed before all others.
    #[serde(default)]
    pub abnormal: bool,
    /// Carries every field and the scope, to mend a record whose entries were invalid.
    #[serde(default)]
    pub whole: bool,
}

impl Draft {
    /// An entry for a new record at a place.
    #[must_use]
    pub fn create(record: RecordId, kind: &str, scope: Place, set: Fields) -> Self {
        Self {
            record,
            kind: kind.to_owned(),
            seen: None,
            scope: Some(scope),
            parent: None,
            set,
            abnormal: false,
            whole: false,
        }
    }

    /// An entry for a new record that shares its parent's scope.
    #[must_use]
    pub fn create_under(record: RecordId, kind: &str, parent: RecordId, set: Fields) -> Self {
        Self {
            scope: None,
            parent: Some(parent),
            ..Self::blank(record, kind, set)
        }
    }

    fn blank(record: RecordId, kind: &str, set: Fields) -> Self {
        Self {
            record,
            kind: kind.to_owned(),
            seen: None,
            scope: None,
            parent: None,
            set,
            abnormal: false,
            whole: false,
        }
    }

    /// The same, with an abnormal value.
    #[must_use]
    pub fn abnormal(mut self) -> Self {
        self.abnormal = true;
        self
    }
}

/// Why an entry was not captured: the person is still at the form and can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Larger than a change may be.
    #[error("{bytes} bytes; a change may have {MAX_CHANGE_BYTES}")]
    TooLarge {
        /// What it would take.
        bytes: usize,
    },
    /// Not a change that any centre could read.
    #[error("{code} at {path}")]
    Malformed {
        /// As the centre would call it.
        code: String,
        /// Where.
        path: String,
    },
}

/// What stands between an entry and the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Not settled: lies over the confirmed row.
    Pending,
    /// Taken by the centre; lies over the confirmed row until that comes.
    Awaiting,
    /// Not shown any more: the row has it, or a [`Trouble`] tells of it.
    Hidden,
}

/// One captured change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The record.
    pub record: RecordId,
    /// The record whose scope a new one shares.
    pub parent: Option<RecordId>,
    /// The era of capture.
    pub era: u64,
    /// When, by the phone.
    pub stamp: RawStamp,
    /// Whether somebody must see it at once.
    pub abnormal: bool,
    /// Whether it mends what was invalid.
    pub whole: bool,
    /// Its number, once packed.
    pub seq: Option<Seq>,
    /// The line, byte for byte; `None` once storage has lost it.
    pub line: Option<String>,
    /// What stands between it and the screen.
    pub shown: Shown,
}

impl Entry {
    /// The change, as it was captured.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        read(self.line.as_deref()?)
    }
}

/// Reads a line of one's own.
pub(super) fn read(line: &str) -> Option<Change> {
    match change::parse(line.as_bytes()) {
        Ok(Line::Change(change)) => Some(*change),
        _ => None,
    }
}

/// A verdict that a person should know of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// The entry.
    pub entry: EntryId,
    /// The record.
    pub record: RecordId,
    /// The kind, if the body is here.
    pub kind: Option<String>,
    /// `merged`: some fields lost; `parked`: someone has to resolve it; `invalid`: to be mended here.
    pub verdict: Outcome,
    /// Why.
    pub code: Option<String>,
    /// Where in the change.
    pub path: Option<String>,
    /// The fields that lost, for `merged`.
    pub fields: Vec<String>,
    /// Where the record is, if it may be read there.
    pub scope: Option<Scope>,
    /// The change as captured, for `parked` and `invalid`.
    pub line: Option<String>,
}

/// A change's line. The order of members is the order here, of fields by name.
#[derive(Serialize)]
struct LineOut<'a> {
    era: u64,
    schema: u32,
    stamp: RawStamp,
    kind: &'a str,
    record: RecordId,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Rev>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saw: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<RecordId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
    set: &'a Fields,
}

impl Replica {
    /// A draft for a record that is on screen: kind and what stood there are filled in.
    #[must_use]
    pub fn draft(&self, record: RecordId, set: Fields) -> Option<Draft> {
        let view = self.view(record)?;
        Some(Draft {
            seen: view.seen,
            ..Draft::blank(record, &view.kind, set)
        })
    }

    /// Captures a change. From here on it is kept until it is safe elsewhere.
    ///
    /// # Errors
    /// If no centre could read it; the person is still at the form.
    pub fn capture(&mut self, draft: &Draft, moment: Moment) -> Result<EntryId, Refused> {
        self.tick(moment);
        // The stamp's length does not depend on its value: judge first, then use one up.
        let line = self.line_of(draft, RawStamp::default());
        if line.len() > MAX_CHANGE_BYTES {
            return Err(Refused::TooLarge { bytes: line.len() });
        }
        change::parse(line.as_bytes()).map_err(|fault| Refused::Malformed {
            code: fault.code.to_owned(),
            path: fault.path,
        })?;
        let stamp = self.eras.stamp(moment.wall);
        let id = self.next_entry;
        self.next_entry += 1;
        let entry = Entry {
            record: draft.record,
            parent: draft.parent,
            era: self.eras.era,
            stamp,
            abnormal: draft.abnormal,
            whole: draft.whole,
            seq: None,
            line: Some(self.line_of(draft, stamp)),
            shown: Shown::Pending,
        };
        self.outbox.insert(id, entry);
        Ok(id)
    }

    fn line_of(&self, draft: &Draft, stamp: RawStamp) -> String {
        let line = LineOut {
            era: self.eras.era,
            schema: self.schema,
            stamp,
            kind: &draft.kind,
            record: draft.record,
            base: draft.seen.map(|seen| seen.rev),
            saw: draft.seen.map(|seen| seen.stamp),
            scope: draft.scope.as_ref(),
            parent: draft.parent,
            whole: draft.whole,
            set: &draft.set,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Storage has lost the body of an entry. It is not given up: the centre may have it.
    pub fn lose(&mut self, entry: EntryId) {
        if let Some(entry) = self.outbox.get_mut(&entry) {
            entry.line = None;
        }
    }

    /// Storage has lost the marks of the first numbers, up to this one.
    pub fn lose_marks(&mut self, last: Seq) {
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        self.marks
            .iter_mut()
            .take(last)
            .for_each(|mark| *mark = None);
    }

    /// A person has seen a trouble and wants it off the list.
    pub fn dismiss(&mut self, entry: EntryId) -> bool {
        self.troubles.remove(&entry).is_some()
    }

    /// The greatest number given out.
    pub(super) fn packed(&self) -> Seq {
        self.marks.len() as Seq
    }

    /// The mark of a number, if there is one and storage has it, or has the line that it is made
    /// of: a phone that lost its marks but not its lines must not take another copy's for its own.
    pub(super) fn mark_of(&self, seq: Seq) -> Option<Mark> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        let line = || Some(Mark::of(seq, self.entry_of(seq)?.line.as_ref()?.as_bytes()));
        self.marks.get(index).copied()?.or_else(line)
    }

    pub(super) fn set_mark(&mut self, seq: Seq, mark: Mark) {
        let index = seq.checked_sub(1).and_then(|n| usize::try_from(n).ok());
        if let Some(slot) = index.and_then(|index| self.marks.get_mut(index)) {
            *slot = Some(mark);
        }
    }

    pub(super) fn entry_of(&self, seq: Seq) -> Option<&Entry> {
        self.outbox.get(self.numbered.get(&seq)?)
    }

    /// Everything above `seq` is to be sent again, and is pending again.
    pub(super) fn unsettle(&mut self, seq: Seq) {
        self.settled = self.settled.min(seq);
        self.ack = self.ack.min(seq);
        self.lost_checked = None;
        for id in self.numbered.range(seq + 1..).map(|(_, id)| *id) {
            if let Some(entry) = self.outbox.get_mut(&id) {
                entry.shown = Shown::Pending;
            }
        }
    }

    /// Lets go of copies that outlive the loss of the centre and are not on screen.
    pub(super) fn let_go(&mut self) {
        let safe = self.durable.min(self.settled);
        let gone: Vec<(Seq, EntryId)> = self
            .numbered
            .range(..=safe)
            .map(|(seq, id)| (*seq, *id))
            .filter(|(_, id)| {
                self.outbox
                    .get(id)
                    .is_none_or(|entry| entry.shown == Shown::Hidden)
            })
            .collect();
        for (seq, id) in gone {
            self.numbered.remove(&seq);
            self.outbox.remove(&id);
        }
        let eras: std::collections::BTreeSet<u64> =
            self.outbox.values().map(|entry| entry.era).collect();
        self.eras.keep(|era| eras.contains(&era));
    }
}

/// The line that tells of a lost body.
pub(super) fn lost_line(reason: &str) -> String {
    serde_json::json!({ "lost": Value::from(reason) }).to_string()
}
