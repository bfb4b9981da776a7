//! Every difference between databases, and nothing else: each function is a `match` with an arm for
//! SQLite and one for PostgreSQL. [`super::bulk`], [`super::copying`], [`super::locks`] and
//! [`super::vacancy`] are parts of it; no other
//! file may ask which database it is.

mod among;
mod holds;
mod location;
mod postgres;
mod sqlite;
mod statement;

use diesel::backend::Backend;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::{MigrationSource, MigrationVersion};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub(in crate::store) use among::{Listed, among};
pub use any::AnyConnection as Connection;
pub(in crate::store) use holds::{holds, is_open};
pub use location::Location;
pub(in crate::store) use statement::statement;

use super::StoreOptions;
use super::error::Error;
use super::relay::Relay;

/// Values in one `IN (…)`; longer lists are asked for in pieces.
pub const MAX_LIST: usize = 500;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

// A module of its own, because the derived code imports diesel's trait of the name `Connection`.
mod any {
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to whichever database the URL named.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        Sqlite(SqliteConnection),
        Postgres(PgConnection),
    }
}

/// Puts the same words to whichever database it is, as that database's own: a list of values is then
/// one value for PostgreSQL, and its statement always the same text.
macro_rules! each {
    ($connection:expr, $inner:ident => $query:expr) => {
        match $connection {
            $crate::store::dialect::Connection::Sqlite($inner) => $query,
            $crate::store::dialect::Connection::Postgres($inner) => $query,
        }
    };
}
pub(in crate::store) use each;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

/// Who else may write while a transaction does. An embedded database has one writer, so there both
/// are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody.
    Alone,
    /// Others that came to write beside others, too: each locks the rows that it will change.
    Beside,
}

/// Where connections come from: a place, and the way there.
pub(super) struct Source {
    pub(super) location: Location,
    /// Speaks TLS with a server, where it is asked to.
    relay: Option<Relay>,
}

impl Source {
    pub(super) fn new(location: Location) -> Result<Self, Error> {
        let relay = match &location {
            Location::Postgres(url) => Relay::for_url(url)?,
            Location::SqliteFile(_) | Location::SqliteMemory => None,
        };
        Ok(Self { location, relay })
    }

    /// Opens one connection and sets it up.
    pub(super) fn connect(
        &self,
        purpose: Purpose,
        options: &StoreOptions,
    ) -> Result<Connection, Error> {
        match &self.location {
            Location::Postgres(url) => {
                let conninfo = url.conninfo(self.relay.as_ref().map(Relay::folder))?;
                let opened = postgres::connect(conninfo.expose(), purpose, options);
                opened.map(Connection::Postgres)
            }
            Location::SqliteFile(_) | Location::SqliteMemory => {
                sqlite::connect(&self.location, purpose, options).map(Connection::Sqlite)
            }
        }
    }
}

/// Refuses a server that is reached through a pooler which lends its sessions by transaction: what
/// is set for a session, and what is prepared in it, would be another's.
pub(super) fn refuse_lent_sessions(
    first: &mut Connection,
    second: &mut Connection,
) -> Result<(), Error> {
    match (first, second) {
        (Connection::Postgres(first), Connection::Postgres(second)) => {
            postgres::refuse_lent_sessions(first, second)
        }
        _ => Ok(()),
    }
}

/// Which server a connection leads to, where there may be another one the next time.
pub(super) fn identity(connection: &mut Connection) -> Result<Option<String>, Error> {
    match connection {
        Connection::Sqlite(_) => Ok(None),
        Connection::Postgres(inner) => postgres::identity(inner).map(Some),
    }
}

/// Whether a connection is still one.
pub(super) fn answers(connection: &mut Connection) -> bool {
    connection.batch_execute("SELECT 1").is_ok()
}

/// Name and version of the database, for `doctor` and the log.
pub(super) fn describe(connection: &mut Connection) -> Result<String, Error> {
    match connection {
        Connection::Sqlite(inner) => Ok(format!("SQLite {}", sqlite::version(inner)?)),
        Connection::Postgres(inner) => postgres::describe(inner),
    }
}

/// A server keeps its log by its own rules, and its backups need it.
pub(super) fn empty_log(connection: &mut Connection) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => Ok(inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?),
        Connection::Postgres(_) => Ok(()),
    }
}

/// Looks for damage; the texts name places and settings, never what stands there.
pub(super) fn examine(connection: &mut Connection) -> Result<Vec<String>, Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::examine(inner),
        Connection::Postgres(inner) => postgres::examine(inner),
    }
}

