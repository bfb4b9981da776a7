//! The centre: the real engine on a real database file, with a clock that can be moved, processes
//! that can be stopped, and copies that can be put back. In place of HTTP stands [`Centre::post`].

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use kadian::accounts::enrolment::leave_fork;
use kadian::clock::{BUILD, Clock, Millis};
use kadian::definitions::NotAdded;
use kadian::ledger::{Entry, Ledger};
use kadian::store::areas::AreaRow;
use kadian::store::definitions::KindRow;
use kadian::store::devices::{DeviceRow, DeviceState, NewDevice};
use kadian::store::grants::NewGrant;
use kadian::store::{
    Connection, Durability, Error, Store, StoreOptions, accounts, areas, definitions, devices,
    epochs, grants, records, scopes,
};
use kadian::sync::Engine;
use kadian::sync::exchange::Refusal;
use kadian::sync::job::{Answer, Job, Purge};
use kadian::sync::numbering::Marks;
use kadian::sync::opening::Opening;
use kadian::sync::search_key::SearchKey;
use serde_json::{Value, json};
use sync_protocol::Rev;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::kind::BUILT_IN;
use sync_protocol::mark::Mark;
use sync_protocol::wire::{Reply, Request};
use tempfile::TempDir;

use crate::rights::{Grant, NODES, Views};

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
    file: PathBuf,
    /// By the true clock.
    pub(crate) at: Millis,
    /// How often the server's clock had been moved by then.
    pub(crate) jumps: u32,
    /// Which ledger it belongs to.
    ledger: u32,
}

pub(crate) struct Centre {
    folder: TempDir,
    file: PathBuf,
    pub(crate) clock: Clock,
    /// The server's clock, less the true one.
    pub(crate) offset: Millis,
    pub(crate) jumps: u32,
    pub(crate) engines: Vec<Engine>,
    ledger: Ledger,
    /// How many ledgers went missing.
    ledgers: u32,
    pub(crate) copies: Vec<Copied>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) views: Views,
    /// Definitions by schema version, as the operator has them in files.
    pub(crate) definitions: Vec<(i64, String)>,
    /// Numbers that phones were given.
    numbers: Vec<i64>,
    pub(crate) purged: Vec<RecordId>,
    /// Days of checkpoints that were purged whole, by name.
    pub(crate) purged_days: Vec<String>,
    /// The newest epoch ever opened, as the side ledger has it.
    pub(crate) newest_epoch: Rev,
}

fn options() -> StoreOptions {
    StoreOptions {
        durability: Durability::OffForSimulationsOnly,
        readers: 4,
        busy_timeout: Duration::from_millis(2),
        cache_kib: 1024,
    }
}

/// For tests in which threads meet: locks are waited for.
fn patient() -> StoreOptions {
    StoreOptions {
        busy_timeout: Duration::from_secs(20),
        ..options()
    }
}

/// In memory where the machine has such a place: the ledger waits for the disk at every line.
fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.unwrap()
}

/// One database with areas, accounts and kinds, made once and copied for each world.
fn template() -> &'static PathBuf {
    static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &TEMPLATE
        .get_or_init(|| {
            let folder = folder();
            let file = folder.path().join("template.sqlite");
            let store = Store::open(&format!("sqlite://{}", file.display()), options()).unwrap();
            store.write(fill).unwrap();
            drop(store);
            (folder, file)
        })
        .1
}

fn fill(c: &mut Connection) -> Result<(), Error> {
    for node in NODES {
        let row = AreaRow {
            code: node.code.to_owned(),
            parent: node.parent.map(str::to_owned),
            level: node.level.to_owned(),
            name: node.code.to_owned(),
            path: node.path.to_owned(),
            timezone: None,
            valid_from: None,
            valid_until: None,
        };
        areas::insert(c, &row)?;
    }
    for number in 1..=ACCOUNTS {
        accounts::insert(c, &format!("u{number}"), &format!("u{number}"), None, BUILD)?;
    }
    for definition in BUILT_IN {
        add_definition(c, 1, definition)?;
    }
    Ok(())
}

