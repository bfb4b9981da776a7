//! The one place where conflicts are decided. Pure: the same record and change give the same
//! result, whoever asks and whenever.
//!
//! Per field: what is absent, or was *seen* by the writer, gives way to the change. What was
//! written concurrently stands against it: the greater effective stamp wins, the loser goes to
//! the history and, while it differs from what stands, to the record's conflicts. Neither is ever
//! dropped without a trace, and no client has to know these rules.

use serde_json::Value;

use crate::Rev;
use crate::change::Fields;
use crate::record::{Held, MAX_CONFLICTS, Record, VOID, Write};
use crate::stamp::{Clock, Stamp};

/// A value that lost, for the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The field.
    pub field: String,
    /// The value.
    pub value: Value,
    /// The write it came with.
    pub write: Write,
}

/// What a merge did beside changing the record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// The fields of the change that lost.
    pub lost: Vec<String>,
    /// What goes to the history: values of the change or of the record.
    pub history: Vec<Lost>,
    /// The record is exactly what the writer had on screen plus this change.
    pub exact: bool,
    /// Two writes had one stamp, which honest devices cannot make.
    pub stamps_collided: bool,
}

/// Who writes, as far as deciding *seen* needs it.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// The device's number and the change's seq.
    pub place: (u32, u64),
    /// The earlier numbers of its line, each with the last seq that both the device and the centre
    /// knew when the device left it. What another copy wrote under such a number after that was
    /// never seen here.
    pub knew: &'a [(u32, u64)],
    /// The revision on the writer's screen; 0 for none.
    pub base: Rev,
    /// A server process writes for many people at once: only `base` counts as seen.
    pub only_base_counts: bool,
    /// Whether the writer's view hides anything of a field of this record: such a field is never
    /// *seen*, whatever `base` says, save by the one who wrote what stands there.
    pub masked: &'a dyn Fn(&str) -> bool,
}

impl Writer<'_> {
    /// Whether the writer knew this value of this field when writing.
    #[must_use]
    pub fn has_seen(&self, field: &str, write: &Write) -> bool {
        self.has_written(write) || (write.rev <= self.base && !(self.masked)(field))
    }

    /// Whether the write was there when the writer wrote, readable or not.
    fn knew_of(&self, write: &Write) -> bool {
        self.has_written(write) || write.rev <= self.base
    }

    fn has_written(&self, write: &Write) -> bool {
        let (device, seq) = (write.stamp.device, write.seq);
        let own = (device == self.place.0 && seq < self.place.1)
            || self
                .knew
                .iter()
                .any(|(number, last)| *number == device && seq <= *last);
        own && !self.only_base_counts
    }
}

/// The greatest stamp among what the writer had seen of the record: its change must stand above.
#[must_use]
pub fn seen_stamp(record: &Record, writer: &Writer<'_>) -> Option<Stamp> {
    record
        .fields
        .iter()
        .filter_map(|(name, held)| Some((name, record.writes.get(held.write)?)))
        .filter(|(name, write)| writer.has_seen(name, write))
        .map(|(_, write)| write.stamp)
        .max()
}

/// Merges a change into a record. `write` describes the change, with its effective stamp and the
/// revision it makes; `set` are its fields.
pub fn merge(record: &mut Record, set: &Fields, write: Write, writer: &Writer<'_>) -> Merged {
    let rev = write.rev;
    let mut merged = Merged {
        exact: record.rev == write.base
            && record.stamp() <= write.stamp
            && is_unaltered(&write)
            && !set.keys().any(|name| (writer.masked)(name)),
        ..Merged::default()
    };
    let index = record.writes.len();
    record.writes.push(write);
    for (name, value) in set {
        merge_field(record, name, value, index, writer, &mut merged);
    }
    let flags_before = record.amended_after_void.clone();
    flag_void(record, set, index, writer);
    if !merged.lost.is_empty() || flags_before != record.amended_after_void {
        merged.exact = false;
    }
    if let Some(write) = record.writes.get_mut(index) {
        write.lost.clone_from(&merged.lost);
    }
    record.rev = rev;
    record.trim_writes();
    merged
}

