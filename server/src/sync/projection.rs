//! What one person sees: which kinds at a place, and a record as a row of their feed. Conflicts
//! pass through the same projection as what stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sync_protocol::id::UserId;
use sync_protocol::kind::{Kind, KindScope, Kinds, View};
use sync_protocol::record::{Held, Record, Write};
use sync_protocol::wire::{Conflict, Row};

use super::rules::Rules;
use super::views::Outlook;

/// What somebody sees of the records of one scope.
pub struct Sight {
    viewer: UserId,
    outlook: Arc<Outlook>,
}

impl Sight {
    /// What the holder of these roles sees at a place of this level, on a day or not. `None` if nothing.
    pub fn of(
        rules: &Rules,
        viewer: UserId,
        roles: &[&str],
        level: &str,
        by_day: bool,
    ) -> Option<Self> {
        let outlook = rules.views.at_place(&rules.kinds, roles, level, by_day)?;
        Some(Self { viewer, outlook })
    }

    /// A short hash that changes exactly when the projection does.
    pub fn name(&self) -> &str {
        &self.outlook.name
    }

    /// The view of a kind, if it is shown at all.
    pub fn view(&self, kind: &str) -> Option<&View> {
        self.outlook.views.get(kind).map(Arc::as_ref)
    }

    /// The kinds that are shown.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.outlook.views.keys().map(String::as_str)
    }

    /// The record as its reader may see it; `None` if its kind is not shown.
    pub fn row(&self, record: Record) -> Option<Row> {
        let view = self.view(&record.kind)?;
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
            parent: record.parent,
            rev: record.rev,
            stamp: record.stamp(),
            time: record.created.time,
            clock: record.created.clock,
            by: record.created.user,
            conflicts,
            flags: flags(&record),
            set: view.project(values(record.fields), own),
            abnormal: view.abnormal(record.abnormal, own),
            kind: record.kind,
        })
    }
}

/// The values that stand, gone map entries included as `null`.
fn values(fields: BTreeMap<String, Held>) -> impl Iterator<Item = (String, Value)> {
    fields.into_iter().map(|(name, held)| (name, held.value))
}

fn conflict(value: Value, write: &Write) -> Conflict {
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