fn add_definition(c: &mut Connection, schema: i64, definition: &str) -> Result<(), Error> {
    let table: toml::Table = definition.parse().unwrap();
    let name = table["name"].as_str().unwrap().to_owned();
    definitions::add_kind(
        c,
        &KindRow {
            name,
            schema,
            definition: definition.to_owned(),
            at: BUILD,
        },
    )
}

impl Centre {
    pub(crate) fn new(now: Millis) -> Self {
        let folder = folder();
        let file = folder.path().join("kadian.sqlite");
        std::fs::copy(template(), &file).unwrap();
        let definitions: Vec<(i64, String)> = BUILT_IN
            .iter()
            .map(|text| (1, (*text).to_owned()))
            .collect();
        let mut centre = Self {
            folder,
            file,
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

    /// Starts one more process on the file.
    pub(crate) fn open_process(&mut self) -> Result<(), String> {
        self.open_with(options(), true)
    }

    pub(crate) fn open_patient(&mut self) {
        self.engines.clear();
        self.open_with(patient(), true).unwrap();
    }

    pub(crate) fn open_patient_too(&mut self) {
        self.open_with(patient(), true).unwrap();
    }

    /// Bytes in the log of the database.
    pub(crate) fn log_length(&self) -> u64 {
        std::fs::metadata(wal(&self.file)).map_or(0, |file| file.len())
    }

    fn open_with(&mut self, options: StoreOptions, ledger: bool) -> Result<(), String> {
        let store = Store::open(&format!("sqlite://{}", self.file.display()), options)
            .map_err(|e| e.to_string())?;
        let process = format!("p{}", self.engines.len() + 1);
        let path = Ledger::beside(&self.file);
        let now = self.clock.now();
        let ledger = store
            .write(|c| {
                let ledger = Ledger::open(&path, c, !ledger)?;
                let unknown = ledger.unknown(c)?;
                if !unknown.entries.is_empty() {
                    kadian::accounts::replay(c, &unknown.entries, now)?;
                    ledger.settle(c, unknown.end)?;
                }
                Ok::<_, kadian::accounts::Error>(ledger)
            })
            .map_err(|e| e.to_string())?;
        let shown = ledger.newest_epoch().map_err(|e| e.to_string())?;
        let opening = Opening {
            process: &process,
            build: BUILD,
            shown,
            ledger: &ledger,
            insist_on_clock: true,
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

    /// Copies the database as it stands, log included.
    pub(crate) fn copy(&mut self, at: Millis) {
        let file = self
            .folder
            .path()
            .join(format!("copy{}", self.copies.len()));
        std::fs::copy(&self.file, &file).unwrap();
        let log = wal(&self.file);
        if log.exists() {
            std::fs::copy(&log, wal(&file)).unwrap();
        }
        self.copies.push(Copied {
            file,
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
        let count = self.engines.len();
        self.engines.clear();
        for name in [wal(&self.file), self.file.with_extension("sqlite-shm")] {
            let _ = std::fs::remove_file(name);
        }
        let from = self.copies[copy].file.clone();
        std::fs::copy(&from, &self.file).unwrap();
        if wal(&from).exists() {
            std::fs::copy(wal(&from), wal(&self.file)).unwrap();
        }
        // A copy from before the ledger went missing belongs to the one that is gone.
        let ledger = ledger && self.copies[copy].ledger == self.ledgers;
        if !ledger {
            let _ = std::fs::remove_file(Ledger::beside(&self.file));
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

    pub(crate) fn grant(
        &mut self,
        account: i64,
        role: &'static str,
        area: &'static str,
        until: Option<Millis>,
    ) {
        let now = self.now();
        let mut grant = Grant {
            id: 0,
            account,
            role,
            area,
            from: now,
            until,
            revoked: None,
        };
        grant.id = self.write(|c| insert_grant(c, &grant));
        self.grants.push(grant);
    }

    pub(crate) fn end_grant(&mut self, index: usize, revoke: bool) {
        let now = self.now();
        let grant = &mut self.grants[index];
        if revoke {
            grant.revoked = grant.revoked.or(Some(now));
        } else {
            grant.until = Some(now);
        }
        let grant = grant.clone();
        self.write(|c| {
            if revoke {
                grants::revoke(c, grant.id, now).map(|_| ())
            } else {
                grants::set_until(c, grant.id, grant.until)
            }
        });
    }

    /// Enrols a phone for an account.
    pub(crate) fn enrol(&mut self, hash: &[u8; 32], account: i64) -> (DeviceNumber, UserId) {
        if let Some(known) = self.device(hash) {
            return (known.device(), known.user());
        }
        let now = self.now();
        let row = self.write(|c| {
            let row = devices::insert(
                c,
                &NewDevice {
                    account: UserId(account),
                    token_hash: hash,
                    name: "phone",
                    leaves: None,
                    now,
                },
            )?;
            let entry = Entry::Enrolment {
                number: row.device().0,
                line: row.device().0,
                account,
                token_hash: hex(hash),
                code_hash: None,
                left: None,
                at: now,
            };
            self.ledger.append(c, &entry).unwrap();
            Ok(row)
        });
        self.numbers.push(row.number);
        (row.device(), row.user())
    }

    /// A phone leaves a number that another copy of it uses too.
    pub(crate) fn leave(
        &mut self,
        hash: &[u8; 32],
        old: &DeviceRow,
        knew: u64,
        mark: Option<Mark>,
    ) -> Option<(DeviceNumber, UserId)> {
        let now = self.now();
        // What a phone knew counts only if the centre knows the same.
        let kept = Marks::from_bytes(&old.marks).and_then(|marks| marks.mark(knew));
        let knew = if kept.is_some() && kept == mark {
            knew
        } else {
            0
        };
        let store = self.engines[0].store();
        let enrolled = store
            .write(|c| leave_fork(c, &self.ledger, old, hash, knew, None, now))
            .ok()?;
        if enrolled.new {
            self.numbers.push(i64::from(enrolled.device.0));
        }
        Some((enrolled.device, enrolled.account))
    }

    pub(crate) fn device(&self, hash: &[u8; 32]) -> Option<DeviceRow> {
        self.read(|c| devices::by_token(c, hash))
    }

    pub(crate) fn numbers(&self) -> Vec<i64> {
        let numbers: std::collections::BTreeSet<i64> =
            (1..=3).chain(self.numbers.iter().copied()).collect();
        numbers.into_iter().collect()
    }

    pub(crate) fn set_state(&mut self, number: i64, state: DeviceState) {
        let at = self.now();
        self.write(|c| {
            let entry = Entry::DeviceState {
                number: number as u32,
                state: state.as_str().to_owned(),
                at,
            };
            self.ledger.append(c, &entry).unwrap();
            devices::set_state(c, number, state)
        });
    }

    /// One request over the wire, answered as over HTTP. `process`: which of them answers.
    pub(crate) fn post(
        &self,
        process: usize,
        hash: &[u8; 32],
        body: &[u8],
    ) -> Result<Posted, String> {
        let engine = &self.engines[process % self.engines.len()];
        let Some(device) = self.device(hash) else {
            return Ok(problem(401, &json!({ "code": "token_unknown" })));
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
            Err(Refusal::Failed(_)) => Posted {
                retry_after: Some(2),
                ..problem(503, &json!({ "code": "busy" }))
            },
        };
        posted.account = device.account;
        Ok(posted)
    }

    /// Runs `work` while another writer holds the database: what it asks for fails and is rolled back.
    pub(crate) fn while_locked<T>(&self, work: impl FnOnce() -> T) -> T {
        let store = Store::open(&format!("sqlite://{}", self.file.display()), options()).unwrap();
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

fn insert_grant(c: &mut Connection, grant: &Grant) -> Result<i64, Error> {
    let new = NewGrant {
        account: UserId(grant.account),
        role: grant.role,
        area: grant.area,
        from_at: grant.from,
        until_at: grant.until,
        made_by: None,
        made_at: grant.from,
    };
    grants::insert(c, &new)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wal(file: &std::path::Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", file.display()))
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
