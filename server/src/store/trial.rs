//! Throw-away databases for tests: in memory or in a file, or, where `KADIAN_TEST_POSTGRES` names a
//! server, a database of its own there, so that one suite runs on both. What nobody removes goes with
//! the server, which is throw-away itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

#[cfg(test)]
use sync_protocol::id::RecordId;

#[cfg(test)]
use super::records::RecordRow;
use super::{Error, Location, Store, StoreOptions};

/// Names the server on which tests make their databases; SQLite where it is not set.
pub const SERVER: &str = "KADIAN_TEST_POSTGRES";
/// A migrated database, made by whoever comes first; each trial is a copy of it.
const TEMPLATE: &str = "kadian_template";
/// The database of a server from which others are made.
const MAINTENANCE: &str = "postgres";
/// How long a session that is cut off may take to end.
const PARTING_MS: u32 = 10_000;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// A record that says nothing, at a head of its own.
#[cfg(test)]
pub(super) fn record_row(id: RecordId) -> RecordRow {
    RecordRow {
        id: id.to_string(),
        scope_id: 1,
        head: i64::from(id.as_bytes()[0]),
        kind: "anything".to_owned(),
        parent: None,
        rev: 1,
        created_at: 1,
        time: 1,
        void: false,
        conflicted: false,
        body: vec![1, b'{', b'}'],
        run: 1,
    }
}

/// The server on which tests make their databases, if they are to run there.
pub fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// The URL of a fresh database, empty but for its tables.
pub fn url() -> Result<String, Error> {
    match server() {
        Some(server) => on_server(&server),
        None => Ok("sqlite::memory:".to_owned()),
    }
}

/// The URL of a fresh database that can be opened again and copied: the file, or one on the server.
pub fn lasting(file: &Path) -> Result<String, Error> {
    match server() {
        Some(server) => on_server(&server),
        None => Ok(url_of(file)),
    }
}

/// Makes a fresh database on a server, empty but for its tables, and returns its URL.
pub fn on_server(server: &str) -> Result<String, Error> {
    let template = template(server)?;
    let name = fresh_name();
    create(&mut connect(server)?, &name, &template)?;
    Ok(with_database(server, &name))
}

/// Makes a database on a server that is empty altogether, as an operator makes it.
pub fn bare(server: &str) -> Result<String, Error> {
    let name = fresh_name();
    create(&mut connect(server)?, &name, "template0")?;
    Ok(with_database(server, &name))
}

/// Copies a database to which nobody writes meanwhile: a file to `file`, one on a server, whose
/// sessions end by this, to another there.
pub fn copy(url: &str, file: &Path) -> Result<String, Error> {
    match Location::parse(url)? {
        Location::SqliteFile(from) => {
            copy_file(&from, file).map_err(unwritten)?;
            Ok(url_of(file))
        }
        Location::SqliteMemory => Err(Error::Unavailable("nobody can copy memory".to_owned())),
        Location::Postgres(_) => {
            let mut connection = connect(&with_database(url, MAINTENANCE))?;
            let name = fresh_name();
            cut_off(&mut connection, database_of(url))?;
            create(&mut connection, &name, database_of(url))?;
            Ok(with_database(url, &name))
        }
    }
}

/// Puts a copy in the place of the database that `url` names.
pub fn put_back(copy: &str, url: &str) -> Result<(), Error> {
    match (Location::parse(copy)?, Location::parse(url)?) {
        (Location::SqliteFile(from), Location::SqliteFile(to)) => {
            copy_file(&from, &to).map_err(unwritten)
        }
        (Location::Postgres(_), Location::Postgres(_)) => {
            remove(url)?;
            let mut connection = connect(&with_database(url, MAINTENANCE))?;
            cut_off(&mut connection, database_of(copy))?;
            create(&mut connection, database_of(url), database_of(copy))
        }
        _ => Err(Error::Unavailable("a copy of another sort".to_owned())),
    }
}

