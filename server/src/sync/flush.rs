//! Writing a fold down: heads are taken last, scope by scope in order of their names, then
//! everything goes out in bulk.

use std::collections::{BTreeMap, BTreeSet};

use sync_protocol::id::RecordId;

use super::fold::{Fold, Slot};
use super::search_key::SearchKey;
use crate::store::bulk::{self, TallyKey};
use crate::store::exits::{self, ExitRow};
use crate::store::records::{self, RecordRow};
use crate::store::scopes::{HeadRow, HoldingRow};
use crate::store::{
    Company, Connection, Error, alerts, from_rev, history, locks, lookups, parked, purged, scopes,
};

impl Fold {
    /// Writes what was decided.
    pub(super) fn flush(
        mut self,
        connection: &mut Connection,
        key: &SearchKey,
    ) -> Result<(), Error> {
        self.make_scopes(connection)?;
        self.lock_scopes(connection)?;
        self.put_records(connection, key)?;
        self.put_exits(connection)?;
        self.put_scopes(connection)?;
        self.remove_purged(connection)?;
        bulk::add_history(connection, &self.history)?;
        self.put_aside(connection)?;
        let raised: Vec<_> = self.alerts.into_values().collect();
        alerts::raise(connection, &raised)?;
        bulk::add_looks(connection, &self.looks)?;
        let devices = self.devices.values().filter(|device| device.dirty);
        let acks: Vec<_> = devices.map(|device| &device.row).collect();
        bulk::save_acks(connection, &acks)
    }

    fn make_scopes(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let used: BTreeSet<&str> = self
            .records
            .values()
            .filter(|slot| slot.dirty)
            .map(|slot| slot.scope.as_str())
            .collect();
        for (name, slot) in &mut self.scopes {
            if slot.id.is_none() && used.contains(name.as_str()) {
                slot.id = Some(scopes::create(connection, &slot.scope)?.id);
            }
        }
        Ok(())
    }

