//! Reading what a fold will touch, before anything is decided: devices, people, records with
//! their parents and children, what was kept aside about them, and the scopes of all these.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sync_protocol::Seq;
use sync_protocol::change::{Heading, Line, parse};
use sync_protocol::id::RecordId;

use super::fold::{Aside, Device, Fold, ScopeSlot, Slot, Spot, Stored};
use super::job::{Job, Said, makes};
use super::numbering::Marks;
use crate::store::dialect::MAX_LIST;
use crate::store::{
    Company, Connection, Error, acks, from_rev, locks, parked, purged, reach, records, scopes,
    to_rev,
};

/// How far changes that wait for one another are followed.
const ROUNDS_OF_WAITING: usize = 3;
/// How many changes that came before their kind are tried again in one transaction.
const READMITTED: i64 = 500;

/// Devices times numbers that one question about repeats asks for.
const MOST_REPEATS: usize = 1_024;

/// What jobs name, before what hangs on it is known.
#[derive(Default)]
struct Names {
    devices: BTreeSet<i64>,
    people: BTreeSet<i64>,
    records: BTreeSet<RecordId>,
    /// Records that move or are purged: their children are needed too.
    uprooted: BTreeSet<RecordId>,
    /// Codes of nodes.
    nodes: BTreeSet<String>,
    /// Whole scopes.
    scopes: BTreeSet<i64>,
    contents: Vec<u64>,
}

impl Names {
    fn change(&mut self, change: &Heading, content: u64) {
        self.records.insert(change.record);
        self.surroundings(change, content);
    }

    /// What a change names beside its record.
    fn surroundings(&mut self, change: &Heading, content: u64) {
        self.records.extend(change.parent);
        if let Some(place) = &change.scope
            && !self.nodes.contains(place.code())
        {
            self.nodes.insert(place.code().to_owned());
        }
        self.contents.push(content);
    }
}

impl Fold {
    /// Reads all that these jobs will touch.
    pub(super) fn gather(
        &mut self,
        connection: &mut Connection,
        jobs: &[Job],
    ) -> Result<(), Error> {
        let mut names = Names::default();
        let mut pending = Vec::new();
        for job in jobs {
            match job {
                Job::Push(push) => {
                    names.devices.insert(i64::from(push.device.0));
                    for line in &push.lines {
                        match &line.said {
                            Ok(Said::Change(change)) => {
                                names.surroundings(change, line.content);
                            }
                            Ok(Said::Lost) => {}
                            Err(fault) => {
                                names.records.extend(fault.record);
                                names.contents.push(line.content);
                            }
                        }
                    }
                }
                Job::Write(written) => {
                    names.devices.insert(self.process);
                    for one in written {
                        names.people.insert(one.user.0);
                        names.change(&one.change, one.change.content());
                    }
                }
                Job::Resolve(resolution) => {
                    names.people.insert(resolution.user.0);
                    pending.extend(parked::by_id(connection, resolution.parked)?);
                }
                Job::Move(movement) => {
                    names.people.insert(movement.user.0);
                    names.records.insert(movement.record);
                    names.uprooted.insert(movement.record);
                    names.nodes.insert(movement.to.code().to_owned());
                }
                Job::Purge(purge) => {
                    names.records.extend(&purge.records);
                    names.uprooted.extend(&purge.records);
                    names.scopes.extend(&purge.scopes);
                }
                Job::Readmit { after } => {
                    let code = sync_protocol::wire::parked::UNKNOWN_KIND;
                    let rows = parked::open_with_code(connection, code, *after, READMITTED)?;
                    self.readmit_last = rows.last().map(|row| row.id);
                    pending.extend(rows);
                }
                Job::Look(_) => {}
            }
        }
        self.gather_devices(connection, &names)?;
        self.name_records(jobs, &mut names);
        names
            .people
            .extend(self.devices.values().map(|device| device.row.account));
        self.gather_records(connection, &mut names, pending)?;
        self.gather_knew(connection)?;
        self.gather_states(connection)?;
        self.gather_people(connection, &names)?;
        self.gather_nodes(connection, &names)?;
        let records: Vec<RecordId> = names.records.union(&self.presumed).copied().collect();
        self.purged.extend(purged::among(connection, &records)?);
        let scope_ids: Vec<i64> = names.scopes.iter().copied().collect();
        let rows = scopes::by_ids(connection, &scope_ids)?;
        self.take_scopes(connection, &rows)?;
        self.gather_destinations(connection, jobs)?;
        self.gather_past(connection, jobs)?;
        self.gather_known_aside(connection, &names.contents)
    }

