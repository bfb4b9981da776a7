//! Purging: when the purpose of a record has ended, it goes, with its hashes, its history and
//! what was kept aside of it. What stays is that an id is gone, for ever, and the counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_protocol::id::RecordId;

use super::fold::Fold;
use super::job::Purge;
use crate::retention::last_written;

impl Fold {
    /// The ids that go for good.
    pub(super) fn purged_ids(&self) -> Vec<String> {
        self.newly_purged.iter().cloned().collect()
    }

    /// Marks records for purging, with what shares their scope; whole scopes leave no exits.
    pub(super) fn purge(&mut self, purge: &Purge) -> u64 {
        let purge = &self.still_due(purge);
        let whole: BTreeSet<Arc<str>> = self
            .scopes
            .iter()
            .filter(|(_, slot)| slot.id.is_some_and(|id| purge.scopes.contains(&id)))
            .map(|(name, _)| name.clone())
            .collect();
        let wanted: BTreeSet<RecordId> = self
            .records
            .iter()
            .filter(|(id, slot)| {
                purge.records.contains(id)
                    || slot
                        .record
                        .parent
                        .is_some_and(|parent| purge.records.contains(&parent))
                    || whole.contains(&slot.scope)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in &wanted {
            let Some(slot) = self.records.get_mut(id) else {
                continue;
            };
            slot.purge = true;
            slot.dirty = true;
            self.newly_purged.insert(id.to_string());
        }
        // What else is in this fold must not write to what goes.
        self.purged.extend(wanted.iter().copied());
        self.whole_scopes.extend(whole.iter().cloned());
        // Ids that were purged before an older copy came back may not stand in it at all.
        self.newly_purged
            .extend(purge.records.iter().map(ToString::to_string));
        for name in &whole {
            if let Some(slot) = self.scopes.get_mut(name) {
                slot.purged = true;
                slot.dirty = true;
            }
        }
        wanted.len() as u64
    }

    /// What of it is due still: records that came back into use since they were found stay.
    fn still_due(&self, purge: &Purge) -> Purge {
        let mut purge = purge.clone();
        if let Some(since) = purge.quiet_since {
            let in_use: BTreeSet<RecordId> = self
                .records
                .values()
                .filter(|slot| last_written(&slot.record, slot.created_at) >= since)
                .flat_map(|slot| [Some(slot.record.id), slot.record.parent])
                .flatten()
                .collect();
            purge.records.retain(|id| !in_use.contains(id));
        }
        purge
    }
}
