//! What the centre holds of one record: each field's value, and which write it comes from.
//!
//! A *write* is what one admitted change left behind: its stamps, its place among its device's
//! changes, the revision it made. Fields point at their write, so that a record captured in one
//! go costs one of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Fields;
use crate::id::{DeviceNumber, RecordId, UserId};
use crate::kind::{Values, under};
use crate::stamp::{Clock, RawStamp, Stamp};
use crate::value::ValueRef;
use crate::{Millis, Rev, Seq};

/// Writes that no field shows any more are kept this long, so that a phone that sends them again
/// under a new number is recognised.
pub const MAX_PAST_WRITES: usize = 32;

/// Conflicting values kept beside a field; the history holds all of them.
pub const MAX_CONFLICTS: usize = 8;

/// A line of devices: a number and those that a phone took on at a fork. Below, "the same device"
/// means the same line.
pub type LineNumber = u32;

/// What one admitted change left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The effective stamp; it names the device.
    #[serde(rename = "s")]
    pub stamp: Stamp,
    /// What the phone said.
    #[serde(rename = "w")]
    pub raw: RawStamp,
    /// How far the time can be trusted.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub clock: Clock,
    /// What was added to the phone's time, in milliseconds.
    #[serde(rename = "h", default, skip_serializing_if = "is_default")]
    pub shift: i64,
    /// The revision that it made.
    #[serde(rename = "r")]
    pub rev: Rev,
    /// The revision its writer had seen, 0 for none.
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub base: Rev,
    /// The line of the device.
    #[serde(rename = "l")]
    pub line: LineNumber,
    /// The number of the change on its device.
    #[serde(rename = "q")]
    pub seq: Seq,
    /// Who wrote.
    #[serde(rename = "u")]
    pub user: UserId,
    /// Tells the change from others of its line ([`crate::change::Change::content`]).
    #[serde(rename = "x")]
    pub content: u64,
    /// The fields that lost against what stood there.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Admitted under a grant that had run out.
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub late: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Write {
    /// The device that wrote.
    #[must_use]
    pub const fn device(&self) -> DeviceNumber {
        DeviceNumber(self.stamp.device)
    }
}

/// A value and the write it comes from (an index into [`Record::writes`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The value; `null` means gone.
    #[serde(rename = "v")]
    pub value: Value,
    /// The write.
    #[serde(rename = "w")]
    pub write: usize,
}

/// One record as the centre holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// The record whose scope it shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordId>,
    /// Steps once per admitted change.
    pub rev: Rev,
    /// Who made it, when (the effective time of the first write), and how sure that time is.
    pub created: Created,
    /// The writes that fields and conflicts point at, and some past ones.
    pub writes: Vec<Write>,
    /// What stands now.
    pub fields: BTreeMap<String, Held>,
    /// Values that lost while others stood, greatest stamp first, at most [`MAX_CONFLICTS`] a field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub losers: BTreeMap<String, Vec<Held>>,
    /// Fields amended by someone who did not know that the record was void.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub amended_after_void: BTreeSet<String>,
    /// What the policy makes of the record: codes of the rules that mark it abnormal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abnormal: Vec<String>,
}

/// What stands now.
impl Values for Record {
    fn all(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let fields = self.fields.iter();
        fields.map(|(name, held)| (name.as_str(), ValueRef::from(&held.value)))
    }

    fn value(&self, field: &str) -> Option<ValueRef<'_>> {
        let held = self.fields.get(field)?;
        Some(ValueRef::from(&held.value))
    }

    fn under<'v>(&'v self, name: &str) -> impl Iterator<Item = ValueRef<'v>> {
        under(&self.fields, name).map(|held| ValueRef::from(&held.value))
    }
}

/// Where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Effective time of the first write.
    pub time: Millis,
    /// Who wrote first.
    pub user: UserId,
    /// How sure the time is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clock: Clock,
}

/// The reserved field that voids a record.
pub const VOID: &str = "void";

impl Record {
    /// A record that nothing was written to.
    #[must_use]
    pub const fn new(
        id: RecordId,
        kind: String,
        parent: Option<RecordId>,
        created: Created,
    ) -> Self {
        Self {
            id,
            kind,
            parent,
            rev: 0,
            created,
            writes: Vec::new(),
            fields: BTreeMap::new(),
            losers: BTreeMap::new(),
            amended_after_void: BTreeSet::new(),
            abnormal: Vec::new(),
        }
    }

