//! The rows that a fold writes of its records: the records themselves, what is counted of them, and
//! what they are found by.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sync_protocol::Millis;
use sync_protocol::id::RecordId;

use super::first::First;
use super::fold::{Pair, ScopeSlot, Slot};
use super::rules::Rules;
use super::search_key::SearchKey;
use crate::store::bulk::{self, LookupRow, TallyRow};
use crate::store::lookups::{self, Runs};
use crate::store::records::RecordRow;
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
        let mut tallies: Vec<_> = self
            .tallies
            .into_iter()
            .filter(|(_, by)| *by != (0, 0))
            .map(|((scope_id, kind, name, value), (live, closed))| TallyRow {
                scope_id,
                kind,
                name,
                value,
                live,
                closed,
            })
            .collect();
        tallies.sort_unstable();
        bulk::add_tallies(connection, &tallies)
    }
}

/// What records of a fold are found by from now on, and what no longer. It needs no lock on a scope, and
/// is most of the rows that a fold writes.
#[derive(Default)]
pub(super) struct Finds<'f> {
    /// Of records that one change of this fold makes.
    new: Vec<LookupRow<'f>>,
    found: Vec<LookupRow<'f>>,
    /// Whether some of these are of records that this fold makes, too.
    makes_others: bool,
    /// Runs, hashes and records that no longer belong together.
    lost: Vec<(i64, Vec<u8>, String)>,
}

impl<'f> Finds<'f> {
    pub(super) fn of(
        firsts: &'f BTreeMap<RecordId, First>,
        changed: &BTreeMap<RecordId, Changed<'_>>,
        scopes: &BTreeMap<Arc<str>, ScopeSlot>,
        key: &SearchKey,
    ) -> Self {
        let scope_id = |name| {
            scopes
                .get(name)
                .and_then(|slot| slot.id)
                .unwrap_or_default()
        };
        let mut finds = Self::default();
        for (id, first) in firsts {
            let row = |hash: &'f Vec<u8>| LookupRow {
                run: 0,
                hash: Cow::from(hash),
                record: id.to_string(),
                scope_id: scope_id(&first.spot.name),
            };
            finds.new.extend(first.traits.hashes.iter().map(row));
        }
        for (id, one) in changed {
            let lost = one.lost().map(|(purpose, text)| key.hash(purpose, text));
            let lost = lost.map(|hash| (one.slot.run, hash, id.to_string()));
            finds.lost.extend(lost);
            if one.slot.purge || !one.is_found_anew() {
                continue;
            }
            let row = |(purpose, text): &Pair| LookupRow {
                run: 0,
                hash: Cow::from(key.hash(purpose, text)),
                record: id.to_string(),
                scope_id: scope_id(&one.slot.scope),
            };
            finds.makes_others |= one.slot.stored.is_none();
            finds.found.extend(one.terms.iter().map(row));
        }
        finds
    }

    /// Writes it, and says into which run. `presumes`: that nobody knows the new records was not looked
    /// up, and is to be found out by their keys.
    pub(super) fn write(
        mut self,
        connection: &mut Connection,
        runs: &Runs,
        now: Millis,
        presumes: bool,
    ) -> Result<i64, Error> {
        lookups::delete(connection, &self.lost)?;
        let run = match self.new.len() + self.found.len() {
            0 => 0,
            count => runs.take(connection, count, now)?,
        };
        // Two that make the same records meet at the first of them: all new keys go in one order.
        let copies = presumes && !self.makes_others;
        if !copies {
            self.found.append(&mut self.new);
        }
        for rows in [&mut self.new, &mut self.found] {
            rows.iter_mut().for_each(|row| row.run = run);
            rows.sort_unstable();
            rows.dedup();
        }
        bulk::add_lookups(connection, &self.new)?;
        bulk::put_lookups(connection, &self.found)?;
        Ok(run)
    }
}
