//! The rows that a fold writes of its records: the records themselves, what is counted of them, and
//! what they are found by.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sync_protocol::id::RecordId;

use super::fold::{Pair, ScopeSlot, Slot};
use super::rules::Rules;
use super::search_key::SearchKey;
use crate::store::bulk::{self, LookupRow, TallyRow};
use crate::store::records::RecordRow;
use crate::store::{Connection, Error, lookups};

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

    /// Takes the record out of what the database counts it in and finds it by.
    pub(super) fn leave<'c>(
        &'c self,
        scopes: &mut BTreeMap<Arc<str>, ScopeSlot>,
        key: &SearchKey,
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
        let anew = self.is_found_anew();
        let gone = stored.terms.iter();
        let gone = gone.filter(|term| anew || !self.terms.contains(term));
        let (run, id) = (self.slot.run, record.id);
        let gone = hashes(key, gone).map(|hash| (run, hash.into_owned(), id.to_string()));
        rows.lost.extend(gone);
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

/// The hashes of terms.
pub(super) fn hashes<'t>(
    key: &SearchKey,
    terms: impl IntoIterator<Item = &'t Pair>,
) -> impl Iterator<Item = Cow<'t, [u8]>> {
    let terms = terms.into_iter();
    terms.map(|(purpose, text)| Cow::Owned(key.hash(purpose, text)))
}

/// A scope's tally of a kind: its id, the kind, the name, the value.
type Counted<'f> = (i64, &'f str, &'f str, &'f str);

/// What is to be written of records.
#[derive(Default)]
pub(super) struct Rows<'f> {
    pub(super) added: Vec<RecordRow>,
    pub(super) changed: Vec<RecordRow>,
    tallies: HashMap<Counted<'f>, (i64, i64)>,
    /// Runs, hashes and records that no longer belong together.
    lost: Vec<(i64, Vec<u8>, String)>,
    found: Vec<LookupRow<'f>>,
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

    /// Lets a record be found.
    pub(super) fn find(
        &mut self,
        id: RecordId,
        scope_id: i64,
        run: i64,
        hashes: impl Iterator<Item = Cow<'f, [u8]>>,
    ) {
        self.found.extend(hashes.map(|hash| LookupRow {
            run,
            hash,
            record: id.to_string(),
            scope_id,
        }));
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
        bulk::add_tallies(connection, &tallies)?;
        lookups::delete(connection, &self.lost)?;
        self.found.sort_unstable();
        bulk::put_lookups(connection, &self.found)
    }
}
