//! The store: the one place that knows diesel, and the only transactions in the program.
//!
//! [`Store::read`] gives a snapshot, [`Store::write`] the transaction that writes alone and
//! [`Store::write_in`] also one of several that write beside each other; one file per group of tables
//! holds the queries, as functions that take the [`Connection`] of any. What differs between
//! databases stands in [`dialect`]. Nothing here knows HTTP, kinds or rules.

pub mod accounts;
pub mod acks;
pub mod alerts;
pub mod areas;
pub mod audit;
pub mod backups;
pub mod bulk;
pub mod census;
pub mod copying;
pub mod definitions;
pub mod devices;
pub mod dialect;
pub mod enrolments;
pub mod epochs;
mod error;
pub mod exits;
pub mod finds;
pub mod floor;
pub mod grants;
pub mod grounds;
pub mod history;
pub mod idempotency;
pub mod ids;
pub mod locks;
pub mod lookups;
pub mod meta;
pub mod nodes;
pub mod parked;
mod pool;
pub mod portable;
pub mod postgres_url;
pub mod purged;
pub mod reach;
pub mod records;
pub mod recount;
pub mod relay;
pub mod schema;
pub mod scopes;
mod single;
pub mod tallies;
pub mod trial;
mod upkeep;
pub mod vacancy;

pub use dialect::{Company, Connection, Location};
pub use error::Error;
pub use postgres_url::Password;
pub use reach::{Ground, Reach};

use diesel::connection::{Connection as _, InstrumentationEvent};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dialect::{Purpose, Source};
use pool::{Keep, Pool};

/// A revision, head or seq as the database has it. They stay far below 2^53.
pub fn from_rev(rev: u64) -> i64 {
    i64::try_from(rev).unwrap_or(i64::MAX)
}

/// A revision, head or seq from the database, where none is negative.
pub fn to_rev(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A lone writer is waited for without an end that anybody would live to see.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often a writing transaction is run before the caller is told that the database is busy.
const WRITE_ATTEMPTS: u32 = 4;
/// So long, times the attempt, it waits in between.
const PAUSE: Duration = Duration::from_millis(5);

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
    /// Of a database server, where its URL has none.
    pub password: Option<Password>,
    /// How many snapshots may be read at the same time.
    pub readers: usize,
    /// How many transactions may write beside each other, where the database can do that.
    pub writers: usize,
    /// How long one statement waits for a lock, and a writer for a connection that is free.
    pub busy_timeout: Duration,
    /// How long a reader waits for a connection that is free.
    pub patience: Duration,
    /// Memory for pages, per connection.
    pub cache_kib: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            password: None,
            readers: 8,
            writers: 2,
            busy_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(2),
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
    source: Source,
    options: StoreOptions,
    writers: Pool<Writer>,
    readers: Pool<Connection>,
    /// Which server answered last.
    server: Mutex<Option<String>>,
    /// Steps when the connections were lost: another server may answer now.
    generation: AtomicU64,
    applied: Vec<String>,
}

/// A connection for writing, and whether a statement failed on it in a way that a retry may cure.
struct Writer {
    connection: Connection,
    transient: Arc<AtomicBool>,
}

/// How an attempt to write ended.
enum Attempt<T, E> {
    Ended(Result<T, E>),
    /// Running it again may help.
    Again(E),
}

