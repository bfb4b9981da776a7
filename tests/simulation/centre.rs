//! The centre: the real engine on a real database, with a clock that can be moved, processes that
//! can be stopped, and copies that can be put back. In place of HTTP stands [`Centre::post`].

use std::path::PathBuf;
use std::time::Duration;

use kadian::clock::{BUILD, Clock, Millis};
use kadian::definitions::NotAdded;
use kadian::ledger::{self, Ledger};
use kadian::store::{
    Connection, Durability, Error, Store, StoreOptions, devices, epochs, grants, records, scopes,
    trial,
};
use kadian::sync::Engine;
use kadian::sync::exchange::Refusal;
use kadian::sync::job::{Answer, Job, Purge};
use kadian::sync::opening::Opening;
use kadian::sync::search_key::SearchKey;
use serde_json::{Value, json};
use sync_protocol::Rev;
use sync_protocol::id::RecordId;
use sync_protocol::kind::BUILT_IN;
use sync_protocol::wire::{Reply, Request};
use tempfile::TempDir;

use crate::registry::insert_grant;
use crate::rights::{Grant, Views};
use crate::template::{folder, template};

/// Accounts that exist; the first is an officer of the whole district in every world.
pub(crate) const ACCOUNTS: i64 = 9;
pub(crate) const OFFICER: i64 = 1;

/// What came back for a request.
pub(crate) struct Posted {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: Vec<u8>,
    pub(crate) reply: Option<Reply>,
    /// Who asked.
    pub(crate) account: i64,
}

/// An older copy of the database.
pub(crate) struct Copied {
    url: String,
    /// By the true clock.
    pub(crate) at: Millis,
    /// How often the server's clock had been moved by then.
    pub(crate) jumps: u32,
    /// Which ledger it belongs to.
    ledger: u32,
}

pub(crate) struct Centre {
    folder: TempDir,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    /// The server's clock, less the true one.
    pub(crate) offset: Millis,
    pub(crate) jumps: u32,
    pub(crate) engines: Vec<Engine>,
    pub(crate) ledger: Ledger,
    /// How many ledgers went missing.
    ledgers: u32,
    pub(crate) copies: Vec<Copied>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) views: Views,
    /// Definitions by schema version, as the operator has them in files.
    pub(crate) definitions: Vec<(i64, String)>,
    /// Numbers that phones were given.
    pub(crate) numbers: Vec<i64>,
    pub(crate) purged: Vec<RecordId>,
    /// Days of checkpoints that were purged whole, by name.
    pub(crate) purged_days: Vec<String>,
    /// The newest epoch ever opened, as the side ledger has it.
    pub(crate) newest_epoch: Rev,
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::OffForSimulationsOnly,
        // Where the database lets many write beside each other, two must get along in one process, too.
        writers: 2,
        readers: 4,
        busy_timeout: Duration::from_millis(2),
        cache_kib: 1024,
        ..StoreOptions::default()
    }
}

/// For tests in which threads meet: locks are waited for.
fn patient() -> StoreOptions {
    StoreOptions {
        busy_timeout: Duration::from_secs(20),
        patience: Duration::from_secs(20),
        ..options()
    }
}

impl Centre {
    pub(crate) fn new(now: Millis) -> Self {
        let folder = folder();
        let url = trial::copy(template(), &folder.path().join("kadian.sqlite")).unwrap();
        let definitions: Vec<(i64, String)> = BUILT_IN
            .iter()
            .map(|text| (1, (*text).to_owned()))
            .collect();
        let mut centre = Self {
            folder,
            url,
            clock: Clock::manual(now),
            offset: 0,
            jumps: 0,
            engines: Vec::new(),
            ledger: Ledger::none(),
            ledgers: 0,
            copies: Vec::new(),
            grants: Vec::new(),
            views: Views::default(),
            definitions,
            numbers: Vec::new(),
            purged: Vec::new(),
            purged_days: Vec::new(),
            newest_epoch: 0,
        };
        centre.read_views();
        centre.open_process().unwrap();
        centre
    }