    fn gather_devices(&mut self, connection: &mut Connection, names: &Names) -> Result<(), Error> {
        let numbers: Vec<i64> = names.devices.iter().copied().collect();
        let rows = match self.company {
            Company::Beside => locks::devices(connection, &numbers)?,
            Company::Alone => acks::load(connection, &numbers)?,
        };
        for row in rows {
            let marks = Marks::from_bytes(&row.marks)
                .ok_or_else(|| Error::Corrupt("the marks of a device".to_owned()))?;
            self.devices.insert(
                row.number,
                Device {
                    row,
                    marks,
                    dirty: false,
                },
            );
        }
        let lines: Vec<i64> = self
            .devices
            .values()
            .map(|device| device.row.line)
            .collect();
        self.shared_lines = acks::shared_lines(connection, &lines)?
            .into_iter()
            .collect();
        Ok(())
    }

    /// The records of pushes. What makes a record, and was never sent before, names one that is not
    /// there: this is presumed, and not looked up ([`Fold::presumes`]).
    fn name_records(&mut self, jobs: &[Job], names: &mut Names) {
        for job in jobs {
            let Job::Push(push) = job else { continue };
            let device = self.devices.get(&i64::from(push.device.0));
            let ack = device.map_or(Seq::MAX, |device| device.row.ack());
            for (seq, line) in (push.from..).zip(&push.lines) {
                let Ok(Said::Change(change)) = &line.said else {
                    continue;
                };
                if self.presumes && makes(change) && seq > ack {
                    self.presumed.insert(change.record);
                } else {
                    names.records.insert(change.record);
                }
            }
        }
        self.presumed.retain(|id| !names.records.contains(id));
    }

    /// Whether the devices whose changes were kept aside may write now.
    fn gather_states(&mut self, connection: &mut Connection) -> Result<(), Error> {
        // What is kept aside by this fold may be set free by it.
        let here = self.devices.iter();
        self.active
            .extend(here.map(|(number, device)| (*number, device.row.state == "active")));
        if self.aside.is_empty() {
            return Ok(());
        }
        let numbers: BTreeSet<i64> = self.aside.iter().map(|aside| aside.row.device).collect();
        let numbers: Vec<i64> = numbers.into_iter().collect();
        for row in acks::load(connection, &numbers)? {
            self.active.insert(row.number, row.state == "active");
        }
        Ok(())
    }

    /// What each number of a shared line knew of those before it, back to the first.
    fn gather_knew(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let aside: BTreeSet<i64> = self.aside.iter().map(|aside| aside.row.line).collect();
        let mut lines: BTreeSet<i64> = self.shared_lines.iter().copied().collect();
        let aside: Vec<i64> = aside.into_iter().collect();
        lines.extend(acks::shared_lines(connection, &aside)?);
        if lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<i64> = lines.into_iter().collect();
        let left: HashMap<i64, (i64, i64)> = acks::numbers_of(connection, &lines)?
            .into_iter()
            .filter_map(|(_, number, left, knew)| Some((number, (left?, knew))))
            .collect();
        for number in left.keys() {
            let mut knew = Vec::new();
            let mut step = left.get(number);
            // A number is always left for a greater one, so this comes to an end.
            while let Some((before, last)) = step {
                knew.push((u32::try_from(*before).unwrap_or(0), to_rev(*last)));
                step = left.get(before).filter(|(further, _)| further < before);
            }
            self.knew.insert(*number, knew);
        }
        Ok(())
    }

