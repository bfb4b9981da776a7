//! Throw-away databases for tests: in memory, or, where `KADIAN_TEST_POSTGRES` names a server, a
//! database of its own there, so that one suite runs on both. They go with the server, which is
//! throw-away itself.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Error, Store, StoreOptions};

/// Names the server on which tests make their databases; SQLite where it is not set.
pub const SERVER: &str = "KADIAN_TEST_POSTGRES";
/// A migrated database, made by whoever comes first; each trial is a copy of it.
const TEMPLATE: &str = "kadian_template";

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The URL of a fresh database, empty but for its tables.
pub fn url() -> Result<String, Error> {
    match std::env::var(SERVER) {
        Ok(server) => on_server(&server),
        Err(_) => Ok("sqlite::memory:".to_owned()),
    }
}

/// Makes a fresh database on a server and returns its URL.
pub fn on_server(server: &str) -> Result<String, Error> {
    copy(server, &template(server)?)
}

/// Makes a database that is a copy of another, to which nobody is connected.
pub fn copy(server: &str, template: &str) -> Result<String, Error> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("kadian_trial_{}_{number}", std::process::id());
    let mut connection = connect(server)?;
    connection.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    connection.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
    Ok(with_database(server, &name))
}

/// Takes a database that was made here away, whoever is connected to it.
pub fn drop(server: &str, url: &str) -> Result<(), Error> {
    let name = database_of(url);
    Ok(connect(server)?.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?)
}

/// The name of the database in a URL.
pub fn database_of(url: &str) -> &str {
    let path = url.split('?').next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

fn template(server: &str) -> Result<String, Error> {
    let mut connection = connect(server)?;
    // Several test programs may begin at once; the lock goes with the connection.
    connection.batch_execute("SELECT pg_advisory_lock(1)")?;
    let found: Vec<Name> = sql_query("SELECT datname::text AS name FROM pg_database")
        .load(&mut connection)?;
    if !found.iter().any(|row| row.name == TEMPLATE) {
        let building = format!("{TEMPLATE}_building");
        connection.batch_execute(&format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)"))?;
        connection.batch_execute(&format!("CREATE DATABASE {building} TEMPLATE template0"))?;
        Store::open(&with_database(server, &building), StoreOptions::default())?;
        connection.batch_execute(&format!("ALTER DATABASE {building} RENAME TO {TEMPLATE}"))?;
    }
    Ok(TEMPLATE.to_owned())
}

fn connect(server: &str) -> Result<PgConnection, Error> {
    PgConnection::establish(server)
        .map_err(|_| Error::Unavailable("the server for trials does not answer".to_owned()))
}

fn with_database(server: &str, name: &str) -> String {
    let (path, query) = server.split_once('?').unwrap_or((server, ""));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    let joint = if query.is_empty() { "" } else { "?" };
    format!("{base}/{name}{joint}{query}")
}