/// Begins a writing transaction: the lock is taken at once.
pub(super) fn begin_write(connection: &mut Connection, company: Company) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")
        }
        Connection::Postgres(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, postgres::begin_write(company))
        }
    }
}

/// Begins a snapshot for reading. The guard against writes matters for a database in memory,
/// whose only connection serves both.
pub(super) fn begin_read(connection: &mut Connection, guard: bool) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => {
            if guard {
                inner.batch_execute("PRAGMA query_only = ON;")?;
            }
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN DEFERRED")
        }
        Connection::Postgres(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, postgres::BEGIN_READ)
        }
    }
}

pub(super) fn end_read(connection: &mut Connection, guard: bool) -> Result<(), QueryError> {
    rollback(connection)?;
    match connection {
        Connection::Sqlite(inner) if guard => inner.batch_execute("PRAGMA query_only = OFF;"),
        Connection::Sqlite(_) | Connection::Postgres(_) => Ok(()),
    }
}

pub(super) fn commit(connection: &mut Connection) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => AnsiTransactionManager::commit_transaction(inner),
        Connection::Postgres(inner) => AnsiTransactionManager::commit_transaction(inner),
    }
}

pub(super) fn rollback(connection: &mut Connection) -> Result<(), QueryError> {
    let ended = match connection {
        Connection::Sqlite(inner) => AnsiTransactionManager::rollback_transaction(inner),
        Connection::Postgres(inner) => AnsiTransactionManager::rollback_transaction(inner),
    };
    match ended {
        Ok(()) | Err(QueryError::NotInTransaction) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Applies what is missing, each migration in a transaction of its own; returns what was applied.
/// Of several processes that start at once one does it; the others wait and find it done. A database
/// that has more than this program brings is refused: its tables are others.
pub(super) fn migrate(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let applied = match connection {
        // Under the lock, so that of two processes the second finds nothing left to do.
        Connection::Sqlite(inner) => {
            inner.immediate_transaction(|inner| bring_up(inner, SQLITE_MIGRATIONS))
        }
        Connection::Postgres(inner) => {
            inner.batch_execute(postgres::LOCK_MIGRATIONS)?;
            let applied = bring_up(inner, POSTGRES_MIGRATIONS);
            inner.batch_execute(postgres::UNLOCK_MIGRATIONS)?;
            applied
        }
    };
    applied.map_err(|error| Error::Unavailable(format!("a migration failed: {error}")))?
}

fn bring_up<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    brought: EmbeddedMigrations,
) -> diesel::migration::Result<Result<Vec<String>, Error>>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    if let Some(first) = unknown(connection, &brought)?.first() {
        return Ok(Err(Error::Unavailable(format!(
            "it was brought up by a later version of Kadian, by its migration {first}; run that version, \
             or restore a backup that this one made"
        ))));
    }
    names(connection.run_pending_migrations(brought)).map(Ok)
}

/// Takes every migration back. Only tests do this: it empties the database.
#[cfg(test)]
pub(super) fn revert_all(connection: &mut Connection) -> Result<(), Error> {
    let reverted = match connection {
        Connection::Sqlite(inner) => inner.revert_all_migrations(SQLITE_MIGRATIONS).map(|_| ()),
        Connection::Postgres(inner) => inner.revert_all_migrations(POSTGRES_MIGRATIONS).map(|_| ()),
    };
    reverted.map_err(|error| Error::Unavailable(format!("a migration failed: {error}")))
}

/// Takes migrations back until this one is the last.
#[cfg(test)]
pub(super) fn revert_to(connection: &mut Connection, last: &str) -> Result<(), Error> {
    loop {
        let reverted = match connection {
            Connection::Sqlite(inner) => names(inner.applied_migrations()),
            Connection::Postgres(inner) => names(inner.applied_migrations()),
        }
        .and_then(|applied| match (applied.iter().max(), &mut *connection) {
            (Some(newest), _) if newest.as_str() <= last => Ok(false),
            (_, Connection::Sqlite(inner)) => {
                inner.revert_last_migration(SQLITE_MIGRATIONS).map(|_| true)
            }
            (_, Connection::Postgres(inner)) => inner
                .revert_last_migration(POSTGRES_MIGRATIONS)
                .map(|_| true),
        });
        let went_on =
            reverted.map_err(|error| Error::Unavailable(format!("a migration failed: {error}")))?;
        if !went_on {
            return Ok(());
        }
    }
}

/// Migrations that the database has and this program does not bring: a later one did.
pub(super) fn later(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let found = match connection {
        Connection::Sqlite(inner) => unknown(inner, &SQLITE_MIGRATIONS),
        Connection::Postgres(inner) => unknown(inner, &POSTGRES_MIGRATIONS),
    };
    found.map_err(|error| Error::Unavailable(format!("the migrations cannot be read: {error}")))
}

