//! What one person sees: which kinds at a place, and a record as a row of their feed. Conflicts
//! pass through the same projection as what stands.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sync_protocol::id::UserId;
use sync_protocol::kind::{Kind, KindScope, Kinds, View};
use sync_protocol::record::{Record, Write};
use sync_protocol::wire::{Conflict, Row};

/// What somebody sees of the records of one scope.
pub struct Sight {
    viewer: UserId,
    views: BTreeMap<String, View>,
    /// A short hash that changes exactly when the projection does.
    pub name: String,
}

impl Sight {
    /// What the holder of these roles sees at a place of this level, on a day or not. `None` if nothing.
    pub fn of(
        kinds: &Kinds,
        viewer: UserId,
        roles: &[&str],
        level: &str,
        by_day: bool,
    ) -> Option<Self> {
        let views: BTreeMap<String, View> = kinds
            .newest()
            .filter(|kind| lives_at(kinds, kind, level, by_day))
            .map(|kind| (kind.name().to_owned(), kind.view(roles)))
            .filter(|(_, view)| view.sees_kind())
            .collect();
        if views.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        let mut tell = |text: &str| {
            hash.update(text.as_bytes());
            hash.update([0]);
        };
        roles.iter().for_each(|role| tell(role));
        views
            .values()
            .for_each(|view| view.fingerprint_into(&mut tell));
        let name = hash
            .finalize()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(Self {
            viewer,
            views,
            name,
        })
    }

    /// The view of a kind, if it is shown at all.
    pub fn view(&self, kind: &str) -> Option<&View> {
        self.views.get(kind)
    }

    /// The kinds that are shown.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.views.keys().map(String::as_str)
    }

    /// The record as its reader may see it; `None` if its kind is not shown.
    pub fn row(&self, record: &Record) -> Option<Row> {
        let view = self.views.get(&record.kind)?;
        let own = record.created.user == self.viewer;
        let mut conflicts = BTreeMap::<String, Vec<Conflict>>::new();
        for (field, held, write) in record.conflicts() {
            if let Some(value) = view.project_field(field, &held.value, own) {
                conflicts
                    .entry(field.to_owned())
                    .or_default()
                    .push(conflict(value, write));
            }
        }
        Some(Row {
            record: record.id,
            kind: record.kind.clone(),
            parent: record.parent,
            rev: record.rev,
            stamp: record.stamp(),
            time: record.created.time,
            clock: record.created.clock,
            by: record.created.user,
            set: view.project(&record.values(), own),
            conflicts,
            abnormal: record.abnormal.clone(),
            flags: flags(record),
        })
    }
}

fn conflict(value: serde_json::Value, write: &Write) -> Conflict {
    Conflict {
        value,
        time: write.stamp.time(),
        by: write.user,
    }
}

/// What else is to be known of a record: an open list.
pub fn flags(record: &Record) -> Vec<String> {
    let mut flags = Vec::new();
    if !record.amended_after_void.is_empty() {
        flags.push("amended_after_void".to_owned());
    }
    if record.writes.iter().any(|write| write.late) {
        flags.push("late".to_owned());
    }
    flags
}

/// Whether records of a kind live in scopes of this level, by day or not.
pub fn lives_at(kinds: &Kinds, kind: &Kind, at: &str, day: bool) -> bool {
    match kind.scope() {
        KindScope::Place { level, by_day } => level == at && *by_day == day,
        KindScope::Parent { kind: parent } => kinds
            .get(parent)
            .is_some_and(|parent| lives_at(kinds, parent, at, day)),
    }
}

/// The levels of the area tree at which records live, and whether by day.
pub fn levels(kinds: &Kinds) -> BTreeMap<String, bool> {
    kinds
        .newest()
        .filter_map(|kind| match kind.scope() {
            KindScope::Place { level, by_day } => Some((level.clone(), *by_day)),
            KindScope::Parent { .. } => None,
        })
        .collect()
}
