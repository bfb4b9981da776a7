//! A database file that stands for itself: what a backup writes and a restore reads. It is SQLite,
//! whatever it was copied from, with the tables of this program and, beside them, a copy of the side
//! ledger and a few facts about the copy itself. Nothing waits for the disk while it is filled: who makes it syncs it, or throws it away.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::sqlite::SqliteConnection;
use std::io::{Read, Write};
use std::path::Path;

use super::copying::{Cell, Table, sqlite};
use super::dialect::{self, Connection};
use super::{Error, copying};

/// What the names of tables begin with that only a copy has.
const OWN: &str = "copy_";
/// The ledger's bytes, in pieces; and what is to be known of the copy.
const OWN_TABLES: &str = "\
    CREATE TABLE copy_ledger (at INTEGER NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) STRICT; \
    CREATE TABLE copy_fact (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;";
const PIECE: usize = 64 * 1024;

/// An open file.
pub struct Portable {
    connection: Connection,
}

impl Portable {
    /// Makes the tables in an empty file, to be filled and then [finished](Self::finish).
    pub fn create(path: &Path) -> Result<Self, Error> {
        let mut portable = Self::connect(path)?;
        let inner = portable.inner()?;
        // Whatever breaks off is thrown away whole, so there is nothing to roll back to.
        inner.batch_execute("PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE;")?;
        dialect::migrate(&mut portable.connection)?;
        // The indexes stand from the beginning: to make them at the end, SQLite would sort in memory, or
        // in a file that may not be where this one may.
        portable
            .inner()?
            .batch_execute(&format!("BEGIN; {OWN_TABLES}"))?;
        Ok(portable)
    }