/// Whether a record that `write` makes is exactly what its writer had on screen, if nothing of it is
/// hidden from them: what [`merge`] into an empty record says of it.
#[must_use]
pub fn makes_exactly(write: &Write) -> bool {
    write.base == 0 && is_unaltered(write)
}

/// Whatever the writer cannot know of its own row makes the row travel.
fn is_unaltered(write: &Write) -> bool {
    write.stamp == write.raw.by(write.device())
        && write.shift == 0
        && write.clock == Clock::Right
        && !write.late
}

fn merge_field(
    record: &mut Record,
    name: &str,
    value: &Value,
    index: usize,
    writer: &Writer<'_>,
    merged: &mut Merged,
) {
    settle_losers(record, name, writer, merged);
    let incoming = Held {
        value: value.clone(),
        write: index,
    };
    let Some(standing) = record.fields.get(name) else {
        record.fields.insert(name.to_owned(), incoming);
        return;
    };
    let (Some(theirs), Some(ours)) = (record.writes.get(standing.write), record.writes.get(index))
    else {
        return;
    };
    if writer.has_seen(name, theirs) {
        record.fields.insert(name.to_owned(), incoming);
        return;
    }
    merged.exact = false;
    let wins = match ours.stamp.cmp(&theirs.stamp) {
        std::cmp::Ordering::Equal => {
            merged.stamps_collided = true;
            canonical(value) > canonical(&standing.value)
        }
        order => order.is_gt(),
    };
    let loser = if wins {
        let standing = standing.clone();
        record.fields.insert(name.to_owned(), incoming);
        standing
    } else {
        merged.lost.push(name.to_owned());
        incoming
    };
    if let Some(write) = record.writes.get(loser.write) {
        merged.history.push(Lost {
            field: name.to_owned(),
            value: loser.value.clone(),
            write: write.clone(),
        });
    }
    keep_loser(record, name, loser);
}

/// A conflict is settled when its own line speaks again, or someone who had it on screen does.
fn settle_losers(record: &mut Record, name: &str, writer: &Writer<'_>, merged: &mut Merged) {
    let Some(losers) = record.losers.get_mut(name) else {
        return;
    };
    let before = losers.len();
    let writes = &record.writes;
    losers.retain(|loser| {
        writes
            .get(loser.write)
            .is_some_and(|write| !writer.has_seen(name, write))
    });
    if losers.len() != before {
        merged.exact = false;
    }
    if losers.is_empty() {
        record.losers.remove(name);
    }
}

/// Keeps the losers with the greatest stamps, whatever order they came in (I7). One that equals
/// what stands is kept too, unseen: what stands may change.
fn keep_loser(record: &mut Record, name: &str, loser: Held) {
    let writes = &record.writes;
    let losers = record.losers.entry(name.to_owned()).or_default();
    losers.push(loser);
    losers.sort_by(|a, b| {
        let key = |held: &Held| writes.get(held.write).map(|write| (write.stamp, write.seq));
        key(b).cmp(&key(a))
    });
    losers.truncate(MAX_CONFLICTS);
}

/// Voiding hides a record; what others amended without knowing is kept and flagged (I18).
///
/// Judged after the fields are merged and only against the void that stands, so that the flags
/// are the same whichever of the two arrives first (I7).
fn flag_void(record: &mut Record, set: &Fields, index: usize, writer: &Writer<'_>) {
    let Some(void) = record.fields.get(VOID) else {
        return;
    };
    let this_voids = void.write == index;
    if void.value.is_null() {
        if this_voids {
            record.amended_after_void.clear();
        }
    } else if this_voids {
        let unknown = |held: &Held| {
            let write = record.writes.get(held.write);
            held.write != index && write.is_some_and(|write| !writer.knew_of(write))
        };
        let losers = |name: &str| record.losers.get(name).into_iter().flatten();
        record.amended_after_void = record
            .fields
            .iter()
            .filter(|(name, held)| {
                name.as_str() != VOID && (unknown(held) || losers(name).any(unknown))
            })
            .map(|(name, _)| name.clone())
            .collect();
    } else if record
        .writes
        .get(void.write)
        .is_some_and(|write| !writer.knew_of(write))
    {
        let amended = set.keys().filter(|name| name.as_str() != VOID);
        record.amended_after_void.extend(amended.cloned());
    }
}

/// One text per value: members in order of their names, no spaces.
fn canonical(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
