//! A record that one change makes, which is most of what comes: it is kept as the line that came, and
//! taken apart only if something else in the same fold touches it. What it counts under and is found
//! by was worked out before the fold began ([`super::checked`]).

use std::sync::Arc;

use sync_protocol::cursor::next_rev;
use sync_protocol::id::RecordId;
use sync_protocol::merge::makes_exactly;
use sync_protocol::record::{Created, Record, Write};
use sync_protocol::wire::{MAX_CHANGE_BYTES, MAX_RECORD_BYTES};

use super::admit::Attempt;
use super::checked::Traits;
use super::fold::{Fold, Slot, Spot};
use super::job::{PushLine, Settled};

// What one line carries is never too large for a record.
const _: () = assert!(MAX_CHANGE_BYTES < MAX_RECORD_BYTES);

/// A record that one change makes.
pub(super) struct First {
    pub(super) spot: Arc<Spot>,
    pub(super) line: Arc<PushLine>,
    pub(super) traits: Arc<Traits>,
    pub(super) parent: Option<RecordId>,
    pub(super) created: Created,
    pub(super) write: Write,
}

impl Fold {
    /// Enters a change that makes its record, if all was found out about it before: just as
    /// [`Fold::enter`] does.
    pub(super) fn enter_first(
        &mut self,
        attempt: &Attempt<'_>,
        spot: &Arc<Spot>,
        late: bool,
    ) -> Option<Settled> {
        let change = attempt.change;
        if self.records.contains_key(&change.record) {
            return None;
        }
        let line = attempt.line()?;
        let traits = Arc::clone(line.checked.as_ref()?.traits(&self.rules)?);
        let kinds = Arc::clone(&self.rules.kinds);
        let kind = kinds.get(&change.kind)?;
        let view = self.view(attempt.judge, kind, &spot.node.path);
        let rev = next_rev(0, self.epoch);
        let write = attempt.write(attempt.normalised.stamp, rev, late);
        for rule in &traits.abnormal {
            self.raise_abnormal(rule, change.record, attempt, spot);
        }
        // A row that the policy marks travels: its writer may hold another policy.
        let hides = || view.masks_any(true) && traits.fields().any(|field| view.masks(field, true));
        let exact = traits.abnormal.is_empty() && makes_exactly(&write) && !hides();
        let settled = Settled {
            exact: exact.then_some(rev),
            spot: Some(Arc::clone(spot)),
            ..Settled::applied(attempt.seq, change.record)
        };
        self.scope_slot(spot);
        self.absent.remove(&change.record);
        let first = First {
            spot: Arc::clone(spot),
            line: Arc::clone(line),
            traits,
            parent: change.parent.filter(|_| kind.parent().is_some()),
            created: attempt.created(),
            write,
        };
        self.firsts.insert(change.record, first);
        Some(settled)
    }

    /// Takes a record apart that was made in this fold, because something is to be done with it.
    pub(super) fn unfold(&mut self, id: RecordId) {
        let Some(first) = self.firsts.remove(&id) else {
            return;
        };
        let mut record = Record::made_by(
            id,
            first.traits.kind.clone(),
            first.parent,
            first.created,
            first.line.set().clone(),
            first.write,
        );
        record.abnormal.clone_from(&first.traits.abnormal);
        let slot = Slot {
            scope: Arc::clone(&first.spot.name),
            record,
            created_at: self.now,
            run: 0,
            stored: None,
            dirty: true,
            purge: false,
        };
        self.records.insert(id, slot);
    }

    /// Takes all of them apart, for what looks at records of a whole place.
    pub(super) fn unfold_all(&mut self) {
        let ids: Vec<RecordId> = self.firsts.keys().copied().collect();
        ids.into_iter().for_each(|id| self.unfold(id));
    }
}
