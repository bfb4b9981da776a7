//! What only PostgreSQL has: settings of a session, the lock that writers share, sequences that
//! must follow numbers which were not taken from them.

use diesel::connection::{Connection as _, SimpleConnection};
use diesel::prelude::*;
use diesel::{sql_query, sql_types};

use super::{Company, Purpose};
use crate::store::{Durability, Error, StoreOptions};

/// The oldest version that is used.
const OLDEST: i32 = 140_000;
/// No statement of a request takes as long as this.
const STATEMENT_MS: u32 = 60_000;

/// Opens a session and sets it up.
pub(super) fn connect(
    conninfo: &str,
    purpose: Purpose,
    options: &StoreOptions,
) -> Result<PgConnection, Error> {
    // What libpq says names hosts and users, and the password of nobody; but it is not ours.
    let mut connection = PgConnection::establish(conninfo).map_err(|error| {
        tracing::warn!(%error, "the database does not let this process in");
        Error::Unavailable("the database cannot be reached".to_owned())
    })?;
    connection.batch_execute(&settings(purpose, options))?;
    let version: Number = sql_query("SELECT current_setting('server_version_num')::int8 AS number")
        .get_result(&mut connection)?;
    if version.number < i64::from(OLDEST) {
        return Err(Error::Unavailable(format!(
            "PostgreSQL {} is older than 14",
            version.number / 10_000
        )));
    }
    Ok(connection)
}

/// The settings of a session. `synchronous_commit` is the server's own (a standby may be waited
/// for), but never less than the disk here: what is acknowledged is there (I19).
fn settings(purpose: Purpose, options: &StoreOptions) -> String {
    let synchronous = match options.durability {
        Durability::Full => {
            "SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') \
             IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, false);"
        }
        Durability::OffForSimulationsOnly => "SET synchronous_commit = off;",
    };
    // A fold asks for rows by their keys and for nothing else: what it asks is planned once, and not anew
    // for each list of keys, and never as a walk through a table that was small when it was planned.
    let purpose = match purpose {
        Purpose::Read => "SET default_transaction_read_only = on;",
        Purpose::Write => "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;",
    };
    format!(
        "SET client_min_messages = warning; SET timezone = 'UTC'; SET jit = off; \
         SET statement_timeout = {STATEMENT_MS}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {STATEMENT_MS}; {synchronous} {purpose}",
        lock = options.busy_timeout.as_millis(),
    )
}

/// Two connections that are open at the same time stand before two processes of the server, unless
/// something between lends one to whoever asks next.
pub(super) fn refuse_lent_sessions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<(), Error> {
    let process = |connection: &mut PgConnection| {
        sql_query("SELECT pg_backend_pid()::int8 AS number").get_result::<Number>(connection)
    };
    if process(first)?.number == process(second)?.number {
        return Err(Error::Unavailable(
            "the database is reached through a pooler that lends sessions by transaction; set pool_mode = session there, or name the database itself"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Which start of which server this is: a promoted standby, or the same server after a crash, is
/// another.
pub(super) fn identity(connection: &mut PgConnection) -> Result<String, Error> {
    let row: Text =
        sql_query("SELECT pg_postmaster_start_time()::text AS text").get_result(connection)?;
    Ok(row.text)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

/// The words that begin a writing transaction, in one trip to the server. One lock stands above all
/// rows (its key is `kadian` and a 1, in ASCII): folds share it, everything else takes it alone. Locks
/// of this sort belong to one database. What is written alone may take its time (an import), and ask
/// for anything: only waiting for the lock is bounded then, and each statement is planned for what it asks,
/// so that no plan of its stays with the session.
pub(super) const fn begin_write(company: Company) -> &'static str {
    match company {
        Company::Beside => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(30224906400656897)"
        }
        Company::Alone => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(30224906400656897); \
             SET LOCAL statement_timeout = 0; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
        }
    }
}

/// One process migrates at a time. The lock is the session's, as each migration has a transaction;
/// the session is closed afterwards, for it has no time-outs left and walks through whole tables.
pub(super) const LOCK_MIGRATIONS: &str = "SET lock_timeout = 0; SET statement_timeout = 0; SET enable_seqscan = on; \
     SELECT pg_advisory_lock(30224906400656898)";
pub(super) const UNLOCK_MIGRATIONS: &str = "SELECT pg_advisory_unlock(30224906400656898)";

pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) fn describe(connection: &mut PgConnection) -> Result<String, Error> {
    let row: Text =
        sql_query("SELECT current_setting('server_version') AS text").get_result(connection)?;
    Ok(format!("PostgreSQL {}", row.text))
}

/// Settings of the server under which what is acknowledged can be lost, and checksums that failed.
pub(super) fn examine(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (setting, wanted) in [("fsync", "on"), ("full_page_writes", "on")] {
        let row: Text = sql_query("SELECT current_setting($1) AS text")
            .bind::<sql_types::Text, _>(setting)
            .get_result(connection)?;
        if row.text != wanted {
            found.push(format!("the server runs with {setting} = {}", row.text));
        }
    }
    let failed: Number = sql_query(
        "SELECT coalesce(sum(checksum_failures), 0)::int8 AS number FROM pg_stat_database \
         WHERE datname = current_database()",
    )
    .get_result(connection)?;
    if failed.number > 0 {
        found.push(format!("{} pages had a wrong checksum", failed.number));
    }
    Ok(found)
}

/// Lets a sequence go on above every number that a table holds, where some were not taken from it.
pub(super) fn follow(
    connection: &mut PgConnection,
    table: &str,
    column: &str,
    least: i64,
) -> Result<(), Error> {
    // Never backwards: a number that was given out may be gone from the table.
    let advance = format!(
        "SELECT setval(s.name, greatest((SELECT coalesce(max(\"{column}\"), 0) FROM \"{table}\"), \
         pg_sequence_last_value(s.name), {least})) FROM (SELECT pg_get_serial_sequence('\"{table}\"', \
         '{column}')::regclass AS name) s"
    );
    connection.batch_execute(&advance)?;
    Ok(())
}
