//! Every difference between databases, and nothing else. PostgreSQL comes as a second variant of
//! [`Connection`] and a second arm in each `match` below; no other file may ask which one it is.

use diesel::connection::{
    AnsiTransactionManager, Connection as _, SimpleConnection, TransactionManager,
};
use diesel::migration::MigrationVersion;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::{sql_query, sql_types};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::{Durability, StoreOptions};

/// The oldest SQLite that is used: versions before 3.51.3 can corrupt a write-ahead log that two
/// connections write and checkpoint.
pub const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// How much log may gather before it is folded into the database.
const LOG_BYTES: u64 = 64 * 1024 * 1024;
const PAGE_BYTES: u64 = 4096;
/// Values in one `IN (…)`; longer lists are asked for in pieces.
pub const MAX_LIST: usize = 500;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

pub use any::AnyConnection as Connection;

// A module of its own, because the derived code imports diesel's trait of the name `Connection`.
mod any {
    use diesel::SqliteConnection;

    /// A connection to whichever database the URL named.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        Sqlite(SqliteConnection),
    }
}

/// Where the data stands, parsed from its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    SqliteFile(PathBuf),
    SqliteMemory,
}

impl Location {
    /// `sqlite:///absolute/file`, `sqlite://file/beside/the/working/directory` or `sqlite::memory:`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |text: &str| Err(Error::Unavailable(text.to_owned()));
        if url == "sqlite::memory:" {
            return Ok(Self::SqliteMemory);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return refuse(
                "this version stores in SQLite only (PostgreSQL comes next); name a file as sqlite:///path/kadian.sqlite",
            );
        }
        match url.strip_prefix("sqlite://") {
            Some("") => refuse("the URL names no file; write sqlite:///path/kadian.sqlite"),
            Some(path) if path.contains(['?', '\0']) => {
                refuse("a sqlite URL names a file and nothing else (no '?', no NUL)")
            }
            Some(path) => Ok(Self::SqliteFile(PathBuf::from(path))),
            None => refuse(
                "the URL has an unknown scheme; write sqlite:///path/kadian.sqlite (or sqlite::memory: for a trial)",
            ),
        }
    }

    /// The file of an embedded database, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::SqliteFile(path) => Some(path),
            Self::SqliteMemory => None,
        }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

/// Opens one connection and sets it up.
pub(super) fn connect(
    location: &Location,
    purpose: Purpose,
    options: &StoreOptions,
) -> Result<Connection, Error> {
    let name = match location {
        Location::SqliteMemory => ":memory:".to_owned(),
        Location::SqliteFile(path) => {
            create_private(path)?;
            path.to_str()
                .map(|text| {
                    if text.starts_with('/') {
                        text.to_owned()
                    } else {
                        format!("./{text}")
                    }
                })
                .ok_or_else(|| {
                    Error::Unavailable("the path of the database is not UTF-8".to_owned())
                })?
        }
    };
    let mut inner = SqliteConnection::establish(&name).map_err(|_| {
        Error::Unavailable(
            "the database file cannot be opened; look at its path and rights".to_owned(),
        )
    })?;
    // The wait comes first: switching to the log and reading the version may already meet a lock.
    inner.batch_execute(&format!(
        "PRAGMA busy_timeout = {};",
        options.busy_timeout.as_millis()
    ))?;
    let version = sqlite_version(&mut inner)?;
    if !sqlite_is_sound(&version) {
        return Err(Error::Unavailable(format!(
            "SQLite {version} is older than {}.{}.{} and can corrupt a write-ahead log; build with the bundled one",
            OLDEST_SQLITE[0], OLDEST_SQLITE[1], OLDEST_SQLITE[2]
        )));
    }
    inner.batch_execute(&pragmas(location, purpose, options))?;
    Ok(Connection::Sqlite(inner))
}

fn pragmas(location: &Location, purpose: Purpose, options: &StoreOptions) -> String {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::OffForSimulationsOnly => "OFF",
    };
    let mut text = format!(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
         PRAGMA cache_size = -{};",
        options.cache_kib
    );
    if location.file().is_some() {
        text.push_str(&format!(
            " PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {LOG_BYTES};",
            LOG_BYTES / PAGE_BYTES
        ));
        if purpose == Purpose::Read {
            text.push_str(" PRAGMA query_only = ON;");
        }
    }
    text
}

/// Only the user who runs the server may read the file: it holds people's data.
fn create_private(path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|error| {
        Error::Unavailable(format!(
            "the database file cannot be created: {}",
            error.kind()
        ))
    })
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = sql_types::Text)]
    version: String,
}

fn sqlite_version(connection: &mut SqliteConnection) -> Result<String, Error> {
    let row: Version = sql_query("SELECT sqlite_version() AS version").get_result(connection)?;
    Ok(row.version)
}

fn sqlite_is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let mut next = || parts.next().flatten();
    match (next(), next(), next()) {
        (Some(major), Some(minor), Some(patch)) => [major, minor, patch] >= OLDEST_SQLITE,
        _ => false,
    }
}

/// Name and version of the database, for `doctor` and the log.
pub(super) fn describe(connection: &mut Connection) -> Result<String, Error> {
    match connection {
        Connection::Sqlite(inner) => Ok(format!("SQLite {}", sqlite_version(inner)?)),
    }
}