    /// Records, and what hangs on them, until nothing new turns up: what waits for a record may
    /// touch others, which have parents and waiting changes of their own.
    fn gather_records(
        &mut self,
        connection: &mut Connection,
        names: &mut Names,
        pending: Vec<parked::ParkedRow>,
    ) -> Result<(), Error> {
        let mut known_aside = HashSet::new();
        self.keep_aside(pending, &mut known_aside, names);
        if !names.scopes.is_empty() {
            for id in names.scopes.clone() {
                for row in records::in_scope(connection, id)? {
                    names.records.extend(row.id.parse::<RecordId>().ok());
                }
            }
        }
        let lines: Vec<i64> = self
            .devices
            .values()
            .map(|device| device.row.line)
            .collect();
        self.absent.extend(&self.presumed);
        for round in 0.. {
            let mut wanted: Vec<RecordId> = names
                .records
                .iter()
                .copied()
                .filter(|id| !self.records.contains_key(id) && !self.absent.contains(id))
                .collect();
            if wanted.is_empty() && round > 0 {
                return Ok(());
            }
            // What the jobs name may change; what hangs on it (parents) is only read beside others.
            let mut rows = if round == 0 && self.company == Company::Beside {
                locks::records(connection, &wanted)?
            } else {
                records::by_ids(connection, &wanted)?
            };
            let uprooted: Vec<RecordId> = wanted
                .iter()
                .copied()
                .filter(|id| names.uprooted.contains(id))
                .collect();
            rows.extend(records::children_of(connection, &uprooted)?);
            self.take_records(connection, rows, names)?;
            self.absent
                .extend(wanted.iter().filter(|id| !self.records.contains_key(*id)));
            if round == 0 {
                wanted.extend(&self.presumed);
            }
            // What waits for a new record may itself be waited for; a parent has no parent, so
            // that is as far as it goes.
            if round < ROUNDS_OF_WAITING {
                let rows = parked::open_for(connection, &wanted, &lines)?;
                self.keep_aside(rows, &mut known_aside, names);
            }
        }
        Ok(())
    }

    fn take_records(
        &mut self,
        connection: &mut Connection,
        rows: Vec<records::RecordRow>,
        names: &mut Names,
    ) -> Result<(), Error> {
        let scope_ids: BTreeSet<i64> = rows.iter().map(|row| row.scope_id).collect();
        let scope_ids: Vec<i64> = scope_ids
            .into_iter()
            .filter(|id| !self.scopes.values().any(|slot| slot.id == Some(*id)))
            .collect();
        let scopes = scopes::by_ids(connection, &scope_ids)?;
        self.take_scopes(connection, &scopes)?;
        for row in rows {
            let record = row.record()?;
            let scope = self
                .scopes
                .iter()
                .find(|(_, slot)| slot.id == Some(row.scope_id))
                .map(|(name, _)| Arc::clone(name))
                .ok_or_else(|| Error::Corrupt("a record without a scope".to_owned()))?;
            names.records.extend(record.parent);
            let (tallies, terms) = self.rules.counts_and_terms(&record);
            let stored = Stored {
                scope: Arc::clone(&scope),
                rev: record.rev,
                tallies,
                terms,
            };
            let slot = Slot {
                scope,
                created_at: row.created_at,
                run: row.run,
                stored: Some(stored),
                dirty: false,
                purge: false,
                record,
            };
            self.records.insert(slot.record.id, slot);
        }
        Ok(())
    }

    pub(super) fn take_scopes(
        &mut self,
        connection: &mut Connection,
        rows: &[scopes::ScopeRow],
    ) -> Result<(), Error> {
        let codes: Vec<String> = rows
            .iter()
            .map(|row| row.area.clone())
            .filter(|code| !self.nodes.contains_key(code))
            .collect();
        for node in self.tree.nodes(connection, &codes)? {
            self.nodes.insert(node.code.clone(), node);
        }
        for row in rows {
            if self.scopes.contains_key(row.name.as_str()) {
                continue;
            }
            let node = self
                .nodes
                .get(&row.area)
                .cloned()
                .ok_or_else(|| Error::Corrupt("a scope without a node".to_owned()))?;
            let spot = Arc::new(Spot::new(row.scope()?, node));
            self.scopes.insert(
                Arc::clone(&spot.name),
                ScopeSlot {
                    id: Some(row.id),
                    spot,
                    head: row.head()?,
                    purged: row.purged,
                    holdings: BTreeMap::new(),
                    dirty: false,
                },
            );
        }
        Ok(())
    }

