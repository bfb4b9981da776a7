//! The engine: what a process needs to admit changes and to serve feeds.

use std::sync::{Arc, Mutex, PoisonError};

use sync_protocol::Millis;
use sync_protocol::id::DeviceNumber;
use sync_protocol::stamp::RawStamp;
use sync_protocol::wire::Request;

use super::admit::{Attempt, Author, Source};
use super::checked::Judge;
use super::combiner::{Combiner, Coming, Failed, Tell};
use super::fold::Fold;
use super::job::{Answer, Job, Purge, Push, Settled, Written};
use super::opening::{CatchUp, Opening};
use super::rules::{Rules, RulesCache};
use super::search_key::SearchKey;
use crate::clock::Clock;
use crate::ledger::{self, Entry, Ledger};
use crate::metrics::Metrics;
use crate::store::acks::Durable;
use crate::store::audit::Look;
use crate::store::definitions::{self, Moment};
use crate::store::lookups::Runs;
use crate::store::nodes::Nodes;
use crate::store::{Company, Connection, Error, Store, bulk, epochs, meta, purged};

/// Records purged again in one transaction.
const PURGED_AT_ONCE: i64 = 200;

/// What the writing thread and the readers share.
pub struct Core {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) key: SearchKey,
    pub(super) rules: RulesCache,
    /// Nodes of the area tree that were asked for.
    pub(super) nodes: Arc<Nodes>,
    /// Where look-ups go.
    pub(super) runs: Runs,
    /// The device number that this process leases for the writes it makes itself.
    pub(super) process: i64,
    /// When this program was built.
    pub(super) build: Millis,
    /// Devices that hold older definitions may push, not pull.
    pub(super) oldest_schema: u32,
    /// When a change counts as durable.
    pub(super) durable: Durable,
    /// Purged ids stand there before they are gone here.
    ledger: Ledger,
    catch_up: CatchUp,
    /// The stamp last given to a change made here.
    stamped: Mutex<RawStamp>,
    /// The name under which this process opens epochs.
    name: String,
    /// In which generation of connections the newest epoch was opened.
    opened: Mutex<u64>,
}

/// The engine; clones share it.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Core>,
    combiner: Arc<Combiner>,
}

impl Engine {
    /// An engine on a store in which an epoch is open.
    pub fn new(
        store: Store,
        clock: Clock,
        key: SearchKey,
        process: i64,
        opening: &Opening<'_>,
        opened: u64,
    ) -> Self {
        let writers = store.writers();
        let core = Arc::new(Core {
            store,
            clock,
            key,
            rules: RulesCache::default(),
            nodes: Arc::default(),
            runs: Runs::default(),
            process,
            build: opening.build,
            oldest_schema: opening.oldest_schema,
            durable: opening.durable,
            ledger: opening.ledger.clone(),
            catch_up: opening.catch_up,
            stamped: Mutex::default(),
            name: opening.process.to_owned(),
            opened: Mutex::new(opened),
        });
        Self {
            combiner: Arc::new(Combiner::start(&core, writers)),
            core,
        }
    }

    /// Has a job done by the one writer, and waits until it is committed.
    pub fn submit(&self, job: Job) -> Result<Answer, Failed> {
        self.combiner.submit(job)
    }

    /// Says that a job is about to come: a fold waits a moment for it.
    pub fn announce(&self) -> Coming {
        self.combiner.announce()
    }

    /// Has a job done by a writing thread, for somebody who does not wait on a thread: `tell` is called
    /// once it is committed or has failed, and dropped if it is withdrawn or the server stops. Returns
    /// by which number it can be withdrawn.
    pub fn hand_in(&self, job: Job, coming: Option<Coming>, tell: Tell) -> Result<u64, Failed> {
        self.combiner.hand_in(job, coming, tell)
    }

    /// Takes back a job that nobody has taken up; whether it was still there.
    pub fn withdraw(&self, number: u64) -> bool {
        self.combiner.withdraw(number)
    }

    /// Jobs that wait for a writing thread.
    pub fn depth(&self) -> usize {
        self.combiner.depth()
    }

    /// From now on figures of transactions are counted there.
    pub fn report_to(&self, metrics: Arc<Metrics>) {
        self.combiner.report_to(metrics);
    }

    /// Ends the writing thread once all that was handed to it is done; what comes later hears
    /// that the server is stopping.
    pub fn stop(&self) {
        self.combiner.stop();
    }

    /// The stamp of a change made here: the clock's, and never the same twice.
    pub fn stamp(&self) -> RawStamp {
        let now = u64::try_from(self.core.clock.now()).unwrap_or(0);
        let mut last = self
            .core
            .stamped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let next = match last.counter.checked_add(1) {
            _ if now > last.ms => RawStamp {
                ms: now,
                counter: 0,
            },
            Some(counter) => RawStamp {
                ms: last.ms,
                counter,
            },
            None => RawStamp {
                ms: last.ms + 1,
                counter: 0,
            },
        };
        *last = next;
        next
    }