/// Looks for damage; the texts name places in the file, never what stands there.
pub(super) fn examine(connection: &mut Connection) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = sql_types::Text)]
        quick_check: String,
    }
    match connection {
        Connection::Sqlite(inner) => {
            let found: Vec<Found> = sql_query("PRAGMA quick_check(20)").load(inner)?;
            let texts = found.into_iter().map(|row| row.quick_check);
            Ok(texts.filter(|text| text != "ok").collect())
        }
    }
}

/// Begins the one kind of writing transaction: the lock is taken at once, so that what was read
/// inside cannot be changed by another writer before the commit.
pub(super) fn begin_write(connection: &mut Connection) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")
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
    }
}

pub(super) fn end_read(connection: &mut Connection, guard: bool) -> Result<(), QueryError> {
    rollback(connection)?;
    match connection {
        Connection::Sqlite(inner) if guard => inner.batch_execute("PRAGMA query_only = OFF;"),
        Connection::Sqlite(_) => Ok(()),
    }
}

pub(super) fn commit(connection: &mut Connection) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => AnsiTransactionManager::commit_transaction(inner),
    }
}

pub(super) fn rollback(connection: &mut Connection) -> Result<(), QueryError> {
    match connection {
        Connection::Sqlite(inner) => match AnsiTransactionManager::rollback_transaction(inner) {
            Ok(()) | Err(QueryError::NotInTransaction) => Ok(()),
            Err(error) => Err(error),
        },
    }
}

/// Applies what is missing, each migration in a transaction of its own; returns what was applied.
pub(super) fn migrate(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let applied = match connection {
        Connection::Sqlite(inner) => names(inner.run_pending_migrations(SQLITE_MIGRATIONS)),
    };
    applied.map_err(|error| Error::Unavailable(format!("a migration failed: {error}")))
}

/// Takes every migration back. Only tests do this: it empties the database.
#[cfg(test)]
pub(super) fn revert_all(connection: &mut Connection) -> Result<(), Error> {
    let reverted = match connection {
        Connection::Sqlite(inner) => inner.revert_all_migrations(SQLITE_MIGRATIONS).map(|_| ()),
    };
    reverted.map_err(|error| Error::Unavailable(format!("a migration failed: {error}")))
}

/// Migrations that this program brings and the database lacks.
pub(super) fn pending(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let pending = match connection {
        Connection::Sqlite(inner) => inner.pending_migrations(SQLITE_MIGRATIONS).map(|list| {
            list.iter()
                .map(|migration| migration.name().to_string())
                .collect()
        }),
    };
    pending.map_err(|error| Error::Unavailable(format!("the migrations cannot be read: {error}")))
}

fn names(
    versions: diesel::migration::Result<Vec<MigrationVersion<'_>>>,
) -> diesel::migration::Result<Vec<String>> {
    Ok(versions?.iter().map(ToString::to_string).collect())
}

/// Sorts an error of the driver by what can be done about it.
pub(super) fn classify(error: QueryError) -> Error {
    if is_transient(&error) {
        return Error::Busy;
    }
    let text = match &error {
        QueryError::DatabaseError(_, information) => information.message(),
        QueryError::DeserializationError(_) => {
            return Error::Corrupt("a column has a value of another type".to_owned());
        }
        _ => return Error::Query(error),
    };
    let unavailable = [
        "disk is full",
        "disk I/O error",
        "unable to open database file",
        "attempt to write a readonly database",
    ];
    let corrupt = ["database disk image is malformed", "file is not a database"];
    if let Some(found) = unavailable.iter().find(|known| text.contains(**known)) {
        Error::Unavailable((*found).to_owned())
    } else if let Some(found) = corrupt.iter().find(|known| text.contains(**known)) {
        Error::Corrupt((*found).to_owned())
    } else {
        Error::Query(error)
    }
}

/// Whether the same transaction may succeed when it is simply run again.
pub(super) fn is_transient(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        QueryError::DatabaseError(_, information) => {
            let text = information.message();
            text == "database is locked" || text == "database table is locked"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sqlite_versions_with_the_repaired_log_are_used() {
        for sound in ["3.51.3", "3.51.10", "3.53.2", "4.0.0"] {
            assert!(sqlite_is_sound(sound), "{sound}");
        }
        for unsound in ["3.51.2", "3.40.1", "3.9.9", "2.99.99", "3.51", "", "x.y.z"] {
            assert!(!sqlite_is_sound(unsound), "{unsound}");
        }
    }

    #[test]
    fn a_url_is_understood_or_refused_with_what_to_write_instead() {
        assert_eq!(
            Location::parse("sqlite:///var/lib/kadian.sqlite").unwrap(),
            Location::SqliteFile(PathBuf::from("/var/lib/kadian.sqlite"))
        );
        assert_eq!(
            Location::parse("sqlite://kadian.sqlite").unwrap(),
            Location::SqliteFile(PathBuf::from("kadian.sqlite"))
        );
        assert_eq!(
            Location::parse("sqlite::memory:").unwrap(),
            Location::SqliteMemory
        );
        for (url, part) in [
            ("postgres://db/kadian", "PostgreSQL comes next"),
            ("postgresql://db/kadian", "PostgreSQL comes next"),
            ("mysql://db/kadian", "unknown scheme"),
            ("/var/lib/kadian.sqlite", "unknown scheme"),
            ("sqlite://", "names no file"),
            ("sqlite:///file?mode=ro", "nothing else"),
            ("", "unknown scheme"),
        ] {
            let text = Location::parse(url).unwrap_err().to_string();
            assert!(text.contains(part), "{url}: {text}");
        }
    }
}
