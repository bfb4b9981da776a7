//! What every part of the running server shares, made once at the start. [`App::read`],
//! [`App::write`] and [`App::engage`] are the way from an async handler to the database, which blocks;
//! the requests of phones have their own ([`crate::http::exchange`]).

use actix_web::web;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::accounts;
use crate::accounts::passwords::Passwords;
use crate::accounts::signin::Door;
use crate::clock::{self, Clock};
use crate::config::{self, Config};
use crate::definitions::kinds;
use crate::http::admission::{AT_ONCE, Admission, Load, Place, Rank, Turn};
use crate::http::body::Budget;
use crate::http::health::Probe;
use crate::keys::{self, Keys};
use crate::ledger::{self, Ledger};
use crate::metrics::{self, Metrics};
use crate::store::acks::Durable;
use crate::store::{self, Connection, Password, Store, StoreOptions, meta, purged};
use crate::sync::Engine;
use crate::sync::job::{Job, Purge};
use crate::sync::opening::{NotOpened, Opening};
use crate::sync::search_key::SearchKey;
use crate::threads::Threads;
use crate::throttle::Throttles;
use crate::trial;

/// Records purged again in one transaction.
const PURGED_AT_ONCE: i64 = 200;

pub struct App {
    pub config: Config,
    pub store: Store,
    pub clock: Clock,
    pub keys: Keys,
    pub ledger: Ledger,
    /// Signing in to the console.
    pub door: Arc<Door>,
    pub metrics: Arc<Metrics>,
    pub throttles: Throttles,
    /// Memory for the bodies of all requests.
    pub bodies: Budget,
    pub probe: Probe,
    pub started: Instant,
    /// Opened by the first who writes records; `serve` does so before it listens.
    engine: Mutex<Option<Engine>>,
    /// Who may come in, and whose turn it is with the database.
    pub admission: Admission,
    /// Turns for looks at the database that take no time, as who has a token.
    glances: Admission,
    /// Where the requests of phones are read and answered.
    pub threads: Threads,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
}

impl App {
    /// Opens what the configuration names: the database, then the keys that belong to it.
    pub fn open(config: Config, clock: Clock) -> Result<Arc<Self>, Error> {
        let password = config.database.password.as_ref();
        let options = StoreOptions {
            password: password.map(|secret| Password::new(secret.expose())),
            readers: config.database.readers,
            writers: config.database.writers,
            ..StoreOptions::default()
        };
        let store = Store::open(&config.database.url, options)?;
        let keys = match keys_path(&config, &store) {
            Some(path) => Keys::load_or_create(&path)?,
            None => Keys::generate()?,
        };
        Self::assemble(config, store, clock, keys)
    }

    /// A throw-away server for tests.
    pub fn trial(clock: Clock) -> Result<Arc<Self>, Error> {
        Self::open(trial::config(trial::fleeting()?)?, clock)
    }

    /// Puts given parts together, after making sure that the keys belong to the database.
    pub fn assemble(
        config: Config,
        store: Store,
        clock: Clock,
        keys: Keys,
    ) -> Result<Arc<Self>, Error> {
        let known = store.write::<_, store::Error>(|c| {
            let known = meta::load(c, keys::FACT)?;
            if known.is_none() {
                meta::save(c, keys::FACT, &keys.fingerprint())?;
            }
            Ok(known)
        })?;
        if known.is_some_and(|known| known != keys.fingerprint()) {
            return Err(keys::Error::Foreign.into());
        }
        let ledger = open_ledger(&config, &store, &clock)?;
        let passwords = Passwords::new(config.accounts.password_memory_kib);
        let door = Arc::new(Door::new(&keys, passwords)?);
        let requests_per_minute = config.sync.requests_per_minute;
        let look_ups_per_minute = config.sync.look_ups_per_minute;
        let bodies = Budget::new(config.http.body_memory_mib * 1024 * 1024);
        let places = config.http.waiting;
        let readers = config.database.readers;
        let glances = Admission::new(places, readers);
        let threads = Threads::new(store.readers_worth_while()).map_err(|error| {
            store::Error::Unavailable(format!("threads cannot be started: {}", error.kind()))
        })?;
        Ok(Arc::new(Self {
            config,
            store,
            clock,
            keys,
            ledger,
            door,
            metrics: Arc::default(),
            throttles: Throttles::new(requests_per_minute, look_ups_per_minute),
            bodies,
            probe: Probe::default(),
            started: Instant::now(),
            engine: Mutex::default(),
            admission: Admission::new(places, AT_ONCE),
            glances,
            threads,
        }))
    }

