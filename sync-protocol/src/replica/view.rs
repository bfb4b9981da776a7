//! What is on screen: pending changes, in order, over the confirmed row. Only this enrolment's
//! own; nothing is merged here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Replica;
use super::outbox::{EntryId, Seen, Shown, read};
use crate::change::{Change, Fields};
use crate::id::RecordId;
use crate::scope::{Place, Scope};
use crate::wire::{Outcome, Row};

/// How far what is shown has come. The least far of what lies over the row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The confirmed row and nothing else.
    Confirmed,
    /// The centre has it; the row is still to come.
    Taken,
    /// The centre keeps it aside until somebody resolves it.
    Parked,
    /// Known only here, by an entry that is no valid change: to be mended.
    Invalid,
    /// Something is still to be sent.
    Pending,
}

/// A record as this person sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its id.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// The record whose scope it shares.
    pub parent: Option<RecordId>,
    /// Where the confirmed row is filed.
    pub scope: Option<Scope>,
    /// Where a record that is known only here is to live.
    pub place: Option<Place>,
    /// What a change made now is based on.
    pub seen: Option<Seen>,
    /// The fields: the row's, and over them what was captured here.
    pub fields: Fields,
    /// The confirmed row, with its conflicts and flags.
    pub row: Option<Row>,
    /// How far it has come.
    pub standing: Standing,
}

impl Replica {
    /// A record as this person sees it, if they see it at all.
    #[must_use]
    pub fn view(&self, record: RecordId) -> Option<View> {
        self.build_view(record, &self.layers(|of| of == record))
    }

    /// All that this person sees, by record.
    #[must_use]
    pub fn views(&self) -> Vec<View> {
        let mut layers: BTreeMap<RecordId, Vec<Layer>> = BTreeMap::new();
        for layer in self.layers(|_| true) {
            layers.entry(layer.change.record).or_default().push(layer);
        }
        self.records()
            .into_iter()
            .filter_map(|record| {
                self.build_view(record, layers.get(&record).map_or(&[], Vec::as_slice))
            })
            .collect()
    }

    /// The confirmed rows filed under a scope.
    pub fn rows_in(&self, scope: &Scope) -> impl Iterator<Item = &Row> {
        self.rows
            .values()
            .filter(move |filed| filed.scope == *scope)
            .map(|filed| &filed.row)
    }

    fn records(&self) -> BTreeSet<RecordId> {
        let own = self.outbox.values().map(|entry| entry.record);
        let troubled = self.troubles.values().map(|trouble| trouble.record);
        let held = self.rows.keys().chain(self.limbo.keys()).copied();
        own.chain(troubled).chain(held).collect()
    }

    /// What lies over the rows, in the order of capture.
    fn layers(&self, of: impl Fn(RecordId) -> bool) -> Vec<Layer> {
        let mut layers: BTreeMap<EntryId, Layer> = BTreeMap::new();
        for (id, trouble) in self.troubles.iter().filter(|(_, t)| of(t.record)) {
            let standing = match trouble.verdict {
                Outcome::Parked => Standing::Parked,
                Outcome::Invalid => Standing::Invalid,
                _ => continue,
            };
            if let Some(change) = trouble.line.as_deref().and_then(read) {
                layers.insert(*id, Layer { change, standing });
            }
        }
        for (id, entry) in self.outbox.iter().filter(|(_, e)| of(e.record)) {
            let standing = match entry.shown {
                Shown::Pending => Standing::Pending,
                Shown::Awaiting => Standing::Taken,
                Shown::Hidden => continue,
            };
            if let Some(change) = entry.change() {
                layers.insert(*id, Layer { change, standing });
            }
        }
        layers.into_values().collect()
    }

    fn build_view(&self, record: RecordId, layers: &[Layer]) -> Option<View> {
        let filed = self.rows.get(&record);
        let row = filed
            .map(|filed| &filed.row)
            .or_else(|| self.limbo.get(&record).map(|limbo| &limbo.row));
        // An invalid entry lies over nothing: it is shown only where there is nothing else.
        let valid = |layer: &&Layer| layer.standing != Standing::Invalid;
        let alone = row.is_none() && !layers.iter().any(|layer| valid(&layer));
        let shown: Vec<&Layer> = layers
            .iter()
            .filter(|layer| alone || valid(layer))
            .collect();
        let first = shown.first().map(|layer| &layer.change);
        let kind = row.map(|row| row.kind.clone());
        let mut fields = row.map(|row| row.set.clone()).unwrap_or_default();
        for layer in &shown {
            fields.extend(layer.change.set.clone());
        }
        Some(View {
            record,
            kind: kind.or_else(|| first.map(|change| change.kind.clone()))?,
            parent: row
                .and_then(|row| row.parent)
                .or_else(|| first.and_then(|change| change.parent)),
            scope: filed.map(|filed| filed.scope.clone()),
            place: first.and_then(|change| change.scope.clone()),
            seen: row.map(|row| Seen {
                rev: row.rev,
                stamp: row.stamp,
            }),
            fields,
            row: row.cloned(),
            standing: shown
                .iter()
                .map(|layer| layer.standing)
                .max()
                .unwrap_or(Standing::Confirmed),
        })
    }
}

/// One change over the row.
struct Layer {
    change: Change,
    standing: Standing,
}
