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
use crate::store::{self, Connection, Password, Store, StoreOptions, meta};
use crate::sync::Engine;
use crate::sync::opening::{NotOpened, Opening};
use crate::sync::search_key::SearchKey;
use crate::threads::Threads;
use crate::throttle::Throttles;
use crate::trial;

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
        engine.purge_again()?;
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
mod tests;