    /// The engine. The first call checks the clock, leases a device number and opens an epoch,
    /// which makes this a writing process; it blocks.
    pub fn engine(&self) -> Result<Engine, NotOpened> {
        let mut slot = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = slot.as_ref() {
            return Ok(engine.clone());
        }
        let settings = &self.config.sync;
        let opening = Opening {
            process: &settings.process,
            build: clock::BUILD,
            shown: self.store.read(|c| self.ledger.newest_epoch(c))?,
            ledger: &self.ledger,
            catch_up: accounts::catch_up,
            insist_on_clock: settings.insist_on_clock,
            oldest_schema: settings.oldest_schema,
            durable: self.durable(),
        };
        let key = SearchKey::new(self.keys.search());
        let engine = Engine::open(self.store.clone(), self.clock.clone(), key, &opening)?;
        engine.report_to(Arc::clone(&self.metrics));
        // Held from now on: what is abnormal must be known before the first transaction.
        self.store.read(|c| engine.rules(c))?;
        self.purge_again(&engine)?;
        match kinds::readmit_left_over(&engine) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "what had waited for a kind is in its records"),
            Err(error) => tracing::warn!(%error, "what waits for a kind was not tried again"),
        }
        *slot = Some(engine.clone());
        Ok(engine)
    }

    /// The engine, if it was opened; this does not block.
    pub fn opened(&self) -> Option<Engine> {
        let slot = self.engine.try_lock().ok()?;
        slot.as_ref().cloned()
    }

    /// When a change counts as durable here.
    pub fn durable(&self) -> Durable {
        match self.config.backup.durable {
            config::Durable::Local => Durable::Local,
            config::Durable::Backup => Durable::Backup,
        }
    }

    /// Purges what an older copy of the database brought back.
    fn purge_again(&self, engine: &Engine) -> Result<(), NotOpened> {
        if !self.store.read(purged::may_stand)? {
            return Ok(());
        }
        let mut before = None;
        loop {
            let records = self.store.read(|c| purged::standing(c, PURGED_AT_ONCE))?;
            if records.is_empty() {
                return Ok(self.store.write(purged::settle_standing)?);
            }
            // One that stays would be purged for ever.
            if before == records.first().copied() {
                return Err(store::Error::Corrupt("a purged record does not go".to_owned()).into());
            }
            before = records.first().copied();
            let count = records.len();
            let job = Job::Purge(Purge {
                records,
                scopes: Vec::new(),
                quiet_since: None,
            });
            engine.submit(job).map_err(|_| {
                store::Error::Unavailable("a purge could not be repeated".to_owned())
            })?;
            tracing::warn!(
                count,
                "what was purged had come back with an older copy and was purged again"
            );
        }
    }

    /// Lets the writer finish what it was given. Whoever still writes hears that the server stops.
    pub fn stop(&self) {
        let slot = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = slot.as_ref() {
            engine.stop();
        }
    }

    /// Takes a place for a request that will need the database, before anything of it is read.
    pub fn enter(&self) -> Result<Place, store::Error> {
        let place = match self.admission.enter() {
            Ok(place) if !self.bodies.is_tight() => Some(place),
            _ => None,
        };
        place.ok_or_else(|| {
            self.metrics.count(&metrics::TURNED_AWAY, &[], 1);
            store::Error::Busy
        })
    }

    /// Has the engine do something, on a blocking thread.
    pub async fn engage<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Engine) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + From<NotOpened> + Send + 'static,
    {
        let app = Arc::clone(self);
        self.block(move || work(&app.engine()?)).await
    }

    /// Beside this file, the copy in clear stands while a backup is made.
    pub fn beside(&self) -> PathBuf {
        beside(self.store.file(), self.ledger.path())
    }

    /// The file of the keys, unless they live in memory.
    pub fn keys_file(&self) -> Option<PathBuf> {
        keys_path(&self.config, &self.store)
    }

    /// Reads one snapshot on a blocking thread.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let store = self.store.clone();
        self.block(move || store.read(work)).await
    }

    /// Asks one question of the database, past those who wait for work to be done.
    pub async fn glance<T>(
        &self,
        question: impl FnMut(&mut Connection) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error>
    where
        T: Send + 'static,
    {
        let turn = self.glances.turn(Rank::Desk, Load::ORDINARY).await;
        let turn = turn.map_err(|_| store::Error::Busy)?;
        let store = self.store.clone();
        let (_turn, answer) = self.threads.run(turn, move || store.glance(question)).await;
        answer
    }

    /// Runs the one writing transaction on a blocking thread; see [`Store::write`] for why `work`
    /// may run again.
    pub async fn write<T, E>(
        &self,
        work: impl FnMut(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let store = self.store.clone();
        self.block(move || store.write(work)).await
    }

    /// Anything else that blocks or computes for long (hashing a password, a report).
    pub async fn block<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let place = self.enter()?;
        let turn = self.turn(Load::ORDINARY, || Rank::Desk).await?;
        on_a_thread((place, turn), work).await
    }

    /// Waits for a turn; how urgent it is need not be found out where one is free.
    pub async fn turn(
        &self,
        load: Load,
        rank: impl FnOnce() -> Rank,
    ) -> Result<Turn, store::Error> {
        let began = Instant::now();
        let turn = match self.admission.turn_now(load) {
            Some(turn) => Ok(turn),
            None => self.admission.turn(rank(), load).await,
        };
        let waited = began.elapsed().as_secs_f64();
        self.metrics.observe(&metrics::WAIT_SECONDS, &[], waited);
        turn.map_err(|_| store::Error::Busy)
    }
}