impl Store {
    /// Opens the database that `url` names, creating it if need be, and applies what is missing
    /// of its migrations. `sqlite::memory:` gives a fresh one that lives as long as the store.
    pub fn open(url: &str, options: StoreOptions) -> Result<Self, Error> {
        let location = Location::parse(url)?.with_password(options.password.as_ref())?;
        let source = Source::new(location)?;
        let mut first = Writer::connect(&source, &options)?;
        if source.location.has_many_writers() {
            let mut second = Writer::connect(&source, &options)?;
            dialect::refuse_lent_sessions(&mut first.connection, &mut second.connection)?;
        }
        let applied = dialect::migrate(&mut first.connection)?;
        let identity = dialect::identity(&mut first.connection)?;
        let many = source.location.has_many_writers();
        // One more than fold: what writes alone (accounts, imports) finds a place, too. A lone writer
        // is waited for without an end, as an import may be at work.
        let (most, wait) = if many {
            (options.writers.max(1) + 1, options.busy_timeout)
        } else {
            (1, FOREVER)
        };
        let writers = Pool::new(most, wait);
        if !many {
            writers.put(first);
        }
        let readers = Pool::new(options.readers, options.patience);
        let shared = Shared {
            source,
            options,
            writers,
            readers,
            server: Mutex::new(identity),
            generation: AtomicU64::new(0),
            applied,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The file of an embedded database, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.shared.source.location.file()
    }

    /// Whether the data is gone with this store.
    pub fn is_in_memory(&self) -> bool {
        self.shared.source.location.is_in_memory()
    }

    /// How many transactions may write beside each other.
    pub fn writers(&self) -> usize {
        if self.shared.source.location.has_many_writers() {
            self.shared.options.writers.max(1)
        } else {
            1
        }
    }

    /// How many snapshots are worth reading at the same time: a server is waited for, an embedded
    /// database keeps a processor busy, or, at times, a disk.
    pub fn readers_worth_while(&self) -> usize {
        let readers = self.shared.options.readers;
        if self.shared.source.location.has_many_writers() {
            return readers;
        }
        let processors = std::thread::available_parallelism();
        readers.min(processors.map_or(1, usize::from) + 2)
    }

    /// Steps whenever the connections to a database server were lost. Who wrote before must open an
    /// epoch before it writes again: the server that answers now may lack the newest commits.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// The migrations that opening applied.
    pub fn applied(&self) -> &[String] {
        &self.shared.applied
    }

    /// Runs `work` in one snapshot: everything that it reads is from the same moment. It cannot
    /// write. Never call it inside `write`, which would read from another moment (and, in memory,
    /// wait for itself).
    pub fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let shared = &self.shared;
        if shared.source.location.is_in_memory() {
            // The data lives in the one connection, which therefore serves the readers too.
            let read = |writer: &mut Writer| {
                if let Err(error) = dialect::begin_read(&mut writer.connection, true) {
                    return (Keep::Yes, Ok(Err(Error::from(error).into())));
                }
                self.snapshot(&mut writer.connection, true, work)
            };
            return unwound(shared.writers.with(|| Err(gone()), read)?);
        }
        let connect = || shared.source.connect(Purpose::Read, &shared.options);
        let mut work = Some(work);
        let mut failed = Error::Busy;
        for _ in 0..2 {
            let read = |connection: &mut Connection| {
                if let Err(error) = dialect::begin_read(connection, false) {
                    failed = self.not_begun(error);
                    return (Keep::No, None);
                }
                let Some(work) = work.take() else {
                    return (Keep::Yes, None);
                };
                let (keep, result) = self.snapshot(connection, false, work);
                (keep, Some(result))
            };
            // An idle connection may have been lost long ago; the next one is new.
            if let Some(result) = shared.readers.with(connect, read)? {
                return unwound(result);
            }
        }
        Err(failed.into())
    }

