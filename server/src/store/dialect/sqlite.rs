//! What only SQLite has: a file, pragmas, a version that must be sound.

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::prelude::*;
use diesel::{sql_query, sql_types};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Location, Purpose, is_transient};
use crate::store::{Durability, Error, StoreOptions};

/// The oldest SQLite that is used: versions before 3.51.3 can corrupt a write-ahead log that two
/// connections write and checkpoint.
const OLDEST: [u32; 3] = [3, 51, 3];
/// How much log may gather before it is folded into the database.
const LOG_BYTES: u64 = 64 * 1024 * 1024;
const PAGE_BYTES: u64 = 4096;
/// A reader keeps so much fewer pages than the writer: there are many, each reads a little, and what one
/// reads again the system has in memory.
const READERS_SHARE: u32 = 8;
/// A lock that is not waited for is asked for again after so long.
const AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Opens a file, or a database in memory (no `file`), and sets the connection up.
pub(super) fn connect(
    location: &Location,
    purpose: Purpose,
    options: &StoreOptions,
) -> Result<SqliteConnection, Error> {
    let name = match location.file() {
        None => ":memory:".to_owned(),
        Some(path) => {
            create_private(path)?;
            let text = path.to_str().ok_or_else(|| {
                Error::Unavailable("the path of the database is not UTF-8".to_owned())
            })?;
            if text.starts_with('/') {
                text.to_owned()
            } else {
                format!("./{text}")
            }
        }
    };
    let mut connection = SqliteConnection::establish(&name).map_err(|_| {
        Error::Unavailable(
            "the database file cannot be opened; look at its path and rights".to_owned(),
        )
    })?;
    // The wait comes first: switching to the log and reading the version may already meet a lock.
    connection.batch_execute(&format!(
        "PRAGMA busy_timeout = {};",
        options.busy_timeout.as_millis()
    ))?;
    let version = version(&mut connection)?;
    if !is_sound(&version) {
        return Err(Error::Unavailable(format!(
            "SQLite {version} is older than {}.{}.{} and can corrupt a write-ahead log; build with the bundled one",
            OLDEST[0], OLDEST[1], OLDEST[2]
        )));
    }
    // Of two that open a new file at once, the switch to the log lets one fail at once: it does not
    // wait by itself.
    let pragmas = pragmas(location, purpose, options);
    let began = Instant::now();
    loop {
        match connection.batch_execute(&pragmas) {
            Ok(()) => return Ok(connection),
            Err(error) if is_transient(&error) && began.elapsed() < options.busy_timeout => {
                std::thread::sleep(AGAIN_AFTER);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn pragmas(location: &Location, purpose: Purpose, options: &StoreOptions) -> String {
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::OffForSimulationsOnly => "OFF",
    };
    let cache = match purpose {
        Purpose::Write => options.cache_kib,
        Purpose::Read => options.cache_kib / READERS_SHARE,
    };
    let mut text = format!(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
         PRAGMA cache_size = -{cache};"
    );
    if purpose == Purpose::Write {
        // What was purged or replaced is not left legible in the free space of the file.
        text.push_str(" PRAGMA secure_delete = ON;");
    }
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

pub(super) fn version(connection: &mut SqliteConnection) -> Result<String, Error> {
    let row: Version = sql_query("SELECT sqlite_version() AS version").get_result(connection)?;
    Ok(row.version)
}

fn is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let mut next = || parts.next().flatten();
    match (next(), next(), next()) {
        (Some(major), Some(minor), Some(patch)) => [major, minor, patch] >= OLDEST,
        _ => false,
    }
}

/// Looks for damage; the texts name places in the file, never what stands there.
pub(super) fn examine(connection: &mut SqliteConnection) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = sql_types::Text)]
        quick_check: String,
    }
    let found: Vec<Found> = sql_query("PRAGMA quick_check(20)").load(connection)?;
    let texts = found.into_iter().map(|row| row.quick_check);
    Ok(texts.filter(|text| text != "ok").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sqlite_versions_with_the_repaired_log_are_used() {
        for sound in ["3.51.3", "3.51.10", "3.53.2", "4.0.0"] {
            assert!(is_sound(sound), "{sound}");
        }
        for unsound in ["3.51.2", "3.40.1", "3.9.9", "2.99.99", "3.51", "", "x.y.z"] {
            assert!(!is_sound(unsound), "{unsound}");
        }
    }
}