    /// A record that one change makes, just as [`crate::merge::merge`] into an empty one does.
    #[must_use]
    pub fn made_by(
        id: RecordId,
        kind: String,
        parent: Option<RecordId>,
        created: Created,
        set: Fields,
        write: Write,
    ) -> Self {
        let held = |(name, value)| (name, Held { value, write: 0 });
        Self {
            rev: write.rev,
            writes: vec![write],
            fields: set.into_iter().map(held).collect(),
            ..Self::new(id, kind, parent, created)
        }
    }

    /// The values that stand, gone map entries included as `null`.
    #[must_use]
    pub fn values(&self) -> Fields {
        self.fields
            .iter()
            .map(|(name, held)| (name.clone(), held.value.clone()))
            .collect()
    }

    /// The greatest effective stamp among the fields that stand.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.fields
            .values()
            .filter_map(|held| self.writes.get(held.write))
            .map(|write| write.stamp)
            .max()
            .unwrap_or_default()
    }

    /// Whether the record has been declared void.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.fields
            .get(VOID)
            .is_some_and(|held| !held.value.is_null())
    }

    /// The conflicts to show: values that lost and differ from what stands.
    pub fn conflicts(&self) -> impl Iterator<Item = (&str, &Held, &Write)> {
        self.losers.iter().flat_map(|(name, losers)| {
            let standing = self.fields.get(name).map(|held| &held.value);
            losers
                .iter()
                .filter(move |loser| standing != Some(&loser.value))
                .filter_map(|loser| Some((name.as_str(), loser, self.writes.get(loser.write)?)))
        })
    }

    /// The write that a field's value comes from.
    #[must_use]
    pub fn write_of(&self, field: &str) -> Option<&Write> {
        self.writes.get(self.fields.get(field)?.write)
    }

    /// The write that this content on this line made, if it is known.
    #[must_use]
    pub fn repeat_of(&self, line: LineNumber, content: u64) -> Option<&Write> {
        self.writes
            .iter()
            .find(|write| write.line == line && write.content == content)
    }

    /// The write of this change, if it is known.
    #[must_use]
    pub fn write_by(&self, device: DeviceNumber, seq: Seq) -> Option<&Write> {
        self.writes
            .iter()
            .find(|write| write.device() == device && write.seq == seq)
    }

    /// Bytes that the values take as JSON: what limits are judged by.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields
            .iter()
            .map(|(name, held)| {
                name.len() + 4 + serde_json::to_string(&held.value).map_or(0, |text| text.len())
            })
            .sum()
    }

    /// Bytes that the values that lost take as JSON.
    #[must_use]
    pub fn losers_size(&self) -> usize {
        let losers = self.losers.values().flatten();
        losers
            .map(|held| serde_json::to_string(&held.value).map_or(0, |text| text.len()))
            .sum()
    }

    /// Entries of all maps, gone ones included.
    #[must_use]
    pub fn map_entries(&self) -> usize {
        self.fields.keys().filter(|name| name.contains('/')).count()
    }

    /// Forgets past writes that nothing points at, beyond the newest [`MAX_PAST_WRITES`].
    pub(crate) fn trim_writes(&mut self) {
        let mut used = vec![false; self.writes.len()];
        for held in self.fields.values().chain(self.losers.values().flatten()) {
            if let Some(flag) = used.get_mut(held.write) {
                *flag = true;
            }
        }
        let mut past = used.iter().filter(|used| !**used).count();
        let keep: Vec<bool> = used
            .iter()
            .map(|&used| {
                let keep = used || past <= MAX_PAST_WRITES;
                past -= usize::from(!used);
                keep
            })
            .collect();
        if keep.iter().all(|&keep| keep) {
            return;
        }
        let mut moved = Vec::with_capacity(keep.len());
        let mut next = 0;
        for &keep in &keep {
            moved.push(next);
            next += usize::from(keep);
        }
        for held in self
            .fields
            .values_mut()
            .chain(self.losers.values_mut().flatten())
        {
            held.write = moved.get(held.write).copied().unwrap_or(0);
        }
        let mut flags = keep.into_iter();
        self.writes.retain(|_| flags.next().unwrap_or(true));
    }
}
