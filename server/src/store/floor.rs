//! The floor of a benchmark: the plainest store that loses nothing. One table, four indexes, one
//! upsert where the newest clock wins, and nothing else: no numbering, no rights, no merging, no
//! scopes, no counts. What the real store costs is told as a ratio to this, measured in the same
//! run on the same machine.
//!
//! SQLite: one thread, one transaction a batch, each on the disk before it is acknowledged.
//! PostgreSQL: two threads that share what waits, one statement and one transaction for all of it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::upsert::excluded;
use diesel::{PgConnection, SqliteConnection, sql_query};

use super::Error;

/// Rows that one PostgreSQL transaction takes at most.
const MOST_ROWS: usize = 5_000;
const WRITERS: usize = 2;

const SQLITE_TABLE: &str = "
CREATE TABLE IF NOT EXISTS entry (
    id     TEXT    NOT NULL PRIMARY KEY,
    scope  TEXT,
    kind   TEXT    NOT NULL,
    time   INTEGER NOT NULL,
    clock  TEXT    NOT NULL,
    device TEXT    NOT NULL,
    body   TEXT    NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_scope ON entry (scope, time);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, time);
CREATE INDEX IF NOT EXISTS entry_device ON entry (device);
";
const POSTGRES_TABLE: &str = "
CREATE TABLE IF NOT EXISTS entry (
    id     uuid   NOT NULL PRIMARY KEY,
    scope  text,
    kind   text   NOT NULL,
    time   bigint NOT NULL,
    clock  text   NOT NULL,
    device text   NOT NULL,
    body   jsonb  NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_scope ON entry (scope, time);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, time);
CREATE INDEX IF NOT EXISTS entry_device ON entry (device);
";
const POSTGRES_UPSERT: &str = "
INSERT INTO entry (id, scope, kind, time, clock, device, body)
SELECT i::uuid, s, k, t, c, d, b::jsonb
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
     AS new (i, s, k, t, c, d, b)
ON CONFLICT (id) DO UPDATE
SET time = excluded.time, clock = excluded.clock, device = excluded.device, body = excluded.body
WHERE entry.clock < excluded.clock";

diesel::table! {
    entry (id) {
        id -> Text,
        scope -> Nullable<Text>,
        kind -> Text,
        time -> BigInt,
        clock -> Text,
        device -> Text,
        body -> Text,
    }
}

/// One entry as the floor keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub scope: Option<String>,
    pub kind: String,
    pub time: i64,
    /// Compared as text: the greater one stands.
    pub clock: String,
    pub device: String,
    pub body: String,
}

/// Called with what became of a batch, once it is on the disk.
pub type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

struct Batch {
    entries: Vec<Entry>,
    answer: Answer,
}

/// The open floor.
pub struct Floor {
    queue: Option<Sender<Batch>>,
    writers: Vec<JoinHandle<()>>,
}

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Floor {
    /// Opens the database that `url` names and makes the table. SQLite folds its log into the file
    /// after `log_pages` pages; 1000 is what it does by itself.
    pub fn open(url: &str, log_pages: u32) -> Result<Self, Error> {
        let connections = match url.strip_prefix("sqlite://") {
            Some(path) => vec![open_sqlite(path, log_pages)?],
            None => (0..WRITERS)
                .map(|_| open_postgres(url))
                .collect::<Result<_, _>>()?,
        };
        let (queue, waiting) = channel();
        let waiting = std::sync::Arc::new(Mutex::new(waiting));
        let writers = connections
            .into_iter()
            .map(|connection| {
                let waiting = std::sync::Arc::clone(&waiting);
                std::thread::Builder::new()
                    .name("floor".to_owned())
                    .spawn(move || write(connection, &waiting))
            })
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            writers,
        })
    }

    /// Hands a batch to the writers.
    pub fn put(&self, entries: Vec<Entry>, answer: Answer) {
        let batch = Batch { entries, answer };
        if let Some(Err(refused)) = self.queue.as_ref().map(|queue| queue.send(batch)) {
            (refused.0.answer)(Err(Error::Busy));
        }
    }

    /// Has a batch written and waits for it.
    pub fn put_and_wait(&self, entries: Vec<Entry>) -> Result<(), Error> {
        let (tell, told) = channel();
        self.put(
            entries,
            Box::new(move |result| {
                let _ = tell.send(result);
            }),
        );
        told.recv().unwrap_or(Err(Error::Busy))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.queue = None;
        for writer in self.writers.drain(..) {
            let _ = writer.join();
        }
    }
}

fn open_sqlite(path: &str, log_pages: u32) -> Result<Database, Error> {
    let mut inner = SqliteConnection::establish(path)
        .map_err(|_| Error::Unavailable("the floor's file cannot be opened".to_owned()))?;
    inner.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = {log_pages}; {SQLITE_TABLE}"
    ))?;
    Ok(Database::Sqlite(inner))
}

fn open_postgres(url: &str) -> Result<Database, Error> {
    let mut inner = PgConnection::establish(url)
        .map_err(|_| Error::Unavailable("the floor's database cannot be opened".to_owned()))?;
    inner.batch_execute(POSTGRES_TABLE)?;
    Ok(Database::Postgres(inner))
}