    /// Devices that hold older definitions may push, not pull.
    pub fn oldest_schema(&self) -> u32 {
        self.core.oldest_schema
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// The key that search terms are hashed with.
    pub fn search_key(&self) -> &SearchKey {
        &self.core.key
    }

    /// The rules as of a transaction.
    pub fn rules(&self, connection: &mut Connection) -> Result<Rules, Error> {
        self.core.rules.of(connection)
    }

    /// The moment of a transaction, and the rules of then.
    pub fn moment(&self, connection: &mut Connection) -> Result<(Moment, Rules), Error> {
        self.core.moment(connection)
    }

    /// Reads the changes of a request, and judges them by the rules last read, if any were.
    pub fn read_push(&self, device: DeviceNumber, request: &Request<'_>, received: Millis) -> Push {
        let rules = self.core.rules.held();
        let judge = rules.as_ref().map(|rules| Judge {
            rules,
            key: &self.core.key,
            build: self.core.build,
        });
        Push::new(device, request, received, judge.as_ref())
    }

    /// The device number of this process.
    pub fn process(&self) -> i64 {
        self.core.process
    }
}

/// What became of a fold.
enum Ran {
    Done(Vec<Answer>),
    /// Nothing: it is to be written alone.
    Alone,
    /// Nothing: it presumed of a record that it is not there, and cannot prove it.
    Look,
    /// Nothing: since its epoch was opened the connections were lost, and it began on another.
    Elsewhere,
}

/// How often connections may be lost just before a fold begins until its callers hear of it.
const MOST_LOSSES: u32 = 4;

impl Core {
    /// Does jobs in one transaction: read what they touch, decide, write down. Changes are written
    /// beside what other writers do; a fold that cannot be, and every other job, is done alone.
    pub(super) fn run(
        &self,
        jobs: &[Job],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, Error> {
        for _ in 0..MOST_LOSSES {
            let generation = self.keep_epoch()?;
            let mut ran = Ran::Alone;
            if jobs.iter().all(Job::is_common) {
                ran = self.run_in(Company::Beside, generation, jobs, progress)?;
            }
            if matches!(ran, Ran::Alone) {
                ran = self.run_in(Company::Alone, generation, jobs, progress)?;
            }
            match ran {
                Ran::Done(answers) => return Ok(answers),
                Ran::Alone => return Err(Error::Corrupt("a fold that cannot be alone".to_owned())),
                Ran::Look => return Err(Error::Corrupt("a fold that looked".to_owned())),
                Ran::Elsewhere => {}
            }
        }
        Err(Error::Busy)
    }

    fn run_in(
        &self,
        company: Company,
        generation: u64,
        jobs: &[Job],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Ran, Error> {
        if let Some(looks) = only_looks(jobs) {
            self.store.add(|c| bulk::add_looks(c, &looks))?;
            return Ok(Ran::Done(jobs.iter().map(|_| Answer::Look).collect()));
        }
        match self.fold(company, generation, jobs, progress, true)? {
            Ran::Look => self.fold(company, generation, jobs, progress, false),
            ran => Ok(ran),
        }
    }

    /// One transaction, or, where it failed in passing, another: that one presumes nothing.
    fn fold(
        &self,
        company: Company,
        generation: u64,
        jobs: &[Job],
        progress: &mut dyn FnMut(usize),
        mut presumes: bool,
    ) -> Result<Ran, Error> {
        let now = self.clock.now();
        self.store.write_in(company, |connection| {
            if self.store.generation() != generation {
                return Ok(Ran::Elsewhere);
            }
            let (moment, rules) = self.moment(connection)?;
            let nodes = Arc::clone(&self.nodes);
            let mut fold = Fold::new(moment, now, self.build, self.process, company, rules, nodes);
            fold.displaces = jobs.iter().any(Job::displaces);
            fold.durable = self.durable;
            fold.presumes = std::mem::take(&mut presumes);
            fold.gather(connection, jobs)?;
            let answers = jobs.iter().map(|job| fold.answer(job, progress)).collect();
            if company == Company::Beside && fold.must_be_alone() {
                return Ok(Ran::Alone);
            }
            if !fold.makes_all_presumed() {
                return Ok(Ran::Look);
            }
            let (purged, displaces) = (fold.purged_ids(), fold.displaces);
            fold.flush(connection, &self.key, &self.runs)?;
            self.write_down(connection, purged, now)?;
            if displaces {
                meta::raise(connection, meta::MOVES)?;
            }
            Ok(Ran::Done(answers))
        })
    }

    /// The moment of a transaction, and the rules of then.
    pub(super) fn moment(&self, connection: &mut Connection) -> Result<(Moment, Rules), Error> {
        let moment = definitions::moment(connection)?;
        Ok((moment, self.rules.at(connection, moment)?))
    }

    /// Opens an epoch if the connections were lost since the last one was opened: the server that
    /// answers now may be a standby that lacks the newest commits, and no number is given out twice;
    /// what the ledger holds of them is done again.
    /// Returns for which connections it is open; should these be lost before the transaction has
    /// begun, that is to look again.
    pub(super) fn keep_epoch(&self) -> Result<u64, Error> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.store.generation();
        if *opened == generation {
            return Ok(generation);
        }
        let now = self.clock.now();
        let epoch = self.store.write(|connection| {
            (self.catch_up)(connection, &self.ledger, now)?;
            let shown = self.ledger.newest_epoch(connection);
            let shown = shown.map_err(ledger::Error::into_store)?;
            let epoch = epochs::open(connection, now, shown, &self.name)?;
            let entry = Entry::Epoch { epoch, at: now };
            let written = self.ledger.append(connection, &entry);
            written.map_err(ledger::Error::into_store)?;
            Ok::<_, Error>(epoch)
        })?;
        self.purge_again(generation)?;
        tracing::warn!(epoch, "the database answers again; a new epoch is open");
        *opened = generation;
        Ok(generation)
    }

    /// Purges what stands although its id is noted as gone, if whoever caught up with the ledger, this
    /// process or another, noted such. Broken off, it goes on with the next epoch, or at the next start.
    pub(super) fn purge_again(&self, generation: u64) -> Result<(), Error> {
        if !self.store.read(purged::may_stand)? {
            return Ok(());
        }
        let mut before = None;
        loop {
            let standing = |c: &mut Connection| purged::standing(c, PURGED_AT_ONCE);
            let records = self.store.read(standing)?;
            let Some(first) = records.first().copied() else {
                return self.store.write(purged::settle_standing);
            };
            // One that stays would be purged for ever.
            if before.replace(first) == Some(first) {
                return Err(Error::Corrupt("a purged record does not go".to_owned()));
            }
            let count = records.len();
            let purge = Job::Purge(Purge {
                records,
                scopes: Vec::new(),
                quiet_since: None,
            });
            let ran = self.run_in(Company::Alone, generation, &[purge], &mut |_| {})?;
            if matches!(ran, Ran::Elsewhere) {
                return Err(Error::Busy);
            }
            tracing::warn!(
                count,
                "what was purged had come back with an older copy and was purged again"
            );
        }
    }

    /// Writes what is purged for good into the side ledger, on the disk, before the commit: no
    /// older copy of the database may bring it back.
    fn write_down(
        &self,
        connection: &mut Connection,
        ids: Vec<String>,
        at: Millis,
    ) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let written = self.ledger.append(connection, &Entry::Purge { ids, at });
        written.map_err(ledger::Error::into_store)
    }
}

/// What is to go on record, if these jobs want nothing else: no record is touched then.
fn only_looks(jobs: &[Job]) -> Option<Vec<Look>> {
    let mut all = Vec::new();
    for job in jobs {
        let Job::Look(looks) = job else { return None };
        all.extend(looks.iter().cloned());
    }
    Some(all)
}

impl Fold {
    /// Does one job in memory.
    pub(super) fn answer(&mut self, job: &Job, progress: &mut dyn FnMut(usize)) -> Answer {
        if !job.is_common() {
            self.unfold_all();
        }
        match job {
            Job::Push(push) => Answer::Push(self.push(push, progress)),
            Job::Write(written) => {
                Answer::Write(written.iter().map(|one| self.write(one)).collect())
            }
            Job::Resolve(resolution) => Answer::Resolve(self.resolve(resolution)),
            Job::Move(movement) => Answer::Move(self.relocate(movement)),
            Job::Purge(purge) => Answer::Purge(self.purge(purge)),
            Job::Readmit { after } => {
                let (admitted, last) = self.readmit(*after);
                Answer::Readmit(admitted, last)
            }
            Job::Look(looks) => {
                self.looks.extend(looks.iter().cloned());
                Answer::Look
            }
        }
    }

    /// A change made on the server, in somebody's name.
    fn write(&mut self, written: &Written) -> Settled {
        let process = self.process;
        let Some(device) = self.devices.get_mut(&process) else {
            return Settled::aside(
                0,
                Some(written.change.record),
                sync_protocol::wire::Outcome::Invalid,
                "internal",
                "",
            );
        };
        device.row.ack += 1;
        device.dirty = true;
        let seq = device.row.ack();
        let number = DeviceNumber(u32::try_from(process).unwrap_or(0));
        let bytes = written.change.to_line();
        let normalised = self.own_stamp(&written.change);
        let author = Author {
            device: number,
            line: number.0,
            user: written.user.0,
            process: true,
            may_write: true,
        };
        self.admit(&Attempt {
            change: &written.change.heading,
            source: Source::Fields(&written.change.set),
            bytes: &bytes,
            author,
            seq,
            at: self.now,
            judge: written.user.0,
            again: None,
            normalised,
            content: written.change.content(),
        })
    }
}
