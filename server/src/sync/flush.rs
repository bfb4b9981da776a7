//! Writing a fold down: what needs no lock on a scope first, then heads are taken, scope by scope in
//! order of their names, then everything else goes out in bulk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sync_protocol::id::RecordId;

use super::fold::{Fold, ScopeSlot};
use super::rows::{Changed, Finds, Rows};
use super::search_key::SearchKey;
use crate::store::bulk;
use crate::store::exits::{self, ExitRow};
use crate::store::lookups::Runs;
use crate::store::records::{self, RecordRow};
use crate::store::scopes::{HeadRow, HoldingRow};
use crate::store::{Company, Connection, Error, alerts, from_rev, history, locks, parked, scopes};

impl Fold {
    /// Writes what was decided.
    pub(super) fn flush(
        mut self,
        connection: &mut Connection,
        key: &SearchKey,
        runs: &Runs,
    ) -> Result<(), Error> {
        self.make_scopes(connection)?;
        bulk::add_looks(connection, &self.looks)?;
        let devices = self.devices.values().filter(|device| device.dirty);
        let acks: Vec<_> = devices.map(|device| &device.row).collect();
        bulk::save_acks(connection, &acks)?;
        self.put_records(connection, key, runs)?;
        self.put_exits(connection)?;
        self.put_scopes(connection)?;
        bulk::add_history(connection, &self.history)?;
        self.put_aside(connection)?;
        let raised: Vec<_> = std::mem::take(&mut self.alerts).into_values().collect();
        alerts::raise(connection, &raised)?;
        // Last: nothing that this very fold wrote about what goes may stay.
        self.remove_purged(connection)
    }

    /// The scopes in which records are written.
    fn used_scopes(&self) -> BTreeSet<Arc<str>> {
        let changed = self.records.values().filter(|slot| slot.dirty);
        let made = self.firsts.values().map(|first| &first.spot.name);
        let used = changed.map(|slot| &slot.scope).chain(made);
        used.map(Arc::clone).collect()
    }

    fn make_scopes(&mut self, connection: &mut Connection) -> Result<(), Error> {
        for name in self.used_scopes() {
            if let Some(slot) = self.scopes.get_mut(&name)
                && slot.id.is_none()
            {
                slot.id = Some(scopes::create(connection, &slot.spot.scope)?.id);
            }
        }
        Ok(())
    }

    fn put_records(
        &mut self,
        connection: &mut Connection,
        key: &SearchKey,
        runs: &Runs,
    ) -> Result<(), Error> {
        let mut used = self.used_scopes();
        for slot in self.records.values().filter(|slot| slot.dirty) {
            used.extend(slot.stored.as_ref().map(|stored| Arc::clone(&stored.scope)));
        }
        let Self {
            records,
            firsts,
            scopes,
            rules,
            epoch,
            now,
            company,
            ..
        } = self;
        let changed: BTreeMap<RecordId, Changed<'_>> = records
            .iter()
            .filter(|(_, slot)| slot.dirty)
            .map(|(id, slot)| (*id, Changed::of(slot, rules)))
            .collect();
        // Heads are taken in the order of records within each scope, scopes in the order of names.
        let made = firsts.iter().map(|(id, first)| (&first.spot.name, *id));
        let mut due: Vec<(&Arc<str>, RecordId)> = changed
            .iter()
            .map(|(id, one)| (&one.slot.scope, *id))
            .chain(made)
            .collect();
        due.sort_unstable();
        let finds = Finds::of(firsts, &changed, key);
        let run = finds.write(connection, runs, *now)?;
        hold_scopes(connection, *company, &used, scopes)?;
        let mut rows = Rows::default();
        for (scope, id) in due {
            if let Some(one) = changed.get(&id) {
                one.leave(scopes, &mut rows);
            }
            let Some(holder) = scopes.get_mut(scope) else {
                continue;
            };
            let scope_id = holder.id.unwrap_or_default();
            if let Some(first) = firsts.get(&id) {
                let traits = &first.traits;
                let head = holder.take_in(&traits.kind, id, first.write.rev, *epoch);
                let makes = records::Made {
                    created: first.created,
                    write: &first.write,
                    abnormal: &traits.abnormal,
                };
                rows.added.push(RecordRow {
                    id: id.to_string(),
                    scope_id,
                    head: from_rev(head),
                    kind: traits.kind.clone(),
                    parent: first.parent.map(|id| id.to_string()),
                    rev: from_rev(first.write.rev),
                    created_at: *now,
                    time: first.created.time,
                    void: traits.void,
                    conflicted: false,
                    body: makes.by(&first.line.bytes)?,
                    run,
                });
                rows.count(scope_id, &traits.kind, &traits.tallies, (1, 0));
            } else if let Some(one) = changed.get(&id).filter(|one| !one.slot.purge) {
                let (slot, record) = (one.slot, &one.slot.record);
                let head = holder.take_in(&record.kind, id, record.rev, *epoch);
                let run = if one.is_found_anew() { run } else { slot.run };
                let row = RecordRow::new(scope_id, head, record, slot.created_at, run)?;
                match &slot.stored {
                    // A new record has left nowhere.
                    None => rows.added.push(row),
                    Some(stored) => {
                        if stored.scope != slot.scope {
                            exits::delete(connection, scope_id, id)?;
                        }
                        rows.changed.push(row);
                    }
                }
                rows.count(scope_id, &record.kind, &one.tallies, (1, 0));
            }
        }
        rows.write(connection)
    }

    /// What is no longer where the database had it leaves an exit there.
    fn put_exits(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let mut gone: Vec<(Arc<str>, RecordId, Option<Arc<str>>)> = Vec::new();
        for (id, slot) in self.records.iter().filter(|(_, slot)| slot.dirty) {
            let Some(stored) = &slot.stored else { continue };
            let moved = !slot.purge && stored.scope != slot.scope;
            let purged = slot.purge && !self.whole_scopes.contains(&stored.scope);
            if moved || purged {
                let to = moved.then(|| Arc::clone(&slot.scope));
                gone.push((Arc::clone(&stored.scope), *id, to));
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
        let ids = self.purged_ids();
        bulk::add_purged(connection, &ids, self.now)?;
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
                parked::change_code(connection, id, &aside.row)?;
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

/// Takes hold of scopes and reads what they count. Beside others that is only known under their locks,
/// which are held as shortly as can be: from here to the commit.
fn hold_scopes(
    connection: &mut Connection,
    company: Company,
    used: &BTreeSet<Arc<str>>,
    scopes: &mut BTreeMap<Arc<str>, ScopeSlot>,
) -> Result<(), Error> {
    if company == Company::Beside && !used.is_empty() {
        let names: Vec<String> = used.iter().map(|name| name.to_string()).collect();
        for row in locks::scopes(connection, &names)?.into_iter().flatten() {
            if let Some(slot) = scopes.get_mut(row.name.as_str()) {
                slot.head = row.head()?;
            }
        }
    }
    let known = |name: &Arc<str>| Some((scopes.get(name)?.id?, Arc::clone(name)));
    let names: HashMap<i64, Arc<str>> = used.iter().filter_map(known).collect();
    let ids: Vec<i64> = names.keys().copied().collect();
    for holding in scopes::holdings(connection, &ids)? {
        let name = names.get(&holding.scope_id);
        if let Some(slot) = name.and_then(|name| scopes.get_mut(name)) {
            let held = (holding.count, holding.digest());
            slot.holdings.insert(holding.kind, held);
        }
    }
    Ok(())
}