    /// Beside others, what a scope counts is only known under its lock, which is held as shortly as
    /// can be: from here to the commit.
    fn lock_scopes(&mut self, connection: &mut Connection) -> Result<(), Error> {
        if self.company == Company::Alone {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for slot in self.records.values().filter(|slot| slot.dirty) {
            names.insert(slot.scope.clone());
            names.extend(slot.stored.as_ref().map(|stored| stored.scope.clone()));
        }
        let names: Vec<String> = names.into_iter().collect();
        if names.is_empty() {
            return Ok(());
        }
        let Some(rows) = locks::scopes(connection, &names)? else {
            return Ok(());
        };
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let holdings = scopes::holdings(connection, &ids)?;
        for row in rows {
            let Some(slot) = self.scopes.get_mut(&row.name) else {
                continue;
            };
            slot.head = row.head()?;
            slot.holdings = holdings
                .iter()
                .filter(|holding| holding.scope_id == row.id)
                .map(|holding| (holding.kind.clone(), (holding.count, holding.digest())))
                .collect();
        }
        Ok(())
    }

    fn put_records(&mut self, connection: &mut Connection, key: &SearchKey) -> Result<(), Error> {
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        let mut tallies = BTreeMap::<TallyKey, (i64, i64)>::new();
        let mut hashes = Vec::new();
        // Heads are taken in the order of records within each scope, scopes in the order of names.
        let mut dirty: Vec<_> = self
            .records
            .iter()
            .filter(|(_, slot)| slot.dirty)
            .map(|(id, slot)| (slot.scope.clone(), *id))
            .collect();
        dirty.sort();
        for (scope, id) in dirty {
            let Some(slot) = self.records.get(&id) else {
                continue;
            };
            let (now_tallies, now_terms) = if slot.purge {
                (Vec::new(), Vec::new())
            } else {
                self.counts_and_terms(&slot.record)
            };
            count(&mut tallies, slot, &now_tallies, &self.scopes);
            self.index(connection, key, slot, &now_terms, &mut hashes)?;
            if let Some(stored) = &slot.stored
                && let Some(holder) = self.scopes.get_mut(&stored.scope)
            {
                let holding = holder.holdings.entry(slot.record.kind.clone()).or_default();
                holding.0 -= 1;
                holding.1.remove(id, stored.rev);
                holder.dirty = true;
            }
            if slot.purge {
                continue;
            }
            let Some(holder) = self.scopes.get_mut(&scope) else {
                continue;
            };
            let holding = holder.holdings.entry(slot.record.kind.clone()).or_default();
            holding.0 += 1;
            holding.1.add(id, slot.record.rev);
            holder.dirty = true;
            let head = holder.head.take(self.epoch);
            let scope_id = holder.id.unwrap_or_default();
            let row = RecordRow::new(scope_id, head, &slot.record, slot.created_at)?;
            match &slot.stored {
                // A new record has left nowhere.
                None => added.push(row),
                Some(stored) => {
                    if stored.scope != scope {
                        exits::delete(connection, scope_id, id)?;
                    }
                    changed.push(row);
                }
            }
        }
        // In the order of ids, as everybody does who writes beside others.
        added.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        bulk::add_records(connection, &added)?;
        bulk::change_records(connection, &changed)?;
        let counted: Vec<_> = tallies
            .into_iter()
            .filter(|(_, by)| *by != (0, 0))
            .map(|(key, (live, closed))| (key, live, closed))
            .collect();
        bulk::add_tallies(connection, &counted)?;
        bulk::put_lookups(connection, &hashes)
    }

    /// The hashes under which a record can be found: gone ones out, the present ones in.
    fn index(
        &self,
        connection: &mut Connection,
        key: &SearchKey,
        slot: &Slot,
        terms: &[(String, String)],
        hashes: &mut Vec<(Vec<u8>, String, i64)>,
    ) -> Result<(), Error> {
        let before = slot
            .stored
            .as_ref()
            .map(|stored| (stored.terms.as_slice(), stored.scope == slot.scope));
        if before == Some((terms, true)) {
            return Ok(());
        }
        if let Some((before, _)) = before {
            let gone = before.iter().filter(|term| !terms.contains(term));
            let id = slot.record.id.to_string();
            let gone: Vec<_> = gone
                .map(|(purpose, text)| (key.hash(purpose, text), id.clone()))
                .collect();
            lookups::delete(connection, &gone)?;
        }
        let scope_id = self
            .scopes
            .get(&slot.scope)
            .and_then(|scope| scope.id)
            .unwrap_or_default();
        hashes.extend(terms.iter().map(|(purpose, text)| {
            (
                key.hash(purpose, text),
                slot.record.id.to_string(),
                scope_id,
            )
        }));
        Ok(())
    }

    /// What is no longer where the database had it leaves an exit there.
    fn put_exits(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let mut gone: Vec<(String, RecordId, Option<String>)> = Vec::new();
        for (id, slot) in self.records.iter().filter(|(_, slot)| slot.dirty) {
            let Some(stored) = &slot.stored else { continue };
            let moved = !slot.purge && stored.scope != slot.scope;
            let purged = slot.purge && !self.whole_scopes.contains(&stored.scope);
            if moved || purged {
                let to = moved.then(|| slot.scope.clone());
                gone.push((stored.scope.clone(), *id, to));
            }
        }
        gone.sort();
        let mut rows = Vec::with_capacity(gone.len());
        for (scope, record, to) in gone {
            let to_scope = to.as_ref().and_then(|name| self.scopes.get(name)?.id);
            let Some(holder) = self.scopes.get_mut(&scope) else {
                continue;
            };
            holder.dirty = true;
            let head = holder.head.take(self.epoch);
            rows.push(ExitRow {
                scope_id: holder.id.unwrap_or_default(),
                record: record.to_string(),
                head: from_rev(head),
                reason: if to.is_some() { "moved" } else { "purged" }.to_owned(),
                to_scope,
                at: self.now,
            });
        }
        bulk::put_exits(connection, &rows)
    }

    fn put_scopes(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let (mut heads, mut holdings) = (Vec::new(), Vec::new());
        for slot in self.scopes.values().filter(|slot| slot.dirty) {
            let Some(id) = slot.id else { continue };
            heads.push(HeadRow::new(id, &slot.head, slot.purged)?);
            holdings.extend(
                slot.holdings
                    .iter()
                    .map(|(kind, (count, digest))| HoldingRow {
                        scope_id: id,
                        kind: kind.clone(),
                        count: *count,
                        digest: digest.to_bits(),
                    }),
            );
        }
        bulk::save_heads(connection, &heads)?;
        bulk::put_holdings(connection, &holdings)
    }

    fn remove_purged(&self, connection: &mut Connection) -> Result<(), Error> {
        if self.newly_purged.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = self.newly_purged.iter().cloned().collect();
        bulk::add_purged(connection, &listed, self.now)?;
        let ids: Vec<String> = listed
            .into_iter()
            .filter(|name| !purged::is_entry(name))
            .collect();
        let gone: Vec<_> = self
            .records
            .iter()
            .filter(|(_, slot)| slot.purge)
            .map(|(id, _)| *id)
            .collect();
        records::delete(connection, &gone)?;
        for ids in ids.chunks(crate::store::dialect::MAX_LIST) {
            history::delete(connection, ids)?;
            parked::forget(connection, ids)?;
            alerts::forget(connection, ids)?;
        }
        Ok(())
    }

    fn put_aside(&self, connection: &mut Connection) -> Result<(), Error> {
        // What came and was set free within one fold needs no trace.
        let new: Vec<_> = self
            .aside
            .iter()
            .filter(|aside| aside.id.is_none() && aside.row.state != "admitted")
            .map(|aside| aside.row.clone())
            .collect();
        bulk::add_parked(connection, &new)?;
        for aside in self.aside.iter().filter(|aside| aside.settled) {
            let Some(id) = aside.id else { continue };
            if aside.row.body.is_empty() {
                parked::clear_body(connection, id)?;
            }
            if aside.is_open() {
                parked::change_code(
                    connection,
                    id,
                    &aside.row.code,
                    aside.row.waits_for.as_deref(),
                )?;
            } else {
                parked::settle(
                    connection,
                    id,
                    &aside.row.state,
                    aside.settled_by,
                    self.now,
                    aside.reason.as_deref(),
                )?;
            }
        }
        for (record, code) in &self.shown_at {
            parked::show_in(connection, &[record.to_string()], code)?;
        }
        Ok(())
    }
}

/// Adds what a record now counts under, takes away what it counted under before; what a purge
/// closes is remembered.
fn count(
    tallies: &mut BTreeMap<TallyKey, (i64, i64)>,
    slot: &Slot,
    now: &[(String, String)],
    scopes: &BTreeMap<String, super::fold::ScopeSlot>,
) {
    let key = |scope: &str, (name, value): &(String, String)| TallyKey {
        scope_id: scopes
            .get(scope)
            .and_then(|slot| slot.id)
            .unwrap_or_default(),
        kind: slot.record.kind.clone(),
        name: name.clone(),
        value: value.clone(),
    };
    if let Some(stored) = &slot.stored {
        for pair in &stored.tallies {
            let by = tallies.entry(key(&stored.scope, pair)).or_default();
            by.0 -= 1;
            by.1 += i64::from(slot.purge);
        }
    }
    for pair in now {
        tallies.entry(key(&slot.scope, pair)).or_default().0 += 1;
    }
}