    fn snapshot<T, E: From<Error>>(
        &self,
        connection: &mut Connection,
        guard: bool,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> (Keep, std::thread::Result<Result<T, E>>) {
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)));
        let keep = if dialect::end_read(connection, guard).is_ok() {
            Keep::Yes
        } else {
            self.lost();
            Keep::No
        };
        (keep, result)
    }

    /// Runs `work` in a transaction beside which nothing else writes: committed when it returns
    /// `Ok`, rolled back when it returns `Err` or panics. Where the database asks for it, everything
    /// is rolled back and `work` runs again, a bounded number of times; it must therefore not have
    /// effects of its own. Never call it inside itself or inside `read`.
    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_in(Company::Alone, work)
    }

    /// Like [`Store::write`], in the company that is told. Who writes beside others locks what it
    /// changes ([`locks`]).
    pub fn write_in<T, E: From<Error>>(
        &self,
        company: Company,
        mut work: impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        for attempt in 1.. {
            match self.attempt(company, attempt, &mut work)? {
                Attempt::Ended(result) => return result,
                Attempt::Again(error) if attempt >= WRITE_ATTEMPTS => return Err(error),
                Attempt::Again(_) => std::thread::sleep(PAUSE * attempt),
            }
        }
        Err(Error::Busy.into())
    }

    /// One transaction. After a panic, or when a transaction could not be ended, a connection to a
    /// file or a server is closed and the next caller opens another; that ends it too.
    fn attempt<T, E: From<Error>>(
        &self,
        company: Company,
        attempt: u32,
        work: &mut impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<Attempt<T, E>, Error> {
        let write = |writer: &mut Writer| {
            writer.transient.store(false, Ordering::Relaxed);
            let connection = &mut writer.connection;
            if let Err(error) = dialect::begin_write(connection, company) {
                let error = self.not_begun(error);
                // The connection may have been idle since the server went away.
                let again = attempt == 1 || matches!(error, Error::Busy);
                let ended = if again {
                    Attempt::Again(error.into())
                } else {
                    Attempt::Ended(Err(error.into()))
                };
                return (Keep::No, Ok(ended));
            }
            let result = catch_unwind(AssertUnwindSafe(|| {
                let value = work(connection)?;
                dialect::commit(connection).map_err(Error::from)?;
                Ok::<_, E>(value)
            }));
            let keep = if dialect::rollback(connection).is_ok() {
                Keep::Yes
            } else {
                self.lost();
                Keep::No
            };
            let again = writer.transient.load(Ordering::Relaxed);
            let ended = result.map(|result| match result {
                Err(error) if again => Attempt::Again(error),
                result => Attempt::Ended(result),
            });
            (keep, ended)
        };
        self.with_writer(write)
    }

    fn with_writer<R>(
        &self,
        work: impl FnOnce(&mut Writer) -> (Keep, std::thread::Result<R>),
    ) -> Result<R, Error> {
        let shared = &self.shared;
        let connect = || {
            if shared.source.location.is_in_memory() {
                return Err(gone());
            }
            let mut writer = Writer::connect(&shared.source, &shared.options)?;
            self.recognise(&mut writer.connection)?;
            Ok(writer)
        };
        let result = shared.writers.with(connect, work)?;
        Ok(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// Asks the connection for writing something outside a transaction.
    fn ask<T>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_writer(|writer| (Keep::Yes, Ok(question(&mut writer.connection))))?
    }

    /// What became of a transaction that did not even begin.
    fn not_begun(&self, error: diesel::result::Error) -> Error {
        let error = Error::from(error);
        if matches!(error, Error::Unavailable(_)) {
            self.lost();
        }
        error
    }

    /// A new connection may lead to another server than those before it, before any of them was
    /// found to be lost.
    fn recognise(&self, connection: &mut Connection) -> Result<(), Error> {
        let Some(identity) = dialect::identity(connection)? else {
            return Ok(());
        };
        let mut known = self
            .shared
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = known.replace(identity);
        let is_another = before.is_some() && before != *known;
        drop(known);
        if is_another {
            self.lost();
        }
        Ok(())
    }

    /// A connection to a server broke off: the others came from the same server.
    fn lost(&self) {
        let shared = &self.shared;
        if shared.source.location.has_many_writers() {
            shared.generation.fetch_add(1, Ordering::AcqRel);
            shared.writers.clear();
            shared.readers.clear();
        }
    }
}

impl Writer {
    fn connect(source: &Source, options: &StoreOptions) -> Result<Self, Error> {
        let mut connection = source.connect(Purpose::Write, options)?;
        let transient = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&transient);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::FinishQuery {
                error: Some(error), ..
            } = event
                && dialect::is_transient(error)
            {
                flag.store(true, Ordering::Relaxed);
            }
        });
        Ok(Self {
            connection,
            transient,
        })
    }
}

fn gone() -> Error {
    Error::Unavailable("the database in memory is gone".to_owned())
}

/// The result of work, or its panic, where it goes on.
fn unwound<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests;
