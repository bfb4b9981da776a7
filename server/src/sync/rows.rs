//! The rows that a fold writes of its records: the records themselves, what is counted of them, and
//! what they are found by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sync_protocol::Millis;
use sync_protocol::id::RecordId;

use super::first::First;
use super::fold::{Pair, ScopeSlot, Slot};
use super::rules::Rules;
use super::search_key::SearchKey;
use crate::store::bulk;
use crate::store::lookups::{self, Lookup, Runs};
use crate::store::records::RecordRow;
use crate::store::tallies::{self, Shift};
use crate::store::{Connection, Error};

/// A record that was changed, with what it now counts under and is found by; nothing, if it goes.
pub(super) struct Changed<'f> {
    pub(super) slot: &'f Slot,
    pub(super) tallies: Vec<Pair>,
    pub(super) terms: Vec<Pair>,
}

impl<'f> Changed<'f> {
    pub(super) fn of(slot: &'f Slot, rules: &Rules) -> Self {
        let (tallies, terms) = if slot.purge {
            (Vec::new(), Vec::new())
        } else {
            rules.counts_and_terms(&slot.record)
        };
        Self {
            slot,
            tallies,
            terms,
        }
    }

    /// Takes the record out of what the database counts it in.
    pub(super) fn leave<'c>(
        &'c self,
        scopes: &mut BTreeMap<Arc<str>, ScopeSlot>,
        rows: &mut Rows<'c>,
    ) {
        let Some(stored) = &self.slot.stored else {
            return;
        };
        let record = &self.slot.record;
        if let Some(holder) = scopes.get_mut(&stored.scope) {
            holder.let_out(&record.kind, record.id, stored.rev);
            // What a purge closes is remembered.
            let by = (-1, i64::from(self.slot.purge));
            let scope_id = holder.id.unwrap_or_default();
            rows.count(scope_id, &record.kind, &stored.tallies, by);
        }
    }

    /// The terms that it is no longer found by, where it was.
    fn lost(&self) -> impl Iterator<Item = &Pair> {
        let anew = self.is_found_anew();
        let stored = self.slot.stored.iter().flat_map(|stored| &stored.terms);
        stored.filter(move |term| anew || !self.terms.contains(term))
    }

    /// Whether there is something that it is not found by already, where it is. All that it is found
    /// by then goes into the newest run.
    pub(super) fn is_found_anew(&self) -> bool {
        let stored = self.slot.stored.as_ref();
        let stored = stored.filter(|stored| stored.scope == self.slot.scope);
        let is_known = |term| stored.is_some_and(|stored| stored.terms.contains(term));
        !self.terms.iter().all(is_known)
    }
}

/// A scope's tally of a kind: its id, the kind, the name, the value.
type Counted<'f> = (i64, &'f str, &'f str, &'f str);

/// What is to be written of records.
#[derive(Default)]
pub(super) struct Rows<'f> {
    pub(super) added: Vec<RecordRow>,
    pub(super) changed: Vec<RecordRow>,
    tallies: HashMap<Counted<'f>, (i64, i64)>,
}

impl<'f> Rows<'f> {
    /// Counts a record that counts under these pairs: what lives, and what a purge closed.
    pub(super) fn count(
        &mut self,
        scope_id: i64,
        kind: &'f str,
        pairs: &'f [Pair],
        (live, closed): (i64, i64),
    ) {
        for (name, value) in pairs {
            let by = self.tallies.entry((scope_id, kind, name, value));
            let by = by.or_default();
            by.0 += live;
            by.1 += closed;
        }
    }

    /// Writes it all, each sort in the order of its keys, as everybody does who writes beside others.
    pub(super) fn write(mut self, connection: &mut Connection) -> Result<(), Error> {
        self.added
            .sort_unstable_by(|one, other| one.id.cmp(&other.id));
        bulk::add_records(connection, &self.added)?;
        bulk::change_records(connection, &self.changed)?;
        let mut shifts: Vec<_> = self
            .tallies
            .into_iter()
            .filter(|(_, by)| *by != (0, 0))
            .map(|((scope_id, kind, name, value), (live, closed))| Shift {
                scope_id,
                kind,
                name,
                value,
                live,
                closed,
            })
            .collect();
        shifts.sort_unstable();
        tallies::add(connection, &shifts)
    }
}

/// What records of a fold are found by from now on, and what no longer. It needs no lock on a scope.
#[derive(Default)]
pub(super) struct Finds {
    found: BTreeSet<Lookup>,
    /// Runs, and what no longer stands in them.
    lost: BTreeSet<(i64, Lookup)>,
}

impl Finds {
    pub(super) fn of(
        firsts: &BTreeMap<RecordId, First>,
        changed: &BTreeMap<RecordId, Changed<'_>>,
        key: &SearchKey,
    ) -> Self {
        let mut found = Vec::new();
        for (record, first) in firsts {
            let record = *record;
            let hashes = first.traits.hashes.iter();
            found.extend(hashes.map(|hash| Lookup {
                hash: *hash,
                record,
            }));
        }
        let mut lost = BTreeSet::new();
        for (record, one) in changed {
            let lookup = |(purpose, text): &Pair| Lookup {
                hash: key.hash(purpose, text),
                record: *record,
            };
            lost.extend(one.lost().map(|term| (one.slot.run, lookup(term))));
            if !one.slot.purge && one.is_found_anew() {
                found.extend(one.terms.iter().map(lookup));
            }
        }
        let found = found.into_iter().collect();
        Self { found, lost }
    }

    /// Writes it, and says into which run.
    pub(super) fn write(
        &self,
        connection: &mut Connection,
        runs: &Runs,
        now: Millis,
    ) -> Result<i64, Error> {
        lookups::delete(connection, &self.lost)?;
        if self.found.is_empty() {
            return Ok(0);
        }
        let run = runs.take(connection, self.found.len(), now)?;
        lookups::add(connection, run, &self.found)?;
        Ok(run)
    }
}