/// Runs what blocks where it may, and keeps `held` until it is done: a caller that hangs up does
/// not make room.
async fn on_a_thread<T: Send + 'static, E: Send + 'static>(
    held: impl Send + 'static,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = web::block(move || {
        let _held = held;
        work()
    });
    // The panic was logged where it happened; here it goes on to whoever waits for the work.
    done.await
        .unwrap_or_else(|_| std::panic::resume_unwind(Box::new("the work panicked")))
}

/// Opens the ledger beside the database and does again what an older copy of it does not know.
fn open_ledger(config: &Config, store: &Store, clock: &Clock) -> Result<Ledger, Error> {
    if store.is_in_memory() {
        return Ok(Ledger::none());
    }
    let path = files(config)?.ledger;
    let insist = config.ledger.insist;
    store.write(|c| {
        let ledger = Ledger::open(&path, c, insist)?;
        accounts::catch_up(c, &ledger, clock.now())?;
        Ok(ledger)
    })
}

/// The files of an installation, before anything of it is opened.
#[derive(Debug, Clone)]
pub struct Files {
    pub database: Option<PathBuf>,
    pub ledger: PathBuf,
    pub keys: PathBuf,
}

/// Where a configuration puts them.
pub fn files(config: &Config) -> Result<Files, store::Error> {
    let location = store::Location::parse(&config.database.url)?;
    let database = location.file();
    // A database on a server has no folder of its own here: the working directory is meant then.
    let folder = database.and_then(Path::parent).unwrap_or(Path::new(""));
    let (ledger, keys) = (&config.ledger.file, &config.keys.file);
    let beside = database.map(Ledger::beside);
    Ok(Files {
        ledger: ledger
            .clone()
            .or(beside)
            .unwrap_or(ledger::FILE_NAME.into()),
        keys: keys.clone().unwrap_or(folder.join(keys::FILE_NAME)),
        database: database.map(Path::to_owned),
    })
}

impl Files {
    /// Beside this file, a copy in clear stands while it is needed.
    pub fn beside(&self) -> PathBuf {
        beside(self.database.as_deref(), Some(&self.ledger))
    }
}

/// Beside the database, or else beside its ledger.
fn beside(database: Option<&Path>, ledger: Option<&Path>) -> PathBuf {
    database
        .or(ledger)
        .map_or_else(|| PathBuf::from("kadian"), Path::to_owned)
}