    /// Opens a file that was finished.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::connect(path)
    }

    fn connect(path: &Path) -> Result<Self, Error> {
        let name = path
            .to_str()
            .ok_or_else(|| Error::Unavailable("the path of the copy is not UTF-8".to_owned()))?;
        let mut inner = SqliteConnection::establish(name)
            .map_err(|_| Error::Unavailable("the copy cannot be opened".to_owned()))?;
        inner.batch_execute(
            "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; \
             PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;",
        )?;
        Ok(Self {
            connection: Connection::Sqlite(inner),
        })
    }

    fn inner(&mut self) -> Result<&mut SqliteConnection, Error> {
        match &mut self.connection {
            Connection::Sqlite(inner) => Ok(inner),
            Connection::Postgres(_) => Err(Error::Corrupt("a copy is a file".to_owned())),
        }
    }

    /// For queries that know tables.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Ends filling it in. The file is whole then, though not yet on the disk.
    pub fn finish(mut self) -> Result<(), Error> {
        Ok(self.inner()?.batch_execute("COMMIT;")?)
    }

    /// The tables, each after those that it refers to.
    pub(super) fn tables(&mut self) -> Result<Vec<Table>, Error> {
        let mut tables = sqlite::tables(self.inner()?)?;
        tables.retain(|table| !table.name.starts_with(OWN));
        Ok(tables)
    }

    /// How many rows each table has.
    pub fn counts(&mut self) -> Result<Vec<(String, i64)>, Error> {
        let tables = self.tables()?;
        let count = |table: &Table| {
            let rows = copying::count(&mut self.connection, table)?;
            Ok((table.name.clone(), rows))
        };
        tables.iter().map(count).collect()
    }

    /// Whether a copy that an older or this program made: migrations that this program does not
    /// bring were applied by a later one.
    pub fn is_of_later_program(&mut self) -> Result<bool, Error> {
        Ok(!dialect::later(&mut self.connection)?.is_empty())
    }

    /// Migrations that the copy lacks.
    pub fn pending_migrations(&mut self) -> Result<Vec<String>, Error> {
        dialect::pending(&mut self.connection)
    }

    /// Brings a copy of an older program up to this one.
    pub fn migrate(&mut self) -> Result<Vec<String>, Error> {
        dialect::migrate(&mut self.connection)
    }

    /// What is damaged, or refers to what is not there.
    pub fn examine(&mut self) -> Result<Vec<String>, Error> {
        let mut faults = dialect::examine(&mut self.connection)?;
        let dangling = sqlite::load(
            self.inner()?,
            "SELECT DISTINCT \"table\" FROM pragma_foreign_key_check",
            &[],
        )?;
        for row in dangling {
            if let Some(Cell::Text(table)) = row.0.into_iter().next() {
                faults.push(format!("rows of {table} refer to what is not there"));
            }
        }
        Ok(faults)
    }

    /// Keeps the ledger, as it stands, byte for byte.
    pub fn keep_ledger(&mut self, ledger: &mut impl Read) -> Result<u64, Error> {
        let inner = self.inner()?;
        let mut at = 0_i64;
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            ledger
                .take(PIECE as u64)
                .read_to_end(&mut piece)
                .map_err(|error| {
                    Error::Unavailable(format!("the ledger cannot be read: {}", error.kind()))
                })?;
            if piece.is_empty() {
                return Ok(at.unsigned_abs());
            }
            let length = i64::try_from(piece.len()).unwrap_or(i64::MAX);
            let text = "INSERT INTO copy_ledger (at, bytes) VALUES ($1, $2)";
            sqlite::execute(inner, text, &[Cell::Whole(at), Cell::Bytes(piece)])?;
            at = at.saturating_add(length);
        }
    }

    /// How long the kept ledger is.
    pub fn ledger_length(&mut self) -> Result<u64, Error> {
        let text = "SELECT coalesce(max(at + length(bytes)), 0) FROM copy_ledger";
        let rows = sqlite::load(self.inner()?, text, &[])?;
        match rows.first().and_then(|row| row.0.first()) {
            Some(Cell::Whole(length)) => Ok(length.unsigned_abs()),
            _ => Err(Error::Corrupt("the kept ledger".to_owned())),
        }
    }

    /// Writes the kept ledger out.
    pub fn write_ledger(&mut self, to: &mut impl Write) -> Result<(), Error> {
        let mut after = -1;
        loop {
            let text = "SELECT at, bytes FROM copy_ledger WHERE at > $1 ORDER BY at LIMIT 1";
            let rows = sqlite::load(self.inner()?, text, &[Cell::Whole(after)])?;
            let Some(row) = rows.into_iter().next() else {
                return Ok(());
            };
            let [Cell::Whole(at), Cell::Bytes(piece)] = row.0.as_slice() else {
                return Err(Error::Corrupt("the kept ledger".to_owned()));
            };
            after = *at;
            to.write_all(piece).map_err(|error| {
                Error::Unavailable(format!("the ledger cannot be written: {}", error.kind()))
            })?;
        }
    }

    /// Notes something about the copy.
    pub fn note(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let text = "INSERT INTO copy_fact (name, value) VALUES ($1, $2)";
        let values = [Cell::Text(name.to_owned()), Cell::Text(value.to_owned())];
        sqlite::execute(self.inner()?, text, &values).map(|_| ())
    }

    /// What was noted about the copy.
    pub fn noted(&mut self, name: &str) -> Result<Option<String>, Error> {
        let text = "SELECT value FROM copy_fact WHERE name = $1";
        let rows = sqlite::load(self.inner()?, text, &[Cell::Text(name.to_owned())])?;
        Ok(rows
            .into_iter()
            .find_map(|row| match row.0.into_iter().next() {
                Some(Cell::Text(value)) => Some(value),
                _ => None,
            }))
    }

    /// Whether a backup made it: a database file that somebody copied by hand has no ledger inside.
    pub fn is_backup(&mut self) -> Result<bool, Error> {
        let text = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'copy_fact'";
        Ok(!sqlite::load(self.inner()?, text, &[])?.is_empty())
    }

    /// Makes it a database like any other: what only a copy has goes. All of it is in the one file then:
    /// the log that a file copied by hand may have brought is folded in.
    pub fn settle_down(&mut self) -> Result<(), Error> {
        let inner = self.inner()?;
        inner.batch_execute("DROP TABLE IF EXISTS copy_ledger; DROP TABLE IF EXISTS copy_fact;")?;
        let mode = sqlite::load(inner, "PRAGMA journal_mode = DELETE", &[])?;
        match mode.first().and_then(|row| row.0.first()) {
            Some(Cell::Text(mode)) if mode == "delete" => Ok(()),
            _ => Err(Error::Unavailable(
                "the log of the copy cannot be folded into it".to_owned(),
            )),
        }
    }

    /// Lets every number that the database gives out go on far above the last one: what was given
    /// out after the copy was made is given to nobody else.
    pub fn leap_numbers(&mut self, by: i64) -> Result<(), Error> {
        for table in self.tables()?.iter().filter(|table| table.counted) {
            let last = copying::last_number(&mut self.connection, table)?.unwrap_or(0);
            copying::raise_number(&mut self.connection, table, last.saturating_add(by))?;
        }
        // A server process numbers what it writes itself by its `ack`.
        let text = "UPDATE device SET ack = ack + $1 WHERE number <= $2";
        let values = [by, i64::from(super::devices::LAST_PROCESS)].map(Cell::Whole);
        sqlite::execute(self.inner()?, text, &values).map(|_| ())
    }
}
