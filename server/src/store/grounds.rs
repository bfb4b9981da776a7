//! The ground a benchmark stands on: databases of its own on a PostgreSQL server, made and dropped
//! again, and what the database counts of its own work.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel::{PgConnection, sql_query};
use std::path::Path;

use super::Error;

/// What a database has done since it began to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Transactions that wrote.
    pub transactions: u64,
    /// Times that it made its log reach the disk; `None` where it does not count them.
    pub flushes: Option<u64>,
}

/// A PostgreSQL server, by a URL that may make databases on it.
pub struct Grounds {
    url: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Process {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

impl Grounds {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }

    /// Makes an empty database; returns its URL.
    pub fn make(&self, name: &str) -> Result<String, Error> {
        self.connect()?
            .batch_execute(&format!("CREATE DATABASE \"{name}\""))?;
        with_database(&self.url, name)
            .ok_or_else(|| Error::Unavailable("the URL names no database".to_owned()))
    }

    /// Drops a database, whoever is still connected to it.
    pub fn drop(&self, name: &str) -> Result<(), Error> {
        self.connect()?
            .batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"))?;
        Ok(())
    }

    /// The process that answers this connection; it is on this machine only if the server is.
    pub fn backend(&self) -> Result<u32, Error> {
        let found: Process =
            sql_query("SELECT pg_backend_pid() AS pid").get_result(&mut self.connect()?)?;
        u32::try_from(found.pid).map_err(|_| Error::Corrupt("a process number".to_owned()))
    }

    /// What the whole server has done. Others' work on it counts, too.
    pub fn work(&self) -> Result<Work, Error> {
        let mut connection = self.connect()?;
        let xid: Number =
            sql_query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS number")
                .get_result(&mut connection)?;
        let flushes: Number =
            sql_query("SELECT wal_sync AS number FROM pg_stat_wal").get_result(&mut connection)?;
        Ok(Work {
            transactions: xid.number.unsigned_abs(),
            flushes: Some(flushes.number.unsigned_abs()),
        })
    }

    fn connect(&self) -> Result<PgConnection, Error> {
        PgConnection::establish(&self.url).map_err(|_| {
            Error::Unavailable(
                "the PostgreSQL server that the URL names cannot be reached".to_owned(),
            )
        })
    }
}

/// The same URL with another database.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (address, options) = url
        .split_once('?')
        .map_or((url, None), |(a, o)| (a, Some(o)));
    let start = address.find("://")? + 3;
    let slash = address.get(start..)?.find('/')? + start;
    let options = options.map_or(String::new(), |options| format!("?{options}"));
    Some(format!("{}/{name}{options}", address.get(..slash)?))
}

/// Transactions that were committed to an SQLite file, read from the index of its log: SQLite
/// counts there for its readers. In `synchronous=FULL` each of them is one flush of the log.
pub fn sqlite_work(file: &Path) -> std::io::Result<Work> {
    let mut path = file.as_os_str().to_owned();
    path.push("-shm");
    let bytes = std::fs::read(path)?;
    let counter = bytes
        .get(8..12)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_ne_bytes)
        .ok_or_else(|| std::io::Error::other("the index of the log is too short"))?;
    Ok(Work {
        transactions: u64::from(counter),
        flushes: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_is_named_in_the_same_url() {
        let of = |url| with_database(url, "mine");
        assert_eq!(
            of("postgres://u@h:1/db?sslmode=require").as_deref(),
            Some("postgres://u@h:1/mine?sslmode=require")
        );
        assert_eq!(
            of("postgresql://h/db").as_deref(),
            Some("postgresql://h/mine")
        );
        assert_eq!(of("postgres://h"), None);
        assert_eq!(of("nothing"), None);
    }

    #[test]
    fn sqlite_counts_its_commits() {
        use diesel::SqliteConnection;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("counted.sqlite");
        let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        connection
            .batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x);")
            .unwrap();
        let before = sqlite_work(&file).unwrap().transactions;
        for _ in 0..7 {
            connection
                .batch_execute("BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT;")
                .unwrap();
        }
        assert_eq!(sqlite_work(&file).unwrap().transactions - before, 7);
    }
}