fn write(mut connection: Database, waiting: &Mutex<Receiver<Batch>>) {
    while let Some(batches) = take(&connection, waiting) {
        let result = put(&mut connection, &batches);
        let failed = result.err().map(|error| error.to_string());
        for batch in batches {
            (batch.answer)(
                failed
                    .clone()
                    .map_or(Ok(()), |text| Err(Error::Unavailable(text))),
            );
        }
    }
}

/// What the next transaction takes; nothing once the floor is closed.
fn take(connection: &Database, waiting: &Mutex<Receiver<Batch>>) -> Option<Vec<Batch>> {
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let first = waiting.recv().ok()?;
    let mut rows = first.entries.len();
    let mut batches = vec![first];
    if matches!(connection, Database::Postgres(_)) {
        while rows < MOST_ROWS {
            let Ok(next) = waiting.try_recv() else { break };
            rows += next.entries.len();
            batches.push(next);
        }
    }
    Some(batches)
}

fn put(connection: &mut Database, batches: &[Batch]) -> Result<(), Error> {
    let mut entries = batches.iter().flat_map(|batch| &batch.entries);
    match connection {
        Database::Sqlite(inner) => {
            Ok(inner
                .immediate_transaction(|inner| entries.try_for_each(|one| put_one(inner, one)))?)
        }
        Database::Postgres(inner) => put_all(inner, &newest(entries)),
    }
}

fn put_one(inner: &mut SqliteConnection, one: &Entry) -> QueryResult<()> {
    use diesel::query_dsl::methods::FilterDsl as _;
    diesel::insert_into(entry::table)
        .values((
            entry::id.eq(&one.id),
            entry::scope.eq(&one.scope),
            entry::kind.eq(&one.kind),
            entry::time.eq(one.time),
            entry::clock.eq(&one.clock),
            entry::device.eq(&one.device),
            entry::body.eq(&one.body),
        ))
        .on_conflict(entry::id)
        .do_update()
        .set((
            entry::time.eq(excluded(entry::time)),
            entry::clock.eq(excluded(entry::clock)),
            entry::device.eq(excluded(entry::device)),
            entry::body.eq(excluded(entry::body)),
        ))
        .filter(entry::clock.lt(excluded(entry::clock)))
        .execute(inner)
        .map(|_| ())
}

/// One statement may touch a row once, and two writers must take rows in one order.
fn newest<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a Entry> {
    let mut newest = BTreeMap::<&str, &Entry>::new();
    for one in entries {
        let held = newest.entry(&one.id).or_insert(one);
        if held.clock < one.clock {
            *held = one;
        }
    }
    newest.into_values().collect()
}

fn put_all(inner: &mut PgConnection, entries: &[&Entry]) -> Result<(), Error> {
    fn column<'a, T>(entries: &[&'a Entry], of: impl Fn(&'a Entry) -> T) -> Vec<T> {
        entries.iter().map(|one| of(one)).collect()
    }
    sql_query(POSTGRES_UPSERT)
        .bind::<Array<Text>, _>(column(entries, |one| one.id.as_str()))
        .bind::<Array<Nullable<Text>>, _>(column(entries, |one| one.scope.as_deref()))
        .bind::<Array<Text>, _>(column(entries, |one| one.kind.as_str()))
        .bind::<Array<BigInt>, _>(column(entries, |one| one.time))
        .bind::<Array<Text>, _>(column(entries, |one| one.clock.as_str()))
        .bind::<Array<Text>, _>(column(entries, |one| one.device.as_str()))
        .bind::<Array<Text>, _>(column(entries, |one| one.body.as_str()))
        .execute(inner)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_of(id: u8, clock: &str, body: &str) -> Entry {
        Entry {
            id: format!("01a20088-0000-7000-8000-0000000000{id:02x}"),
            scope: Some("checkpoint:S001".to_owned()),
            kind: "note".to_owned(),
            time: 1,
            clock: clock.to_owned(),
            device: "1000".to_owned(),
            body: format!("{{\"text\":\"{body}\"}}"),
        }
    }

    #[test]
    fn the_newest_clock_stands_whatever_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floor.sqlite");
        let floor = Floor::open(&format!("sqlite://{}", path.display()), 1000).unwrap();
        floor
            .put_and_wait(vec![entry_of(1, "b", "second"), entry_of(2, "a", "only")])
            .unwrap();
        floor.put_and_wait(vec![entry_of(1, "a", "first")]).unwrap();
        drop(floor);
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let bodies: Vec<String> = entry::table
            .order(entry::id)
            .select(entry::body)
            .load(&mut connection)
            .unwrap();
        assert_eq!(bodies, ["{\"text\":\"second\"}", "{\"text\":\"only\"}"]);
    }

    #[test]
    fn one_statement_gets_each_row_once_and_in_order() {
        let (late, early) = (entry_of(2, "b", "late"), entry_of(2, "a", "early"));
        let other = entry_of(1, "a", "other");
        assert_eq!(newest([&early, &other, &late].into_iter()), [&other, &late]);
        assert_eq!(newest([&late, &other, &early].into_iter()), [&other, &late]);
    }
}