    fn keep_aside(
        &mut self,
        rows: Vec<parked::ParkedRow>,
        known: &mut HashSet<i64>,
        names: &mut Names,
    ) {
        for row in rows {
            if !known.insert(row.id) {
                continue;
            }
            names.people.insert(row.account);
            names.nodes.extend(row.area.clone());
            names.records.extend(
                row.record
                    .as_ref()
                    .and_then(|id| id.parse::<RecordId>().ok()),
            );
            if let Ok(Line::Change(change)) = parse(&row.body) {
                names.change(&change, change.content());
            }
            self.aside.push(Aside::from(row));
        }
        self.aside.sort_by_key(|aside| aside.id);
    }

    fn gather_people(&mut self, connection: &mut Connection, names: &Names) -> Result<(), Error> {
        let ids: Vec<i64> = names.people.iter().copied().filter(|id| *id > 0).collect();
        for ids in ids.chunks(MAX_LIST) {
            let people = reach::Person::all(connection, ids, self.now)?;
            self.people
                .extend(people.into_iter().map(|(id, person)| (id, person.into())));
        }
        Ok(())
    }

    /// The nodes that are named.
    fn gather_nodes(&mut self, connection: &mut Connection, names: &Names) -> Result<(), Error> {
        let codes: Vec<String> = names
            .nodes
            .iter()
            .filter(|code| !self.nodes.contains_key(*code))
            .cloned()
            .collect();
        for node in self.tree.nodes(connection, &codes)? {
            self.nodes.insert(node.code.clone(), node);
        }
        Ok(())
    }

    /// What became of changes that are sent again: one question for all that repeat a few.
    fn gather_past(&mut self, connection: &mut Connection, jobs: &[Job]) -> Result<(), Error> {
        let (mut numbers, mut seqs) = (Vec::new(), BTreeSet::new());
        for job in jobs {
            let Job::Push(push) = job else { continue };
            let number = i64::from(push.device.0);
            let Some(device) = self.devices.get(&number) else {
                continue;
            };
            let end = push.from + push.lines.len() as Seq;
            let repeats = push.from..end.min(device.row.ack() + 1);
            if repeats.is_empty() {
                continue;
            }
            let count = usize::try_from(repeats.end - repeats.start).unwrap_or(usize::MAX);
            if (numbers.len() + 1) * (seqs.len() + count) > MOST_REPEATS && !numbers.is_empty() {
                self.take_past(
                    connection,
                    &std::mem::take(&mut numbers),
                    &std::mem::take(&mut seqs),
                )?;
            }
            numbers.push(number);
            seqs.extend(repeats.map(from_rev));
        }
        self.take_past(connection, &numbers, &seqs)
    }

    fn take_past(
        &mut self,
        connection: &mut Connection,
        numbers: &[i64],
        seqs: &BTreeSet<i64>,
    ) -> Result<(), Error> {
        if numbers.is_empty() {
            return Ok(());
        }
        let seqs: Vec<i64> = seqs.iter().copied().collect();
        for row in parked::past(connection, numbers, &seqs)? {
            self.past_aside.insert((row.device, row.seq), row);
        }
        Ok(())
    }

    fn gather_known_aside(
        &mut self,
        connection: &mut Connection,
        contents: &[u64],
    ) -> Result<(), Error> {
        if self.shared_lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<i64> = self.shared_lines.iter().copied().collect();
        let contents: Vec<Vec<u8>> = contents
            .iter()
            .map(|content| content.to_be_bytes().to_vec())
            .collect();
        self.known_aside = parked::with_content(connection, &lines, &contents)?;
        Ok(())
    }
}
