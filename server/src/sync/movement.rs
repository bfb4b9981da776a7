//! A record goes to another place, and what shares its scope with it, in one transaction: exits
//! there, rows here (I11). Only this moves a record; a phone can at most ask for it.

use std::sync::Arc;

use sync_protocol::id::RecordId;
use sync_protocol::kind::KindScope;
use sync_protocol::scope::Scope;

use super::fold::{Fold, Spot};
use super::job::{Moved, Movement};
use crate::store::Ground;

impl Fold {
    /// Moves a record.
    pub(super) fn relocate(&mut self, movement: &Movement) -> Moved {
        let kinds = self.rules.kinds.clone();
        let Some(slot) = self
            .records
            .get(&movement.record)
            .filter(|slot| !slot.purge)
        else {
            return Moved::Unknown;
        };
        let Some(kind) = kinds.get(&slot.record.kind) else {
            return Moved::Unknown;
        };
        let from = slot.scope.clone();
        let Some(person) = self.people.get(&movement.user.0) else {
            return Moved::Unknown;
        };
        let from_path = self.path_of(&from);
        if !person.reach.covers(&from_path) {
            return Moved::Unknown;
        }
        let level = match kind.scope() {
            KindScope::Parent { .. } => return Moved::Child,
            KindScope::Place { level, .. } => level,
        };
        let node = self
            .nodes
            .get(movement.to.code())
            .filter(|node| node.level == *level && movement.to.level() == level)
            .cloned();
        let Some(node) = node else {
            return Moved::Place;
        };
        let mut movers: Vec<&str> = kind.writers().iter().map(String::as_str).collect();
        // Who walks a grid does not decide whose it is.
        movers.retain(|role| !matches!(*role, "grid_leader" | "volunteer"));
        if [&from_path, &node.path]
            .into_iter()
            .any(|path| person.reach.ground(&movers, path) != Ground::Current)
        {
            return Moved::OutOfScope;
        }
        let day = self.scopes.get(&from).and_then(|slot| slot.spot.scope.day);
        let to = Scope {
            place: movement.to.clone(),
            day,
        };
        let to = Arc::new(Spot::new(to, node));
        if to.name == from {
            return Moved::Done(0);
        }
        let together: Vec<RecordId> = self
            .records
            .iter()
            .filter(|(id, slot)| {
                !slot.purge
                    && (**id == movement.record || slot.record.parent == Some(movement.record))
            })
            .map(|(id, _)| *id)
            .collect();
        self.scope_slot(&to);
        for id in &together {
            if let Some(slot) = self.records.get_mut(id) {
                slot.scope = Arc::clone(&to.name);
                slot.dirty = true;
            }
            self.shown_at.push((*id, to.node.code.clone()));
        }
        Moved::Done(together.len() as u64)
    }
}