    fn read_views(&mut self) {
        let texts: Vec<String> = self
            .definitions
            .iter()
            .map(|(_, text)| text.clone())
            .collect();
        self.views = Views::of(&texts);
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// The newest epoch that is open: a process that lost its sessions opens one by itself.
    pub(crate) fn note_epoch(&mut self) {
        let open = self.read(epochs::current);
        self.newest_epoch = self.newest_epoch.max(open);
    }

    /// Starts one more process on the database.
    pub(crate) fn open_process(&mut self) -> Result<(), String> {
        self.open_with(options(), true)
    }

    /// So many processes that wait for one another, in the place of those there are.
    pub(crate) fn open_patient(&mut self, processes: usize) {
        self.engines.clear();
        for _ in 0..processes {
            self.open_with(patient(), true).unwrap();
        }
    }

    /// How much has gone through the log of the database.
    pub(crate) fn log_length(&self) -> i64 {
        trial::logged(&self.url).unwrap()
    }

    fn ledger_file(&self) -> PathBuf {
        self.folder.path().join(ledger::FILE_NAME)
    }

    fn open_with(&mut self, options: StoreOptions, ledger: bool) -> Result<(), String> {
        let store = Store::open(&self.url, options).map_err(|e| e.to_string())?;
        let process = format!("p{}", self.engines.len() + 1);
        let path = self.ledger_file();
        let now = self.clock.now();
        let ledger = store
            .write(|c| {
                let ledger = Ledger::open(&path, c, !ledger)?;
                kadian::accounts::catch_up(c, &ledger, now)?;
                Ok::<_, ledger::Error>(ledger)
            })
            .map_err(|e| e.to_string())?;
        let shown = store.read(|c| ledger.newest_epoch(c));
        let shown = shown.map_err(|e| e.to_string())?;
        let opening = Opening {
            process: &process,
            build: BUILD,
            shown,
            ledger: &ledger,
            catch_up: kadian::accounts::catch_up,
            insist_on_clock: true,
            durable: kadian::store::acks::Durable::Local,
            oldest_schema: 0,
        };
        let engine = Engine::open(store, self.clock.clone(), SearchKey::new([7; 32]), &opening)
            .map_err(|e| e.to_string())?;
        let epoch = engine
            .store()
            .read(epochs::current)
            .map_err(|e: Error| e.to_string())?;
        if epoch <= self.newest_epoch {
            return Err(format!(
                "I1: epoch {epoch} opened, but {} was open before",
                self.newest_epoch
            ));
        }
        self.newest_epoch = epoch;
        self.ledger = ledger;
        self.engines.push(engine);
        Ok(())
    }

    /// All processes stop; as many start.
    pub(crate) fn restart(&mut self) -> Result<(), String> {
        let count = self.engines.len();
        self.engines.clear();
        (0..count).try_for_each(|_| self.open_process())
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Error>) -> T {
        self.engines[0].store().read(work).unwrap()
    }

    pub(crate) fn write<T>(&self, work: impl FnMut(&mut Connection) -> Result<T, Error>) -> T {
        self.engines[0].store().write(work).unwrap()
    }

    pub(crate) fn submit(&self, job: Job) -> Answer {
        self.engines[0].submit(job).unwrap()
    }

    /// Copies the database as it stands. On a server this ends the sessions of all processes.
    pub(crate) fn copy(&mut self, at: Millis) {
        let name = format!("copy{}", self.copies.len());
        let url = trial::copy(&self.url, &self.folder.path().join(name)).unwrap();
        self.copies.push(Copied {
            url,
            at,
            jumps: self.jumps,
            ledger: self.ledgers,
        });
    }

    pub(crate) fn knows_ledger_of(&self, copy: usize) -> bool {
        self.copies[copy].ledger == self.ledgers
    }

    /// Puts a copy back under the feet of everybody. `ledger`: whether the newest epoch is known.
    pub(crate) fn restore(&mut self, copy: usize, ledger: bool) -> Result<(), String> {
        self.note_epoch();
        let count = self.engines.len();
        self.engines.clear();
        trial::put_back(&self.copies[copy].url, &self.url).map_err(|e| e.to_string())?;
        // A copy from before the ledger went missing belongs to the one that is gone.
        let ledger = ledger && self.copies[copy].ledger == self.ledgers;
        if !ledger {
            let _ = std::fs::remove_file(self.ledger_file());
            self.ledgers += 1;
        }
        self.open_with(options(), ledger)?;
        self.replay();
        (1..count).try_for_each(|_| self.open_process())
    }

    /// What the operator does again, beside what the side ledger holds.
    fn replay(&mut self) {
        self.write(|c| {
            for grant in &self.grants {
                if grants::by_id(c, grant.id)?.is_none() {
                    let id = insert_grant(c, grant)?;
                    assert_eq!(id, grant.id, "grants are made again in their order");
                }
                grants::set_until(c, grant.id, grant.until)?;
                if let Some(at) = grant.revoked {
                    grants::revoke(c, grant.id, at)?;
                }
            }
            Ok::<_, Error>(())
        });
        self.load_definitions();
        let days = self.read(|c| scopes::by_names(c, &self.purged_days));
        for day in &days {
            let rows = self.read(|c| records::in_scope(c, day.id));
            self.purged
                .extend(rows.iter().map(|row| row.id.parse::<RecordId>().unwrap()));
        }
        self.submit(Job::Purge(Purge {
            records: Vec::new(),
            scopes: days.iter().map(|day| day.id).collect(),
            quiet_since: None,
        }));
        // With a household goes what stands at it, also what was not there when it was purged first.
        let children = self.read(|c| records::children_of(c, &self.purged));
        self.purged.extend(
            children
                .iter()
                .map(|row| row.id.parse::<RecordId>().unwrap()),
        );
        for record in &self.purged {
            self.submit(Job::Purge(Purge {
                records: vec![*record],
                scopes: Vec::new(),
                quiet_since: None,
            }));
        }
    }

    /// Brings the database the definitions that it lacks, as the operator does with files.
    pub(crate) fn load_definitions(&self) {
        for (_, text) in self.definitions.iter().skip(BUILT_IN.len()) {
            let engine = &self.engines[0];
            kadian::definitions::kinds::add(engine, text, false, |_| Ok::<_, NotAdded>(()))
                .unwrap();
        }
        kadian::definitions::kinds::readmit(&self.engines[0]).unwrap();
    }

    /// A definition that is new, or newer.
    pub(crate) fn define(&mut self, definition: &str) {
        let schema = self.definitions.last().map_or(0, |(schema, _)| *schema) + 1;
        self.definitions.push((schema, definition.to_owned()));
        self.read_views();
        self.load_definitions();
    }

    /// One request over the wire, answered as over HTTP. `process`: which of them answers.
    pub(crate) fn post(
        &self,
        process: usize,
        hash: &[u8; 32],
        body: &[u8],
    ) -> Result<Posted, String> {
        let engine = &self.engines[process % self.engines.len()];
        // The looking up may be cut off like anything else that asks the database.
        let found = self.engines[0]
            .store()
            .glance(|c| devices::by_token(c, hash));
        let device = match found {
            Ok(Some(device)) => device,
            Ok(None) => return Ok(problem(401, &json!({ "code": "token_unknown" }))),
            Err(_) => return Ok(busy()),
        };
        let request = match Request::parse(body) {
            Ok(request) => request,
            Err(bad) => return Err(format!("the phone's own envelope is refused: {bad}")),
        };
        let received = self.now();
        let mut posted = match engine.exchange(device.device(), &request, received) {
            Ok(reply) => {
                let last = request.envelope.from - 1 + request.lines.len() as u64;
                if reply.ack < last {
                    return Err(format!("I5: {last} sent, {} acknowledged", reply.ack));
                }
                let body = serde_json::to_vec(&reply).unwrap();
                Posted {
                    status: 200,
                    retry_after: None,
                    body,
                    reply: Some(reply),
                    account: 0,
                }
            }
            Err(Refusal::Gap { expected, after }) => {
                let after = after.map(|mark| mark.to_string()).unwrap_or_default();
                problem(
                    409,
                    &json!({ "code": "gap", "expected": expected, "after": after }),
                )
            }
            Err(Refusal::Fork) => problem(409, &json!({ "code": "fork" })),
            Err(Refusal::Blocked) => problem(403, &json!({ "code": "blocked" })),
            Err(Refusal::Unknown) => problem(401, &json!({ "code": "token_unknown" })),
            Err(Refusal::TooOld { .. }) => problem(426, &json!({ "code": "too_old" })),
            Err(Refusal::Failed(_)) => busy(),
        };
        posted.account = device.account;
        Ok(posted)
    }

    /// Runs `work` while another writer holds the database: what it asks for fails and is rolled back.
    pub(crate) fn while_locked<T>(&self, work: impl FnOnce() -> T) -> T {
        let store = Store::open(&self.url, options()).unwrap();
        let mut work = Some(work);
        let mut done = None;
        store
            .write(|c| {
                epochs::current(c)?;
                if let Some(work) = work.take() {
                    done = Some(work());
                }
                Ok::<_, Error>(())
            })
            .unwrap();
        done.unwrap()
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.engines.clear();
        // A server would be full of worlds that are over; a folder goes by itself.
        let copies = self.copies.iter().map(|copy| &copy.url);
        for url in copies.chain([&self.url]) {
            let _ = trial::remove(url);
        }
    }
}

fn busy() -> Posted {
    Posted {
        retry_after: Some(2),
        ..problem(503, &json!({ "code": "busy" }))
    }
}

fn problem(status: u16, body: &Value) -> Posted {
    Posted {
        status,
        retry_after: None,
        body: serde_json::to_vec(body).unwrap(),
        reply: None,
        account: 0,
    }
}
