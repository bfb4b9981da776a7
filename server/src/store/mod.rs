//! The store: the one place that knows diesel, and the only transactions in the program.
//!
//! [`Store::read`] gives a snapshot, [`Store::write`] the single writing transaction; one file per
//! group of tables holds the queries, as functions that take the [`Connection`] of either. What
//! differs between databases stands in [`dialect`]. Nothing here knows HTTP, kinds or rules.

pub mod accounts;
pub mod acks;
pub mod alerts;
pub mod areas;
pub mod audit;
pub mod bulk;
pub mod census;
pub mod definitions;
pub mod devices;
pub mod dialect;
pub mod enrolments;
pub mod epochs;
mod error;
pub mod exits;
pub mod finds;
pub mod grants;
pub mod history;
pub mod idempotency;
pub mod lookups;
pub mod meta;
pub mod parked;
mod pool;
pub mod postgres_url;
pub mod purged;
pub mod reach;
pub mod records;
pub mod relay;
pub mod schema;
pub mod scopes;
pub mod tallies;

pub use dialect::{Connection, Location};
pub use error::Error;
pub use reach::{Ground, Reach};

use diesel::connection::{Connection as _, InstrumentationEvent};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dialect::Purpose;
use pool::{Keep, Pool};

/// A revision, head or seq as the database has it. They stay far below 2^53.
pub fn from_rev(rev: u64) -> i64 {
    i64::try_from(rev).unwrap_or(i64::MAX)
}

/// A revision, head or seq from the database, where none is negative.
pub fn to_rev(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// How often a writing transaction is run before the caller is told that the database is busy.
const WRITE_ATTEMPTS: u32 = 4;

/// Whether a commit waits until the disk has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on the disk before it is acknowledged.
    Full,
    /// Commits are lost when the machine stops. For simulations on throw-away files, never else.
    OffForSimulationsOnly,
}

#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub durability: Durability,
    /// How many snapshots may be read at the same time.
    pub readers: usize,
    /// How long one statement waits for a lock, and a reader for a connection.
    pub busy_timeout: Duration,
    /// Memory for pages, per connection.
    pub cache_kib: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            readers: 8,
            busy_timeout: Duration::from_secs(5),
            cache_kib: 16 * 1024,
        }
    }
}

/// The open store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    location: Location,
    options: StoreOptions,
    writer: Mutex<Option<Connection>>,
    readers: Pool,
    /// Set by the writer's connection when a statement failed in a way that a retry may cure.
    transient: Arc<AtomicBool>,
    applied: Vec<String>,
}

impl Store {
    /// Opens the database that `url` names, creating it if need be, and applies what is missing
    /// of its migrations. `sqlite::memory:` gives a fresh one that lives as long as the store.
    pub fn open(url: &str, options: StoreOptions) -> Result<Self, Error> {
        let location = Location::parse(url)?;
        let transient = Arc::new(AtomicBool::new(false));
        let mut writer = connect_writer(&location, &options, &transient)?;
        let applied = dialect::migrate(&mut writer)?;
        let readers = Pool::new(options.readers, options.busy_timeout);
        let writer = Mutex::new(Some(writer));
        let shared = Shared {
            location,
            options,
            writer,
            readers,
            transient,
            applied,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The file of an embedded database, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.shared.location.file()
    }

    /// The migrations that opening applied.
    pub fn applied(&self) -> &[String] {
        &self.shared.applied
    }

    /// Migrations that are still missing (another, older process may have come later).
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        self.with_writer(dialect::pending)
    }

    /// What is damaged, as far as a quick look over the whole database tells.
    pub fn examine(&self) -> Result<Vec<String>, Error> {
        self.with_writer(dialect::examine)
    }

    /// Name and version of the database.
    pub fn describe(&self) -> Result<String, Error> {
        self.with_writer(dialect::describe)
    }

    /// Runs `work` in one snapshot: everything that it reads is from the same moment. It cannot
    /// write. Never call it inside `write`, which would read from another moment (and, in memory,
    /// wait for itself).
    pub fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.file().is_none() {
            // The data lives in the one connection, which therefore serves the readers too.
            return self.with_writer(|connection| snapshot(connection, true, work).1);
        }
        let connect =
            || dialect::connect(&self.shared.location, Purpose::Read, &self.shared.options);
        self.shared
            .readers
            .with(connect, |connection| snapshot(connection, false, work))
    }

    /// Runs `work` in the one writing transaction: committed when it returns `Ok`, rolled back
    /// when it returns `Err` or panics. Where the database asks for it, everything is rolled back
    /// and `work` runs again, a bounded number of times; it must therefore not have effects of
    /// its own. Never call it inside itself or inside `read`.
    pub fn write<T, E: From<Error>>(
        &self,
        mut work: impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.with_writer(|connection| {
            for attempt in 1.. {
                self.shared.transient.store(false, Ordering::Relaxed);
                let error = match transaction(connection, &mut work) {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let retry = self.shared.transient.load(Ordering::Relaxed);
                if !retry || attempt >= WRITE_ATTEMPTS {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(5) * attempt);
            }
            Err(Error::Busy.into())
        })
    }

    /// Lends the writer. After a panic, or when a transaction could not be ended, a connection to
    /// a file is closed and the next caller opens another; that ends the transaction too.
    fn with_writer<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let shared = &self.shared;
        let mut slot = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None if shared.location.file().is_none() => {
                return Err(Error::Unavailable("the database in memory is gone".to_owned()).into());
            }
            None => connect_writer(&shared.location, &shared.options, &shared.transient)?,
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut connection)));
        if dialect::rollback(&mut connection).is_ok() {
            *slot = Some(connection);
        }
        drop(slot);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn connect_writer(
    location: &Location,
    options: &StoreOptions,
    transient: &Arc<AtomicBool>,
) -> Result<Connection, Error> {
    let mut connection = dialect::connect(location, Purpose::Write, options)?;
    let transient = Arc::clone(transient);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery {
            error: Some(error), ..
        } = event
            && dialect::is_transient(error)
        {
            transient.store(true, Ordering::Relaxed);
        }
    });
    Ok(connection)
}

fn snapshot<T, E: From<Error>>(
    connection: &mut Connection,
    guard: bool,
    work: impl FnOnce(&mut Connection) -> Result<T, E>,
) -> (Keep, Result<T, E>) {
    if let Err(error) = dialect::begin_read(connection, guard) {
        return (Keep::No, Err(Error::from(error).into()));
    }
    let result = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let ended = dialect::end_read(connection, guard);
    match result {
        Ok(result) if ended.is_ok() => (Keep::Yes, result),
        Ok(result) => (Keep::No, result),
        Err(panic) => resume_unwind(panic),
    }
}

fn transaction<T, E: From<Error>>(
    connection: &mut Connection,
    work: &mut impl FnMut(&mut Connection) -> Result<T, E>,
) -> Result<T, E> {
    dialect::begin_write(connection).map_err(Error::from)?;
    match work(connection) {
        Ok(value) => {
            dialect::commit(connection).map_err(Error::from)?;
            Ok(value)
        }
        Err(error) => {
            // A transaction that cannot be rolled back is ended by `with_writer`, which closes
            // the connection.
            let _ = dialect::rollback(connection);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