fn keys_path(config: &Config, store: &Store) -> Option<PathBuf> {
    if store.is_in_memory() {
        return config.keys.file.clone();
    }
    files(config).ok().map(|files| files.keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        let url = format!("sqlite://{}/kadian.sqlite", folder.display());
        let sources = config::Sources {
            flags: vec![
                ("database.url".to_owned(), url),
                ("http.waiting".to_owned(), "1".to_owned()),
            ],
            ..Default::default()
        };
        Config::resolve(&sources).unwrap()
    }

    #[test]
    fn keys_stand_beside_the_database_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(keys::FILE_NAME);
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        assert!(path.exists());
        drop(app);
        assert!(App::open(config(folder.path()), Clock::system()).is_ok());
        std::fs::remove_file(&path).unwrap();
        let refused = App::open(config(folder.path()), Clock::system()).err();
        assert!(matches!(refused, Some(Error::Keys(keys::Error::Foreign))));
    }

    #[actix_web::test]
    async fn work_beyond_the_limit_hears_busy_and_a_panic_reaches_the_caller() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let (free, held) = std::sync::mpsc::channel::<()>();
        let first = app.block::<(), store::Error>(move || {
            let _ = held.recv();
            Ok(())
        });
        let mut first = std::pin::pin!(first);
        // One poll hands the work to a thread, where it waits.
        std::future::poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        let second = app.block::<(), store::Error>(|| Ok(())).await;
        assert!(matches!(second, Err(store::Error::Busy)));
        free.send(()).unwrap();
        first.await.unwrap();

        let shared = Arc::clone(&app);
        let cut = actix_web::rt::spawn(async move {
            shared
                .write::<(), store::Error>(|_| panic!("on purpose"))
                .await
        });
        assert!(cut.await.is_err_and(|error| error.is_panic()));
        app.write::<_, store::Error>(|c| meta::save(c, "probe", "alive"))
            .await
            .unwrap();
        let read = app
            .read::<_, store::Error>(|c| meta::load(c, "probe"))
            .await
            .unwrap();
        assert_eq!(read.as_deref(), Some("alive"));
    }

    /// A household of grid `G1` by its leader, written through the engine.
    fn write_household(app: &App) -> sync_protocol::id::RecordId {
        use crate::accounts::areas::{NewArea, create};
        use crate::accounts::users::{self, NewUser};
        use crate::accounts::{Actor, Error};
        let now = app.clock.now();
        let user = app.store.write::<_, Error>(|c| {
            for (code, parent, level) in
                [("999999", None, "district"), ("G1", Some("999999"), "grid")]
            {
                let new = NewArea {
                    code: code.to_owned(),
                    parent: parent.map(str::to_owned),
                    level: level.to_owned(),
                    name: code.to_owned(),
                    ..NewArea::default()
                };
                create(c, Actor::CommandLine, &new)?;
            }
            let new = NewUser {
                login: "leader",
                name: "测试员",
                password_hash: None,
                role: "grid_leader",
                area: "G1",
                from: None,
                until: None,
            };
            Ok(users::create(c, Actor::CommandLine, &new, now)?.0)
        });
        let engine = app.engine().unwrap();
        let record = sync_protocol::id::RecordId::at(now.unsigned_abs(), &[7; 10]);
        let change = sync_protocol::change::Change {
            era: 0,
            schema: 1,
            stamp: engine.stamp(),
            kind: "household".to_owned(),
            record,
            base: None,
            saw: None,
            scope: Some("grid:G1".parse().unwrap()),
            parent: None,
            whole: false,
            set: serde_json::from_str(r#"{"address":{"detail":"1-101"}}"#).unwrap(),
        };
        let written = crate::sync::job::Written {
            change,
            user: user.unwrap(),
        };
        engine.submit(Job::Write(vec![written])).unwrap();
        app.stop();
        record
    }

    fn stands(app: &App, id: sync_protocol::id::RecordId) -> bool {
        let found = app
            .store
            .read(|c| store::records::by_ids(c, std::slice::from_ref(&id)));
        !found.unwrap().is_empty()
    }

    #[test]
    fn i12_what_was_purged_after_the_copy_is_purged_again_before_the_server_listens() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let record = write_household(&app);
        assert!(stands(&app, record), "the household was taken");
        // The line of the purge is in the ledger, and the database, an older copy, does not know.
        let entry = ledger::Entry::Purge {
            ids: vec![record.to_string()],
            at: app.clock.now(),
        };
        let cut = app.store.write::<(), Error>(|c| {
            app.ledger.append(c, &entry)?;
            Err(store::Error::Busy.into())
        });
        assert!(cut.is_err());
        drop(app);
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        app.engine().unwrap();
        assert!(!stands(&app, record));
        app.stop();
    }

    #[test]
    fn what_waits_for_a_kind_that_is_here_goes_in_when_the_server_opens() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        write_household(&app);
        drop(app);
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let engine = app.engine().unwrap();
        let record = sync_protocol::id::RecordId::at(app.clock.now().unsigned_abs(), &[8; 10]);
        let line = serde_json::json!({
            "era": 0, "schema": 2, "stamp": engine.stamp().to_string(), "kind": "kennel",
            "record": record, "scope": "grid:G1", "set": { "dogs": 2 },
        });
        let change = sync_protocol::change::parse(line.to_string().as_bytes());
        let Ok(sync_protocol::change::Line::Change(change)) = change else {
            panic!("a change");
        };
        let user = app.store.read(|c| store::accounts::by_login(c, "leader"));
        let written = crate::sync::job::Written {
            change: *change,
            user: user.unwrap().unwrap().user(),
        };
        engine.submit(Job::Write(vec![written])).unwrap();
        // The kind was taken, and the server stopped before it tried again what waited.
        let kennel = r#"
            name = "kennel"
            version = 1
            label = { zh = "犬舍", en = "Kennel" }
            scope = { place = "grid" }
            writers = ["grid_leader"]
            retention = { days = 30, purpose = { zh = "防疫", en = "Checks" }, basis = { zh = "法", en = "Law" } }
            readers = { grid_leader = { default = "full" } }
            field = [ { name = "dogs", type = "integer", min = 0, label = { zh = "犬只", en = "Dogs" } } ]
        "#;
        let row = store::definitions::KindRow {
            name: "kennel".to_owned(),
            schema: 2,
            definition: kennel.to_owned(),
            at: 0,
        };
        app.store
            .write::<_, store::Error>(|c| store::definitions::add_kind(c, &row))
            .unwrap();
        app.stop();
        drop((app, engine));
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        assert!(!stands(&app, record));
        app.engine().unwrap();
        assert!(stands(&app, record));
        app.stop();
    }

    #[test]
    fn what_a_server_that_answers_instead_lacks_is_done_again_before_anything_is_written() {
        use crate::store::devices::{self, DeviceState, NewDevice};
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let record = write_household(&app);
        drop(app);
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let engine = app.engine().unwrap();
        let now = app.clock.now();
        let phone = app.store.write::<_, store::Error>(|c| {
            let new = NewDevice {
                account: sync_protocol::id::UserId(1),
                token_hash: &[1; 32],
                name: "phone",
                leaves: None,
                now,
            };
            devices::insert(c, &new)
        });
        let number = phone.unwrap().device();
        let state = || {
            let row = app.store.read(|c| devices::by_number(c, number));
            row.unwrap().unwrap().state()
        };
        // The server that was lost had committed these; the one that answers now never heard of them.
        let lines = [
            ledger::Entry::DeviceState {
                number: number.0,
                state: DeviceState::Blocked.as_str().to_owned(),
                at: now,
            },
            ledger::Entry::Purge {
                ids: vec![record.to_string()],
                at: now,
            },
        ];
        let lost = app.store.write::<(), Error>(|c| {
            for line in &lines {
                app.ledger.append(c, line)?;
            }
            Err(store::Error::Busy.into())
        });
        assert!(lost.is_err());
        store::trial::answer_elsewhere(&app.store);
        // Somebody at a console may write before any phone does.
        let entry = ledger::Entry::Account {
            account: 1,
            active: true,
            at: now,
        };
        app.store.write(|c| app.ledger.append(c, &entry)).unwrap();
        assert_eq!(state(), DeviceState::Active);
        let any = Job::Purge(Purge {
            records: Vec::new(),
            scopes: Vec::new(),
            quiet_since: None,
        });
        assert!(engine.submit(any).is_ok());
        assert_eq!(state(), DeviceState::Blocked);
        assert!(!stands(&app, record), "what was purged is purged again");
        app.stop();
    }

    #[test]
    fn an_epoch_is_written_down_in_the_ledger_and_the_next_one_is_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let app = App::open(config(folder.path()), Clock::system()).unwrap();
            app.engine().unwrap();
            app.stop();
            app.store.read(|c| app.ledger.newest_epoch(c)).unwrap()
        };
        let first = open();
        assert!(first > 0);
        let far = first + 5 * 24 * 60 * 60 * 1000;
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        app.store
            .write(|c| {
                app.ledger
                    .append(c, &ledger::Entry::Epoch { epoch: far, at: 0 })
            })
            .unwrap();
        drop(app);
        assert!(open() > far, "an epoch known elsewhere is never used again");
    }

    #[test]
    fn without_its_ledger_an_installation_does_not_open_unless_somebody_insists() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(config(folder.path()), Clock::system()).unwrap();
        let path = app.ledger.path().unwrap().to_owned();
        drop(app);
        std::fs::remove_file(path).unwrap();
        let refused = App::open(config(folder.path()), Clock::system()).err();
        assert!(matches!(
            refused,
            Some(Error::Ledger(ledger::Error::Missing(_)))
        ));
        let mut insisting = config(folder.path());
        insisting.ledger.insist = true;
        App::open(insisting, Clock::system()).unwrap();
        App::open(config(folder.path()), Clock::system()).unwrap();
    }
}