fn unknown<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    brought: &impl MigrationSource<DB>,
) -> diesel::migration::Result<Vec<String>> {
    let brought = brought.migrations()?;
    let is_brought =
        |one: &MigrationVersion<'_>| brought.iter().any(|m| m.name().version() == *one);
    let mut applied = connection.applied_migrations()?;
    applied.retain(|one| !is_brought(one));
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Migrations that this program brings and the database lacks.
pub(super) fn pending(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let pending = match connection {
        Connection::Sqlite(inner) => inner
            .pending_migrations(SQLITE_MIGRATIONS)
            .map(|list| list.iter().map(|one| one.name().to_string()).collect()),
        Connection::Postgres(inner) => inner
            .pending_migrations(POSTGRES_MIGRATIONS)
            .map(|list| list.iter().map(|one| one.name().to_string()).collect()),
    };
    pending.map_err(|error| Error::Unavailable(format!("the migrations cannot be read: {error}")))
}

fn names(
    versions: diesel::migration::Result<Vec<MigrationVersion<'_>>>,
) -> diesel::migration::Result<Vec<String>> {
    Ok(versions?.iter().map(ToString::to_string).collect())
}

/// Tells the database that a row was written under a number which was not taken from its own
/// counter: the counter goes on above it.
pub(super) fn number_was_given(connection: &mut Connection, counter: Counter) -> Result<(), Error> {
    match connection {
        // AUTOINCREMENT remembers the greatest number, however it came.
        Connection::Sqlite(_) => Ok(()),
        Connection::Postgres(inner) => match counter {
            Counter::Account => postgres::follow(inner, "account", "id", 1),
            Counter::Device => postgres::follow(inner, "device", "number", 999),
        },
    }
}

/// The counters whose numbers also come from elsewhere: a ledger that is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Account,
    Device,
}

/// Sorts an error of the driver by what can be done about it.
pub(super) fn classify(error: QueryError) -> Error {
    if is_transient(&error) {
        return Error::Busy;
    }
    let text = match &error {
        QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => {
            return Error::Unavailable("the connection to the database was lost".to_owned());
        }
        QueryError::BrokenTransactionManager => {
            return Error::Unavailable("the transaction broke off".to_owned());
        }
        QueryError::DatabaseError(_, information) => information.message(),
        QueryError::DeserializationError(_) => {
            return Error::Corrupt("a column has a value of another type".to_owned());
        }
        _ => return Error::Query(error),
    };
    if let Some(found) = UNAVAILABLE.iter().find(|known| text.contains(**known)) {
        Error::Unavailable((*found).to_owned())
    } else if let Some(found) = CORRUPT.iter().find(|known| text.contains(**known)) {
        Error::Corrupt((*found).to_owned())
    } else {
        Error::Query(error)
    }
}

/// What the databases say when they cannot work for reasons outside the query: the first four are
/// SQLite's, the others come from PostgreSQL or from libpq.
const UNAVAILABLE: [&str; 16] = [
    "disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    "No space left on device",
    "could not extend file",
    "could not write",
    "Input/output error",
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "no connection to the server",
    "could not receive data",
    "could not send",
    "the database system is",
    "read-only transaction",
];
const CORRUPT: [&str; 3] = [
    "database disk image is malformed",
    "file is not a database",
    "invalid page in block",
];

/// Whether the same transaction may succeed when it is simply run again.
pub(super) fn is_transient(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, information) => {
            let name = information.constraint_name();
            name.is_some_and(|name| OVERTAKEN.contains(&name))
                || information.message().ends_with(PRESUMED)
        }
        QueryError::DatabaseError(_, information) => {
            let text = information.message();
            // Of what fails in a copy whoever listens hears the words alone; names are in all languages.
            let mut known = TRANSIENT.iter().chain(&OVERTAKEN);
            known.any(|known| text.contains(known))
        }
        _ => false,
    }
}

/// What two who write beside each other may both find missing and both make; the second is to look
/// again.
const OVERTAKEN: [&str; 3] = ["record_pkey", "scope_name_key", "alert_pkey"];

/// So ends what SQLite, which names no constraint and has one writer, says of a record that a fold took
/// for new without looking: it is to look.
const PRESUMED: &str = "failed: record.id";

/// The driver does not tell PostgreSQL's codes, so these are its words; a server that speaks another
/// language is only retried less.
const TRANSIENT: [&str; 4] = [
    "database is locked",
    "database table is locked",
    "deadlock detected",
    "due to lock timeout",
];