/// Takes a database on a server away, whoever is connected to it. Files go with their folder.
pub fn remove(url: &str) -> Result<(), Error> {
    if let Location::Postgres(_) = Location::parse(url)? {
        let name = database_of(url);
        connect(&with_database(url, MAINTENANCE))?
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    }
    Ok(())
}

/// Ends every session of a database on a server, as a network or an administrator does.
pub fn end_sessions(url: &str) -> Result<(), Error> {
    let mut connection = connect(&with_database(url, MAINTENANCE))?;
    cut_off(&mut connection, database_of(url))
}

/// From now on it is as if another server answered: one that may lack the newest commits.
pub fn answer_elsewhere(store: &Store) {
    store.shared.generation.fetch_add(1, Ordering::AcqRel);
}

/// How much has gone through the log of a database (of the whole server, where it is on one).
pub fn logged(url: &str) -> Result<i64, Error> {
    #[derive(QueryableByName)]
    struct Bytes {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    match Location::parse(url)? {
        Location::Postgres(_) => {
            let question =
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8 AS bytes";
            let row: Bytes = sql_query(question).get_result(&mut connect(url)?)?;
            Ok(row.bytes)
        }
        Location::SqliteFile(file) => {
            let log = std::fs::metadata(beside(&file, "wal"));
            Ok(log.map_or(0, |log| i64::try_from(log.len()).unwrap_or(i64::MAX)))
        }
        Location::SqliteMemory => Ok(0),
    }
}

fn template(server: &str) -> Result<String, Error> {
    let mut connection = connect(server)?;
    // Several test programs may begin at once; the lock goes with the connection.
    connection.batch_execute("SELECT pg_advisory_lock(1)")?;
    let found: Vec<Name> =
        sql_query("SELECT datname::text AS name FROM pg_database").load(&mut connection)?;
    if !found.iter().any(|row| row.name == TEMPLATE) {
        let building = format!("{TEMPLATE}_building");
        create(&mut connection, &building, "template0")?;
        Store::open(&with_database(server, &building), StoreOptions::default())?;
        cut_off(&mut connection, &building)?;
        connection.batch_execute(&format!("ALTER DATABASE {building} RENAME TO {TEMPLATE}"))?;
    }
    Ok(TEMPLATE.to_owned())
}

fn create(connection: &mut PgConnection, name: &str, template: &str) -> Result<(), Error> {
    // On a server that outlives its tests there may be one of a process that had the same number.
    connection.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    Ok(connection.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?)
}

fn cut_off(connection: &mut PgConnection, database: &str) -> Result<(), Error> {
    Ok(connection.batch_execute(&format!(
        "SELECT pg_terminate_backend(pid, {PARTING_MS}) FROM pg_stat_activity \
         WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    ))?)
}

fn connect(server: &str) -> Result<PgConnection, Error> {
    PgConnection::establish(server)
        .map_err(|_| Error::Unavailable("the server for trials does not answer".to_owned()))
}

fn fresh_name() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    format!("kadian_trial_{}_{number}", std::process::id())
}

/// The name of the database in a URL.
fn database_of(url: &str) -> &str {
    let path = url.split('?').next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

fn with_database(server: &str, name: &str) -> String {
    let (path, query) = server.split_once('?').unwrap_or((server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    let joint = if query.is_empty() { "" } else { "?" };
    format!("{base}/{name}{joint}{query}")
}

fn url_of(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// The bytes of a database file and of its log, in the place of what stood there.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    for what in ["wal", "shm"] {
        let _ = std::fs::remove_file(beside(to, what));
    }
    std::fs::copy(from, to)?;
    let log = beside(from, "wal");
    if log.exists() {
        std::fs::copy(log, beside(to, "wal"))?;
    }
    Ok(())
}

fn beside(file: &Path, what: &str) -> PathBuf {
    PathBuf::from(format!("{}-{what}", file.display()))
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Unavailable(format!("a throw-away file: {}", error.kind()))
}
