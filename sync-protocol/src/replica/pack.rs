//! Which changes go next, in what order: records with an abnormal value first, all pending
//! changes of a record together and in order, a parent before its child, else by capture.
//! It numbers nothing: [`super::request`] does, when a request is started.

use std::collections::{BTreeMap, BTreeSet};

use super::outbox::{Entry, EntryId};
use crate::id::RecordId;

/// The entries without a number, in the order in which they are to be packed.
#[must_use]
pub fn order(outbox: &BTreeMap<EntryId, Entry>) -> Vec<EntryId> {
    let mut groups: BTreeMap<RecordId, Vec<EntryId>> = BTreeMap::new();
    let mut abnormal = BTreeSet::new();
    for (id, entry) in outbox.iter().filter(|(_, entry)| entry.seq.is_none()) {
        groups.entry(entry.record).or_default().push(*id);
        if entry.abnormal {
            abnormal.insert(entry.record);
        }
    }
    let mut records: Vec<RecordId> = groups.keys().copied().collect();
    records.sort_by_key(|record| {
        let first = groups.get(record).and_then(|ids| ids.first().copied());
        (!abnormal.contains(record), first)
    });
    let mut ordered = Vec::new();
    for record in records {
        take(record, &mut groups, outbox, &mut ordered);
    }
    ordered
}

/// Takes a record's group, its parents' first. A group is taken out before its parents are
/// looked at, so that a ring of parents ends.
fn take(
    record: RecordId,
    groups: &mut BTreeMap<RecordId, Vec<EntryId>>,
    outbox: &BTreeMap<EntryId, Entry>,
    ordered: &mut Vec<EntryId>,
) {
    let Some(ids) = groups.remove(&record) else {
        return;
    };
    let parents: BTreeSet<RecordId> = ids.iter().filter_map(|id| outbox.get(id)?.parent).collect();
    for parent in parents {
        take(parent, groups, outbox, ordered);
    }
    ordered.extend(ids);
}
