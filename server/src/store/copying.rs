//! Whole tables, row by row, from one database into another of whichever sort: what a backup and a
//! restore consist of. Rows travel as [`Cell`]s, so that a table or a column that a migration adds
//! is copied without a word here. A part of [`super::dialect`]: it may ask which database it is.
//!
//! Names of tables and columns come from the migrations of this program, never from outside.

pub(super) mod postgres;
pub(super) mod sqlite;
#[cfg(test)]
mod tests;

use super::dialect::Connection;
use super::{Error, portable::Portable};

/// Rows asked for at once. A record has 64 KiB at most, so this is what bounds the memory.
const PAGE: usize = 1000;
/// Cells written in one statement.
const CELLS: usize = 2000;

/// A value between two databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    /// Also of a boolean: 0 or 1.
    Whole(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row, in the order of the table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Cell>);

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Whole,
    Text,
    Bytes,
}

/// A table as the migrations make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<(String, Sort)>,
    /// The places of the columns of the primary key, in its order.
    pub key: Vec<usize>,
    /// Whether the key is counted up by the database, and no number ever comes twice.
    pub counted: bool,
}

impl Table {
    fn key_of(&self, row: &Row) -> Vec<Cell> {
        let cells = self.key.iter().filter_map(|place| row.0.get(*place));
        cells.cloned().collect()
    }

    fn key_names(&self) -> String {
        let names = self.key.iter().filter_map(|place| self.columns.get(*place));
        list(names.map(|(name, _)| name.as_str()))
    }

    fn column_names(&self) -> String {
        list(self.columns.iter().map(|(name, _)| name.as_str()))
    }

    /// The next page in the order of the key; `after` says that there is one before it.
    fn page(&self, after: bool) -> String {
        let key = self.key_names();
        let above = if after {
            let marks: Vec<String> = (1..=self.key.len()).map(|n| format!("${n}")).collect();
            format!(" WHERE ({key}) > ({})", marks.join(", "))
        } else {
            String::new()
        };
        format!(
            "SELECT {} FROM \"{}\"{above} ORDER BY {key} LIMIT {PAGE}",
            self.column_names(),
            self.name
        )
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

/// Copies all tables of an open snapshot into the file. Returns how many rows the snapshot has of
/// each, counted there and not here.
pub fn save(from: &mut Connection, to: &mut Portable) -> Result<Vec<(String, i64)>, Error> {
    let tables = to.tables()?;
    let mut counts = Vec::with_capacity(tables.len());
    for table in &tables {
        each_page(from, table, |rows| put(to.connection(), table, rows))?;
        counts.push((table.name.clone(), count(from, table)?));
    }
    // Read after the rows: a number that was given out meanwhile is not given out again either.
    for table in tables.iter().filter(|table| table.counted) {
        if let Some(last) = last_number(from, table)? {
            raise_number(to.connection(), table, last)?;
        }
    }
    Ok(counts)
}

/// Copies all tables of the file into a database, inside the writing transaction; what was there is
/// gone.
pub fn load(from: &mut Portable, to: &mut Connection) -> Result<(), Error> {
    let tables = from.tables()?;
    clear(to, &tables)?;
    for table in &tables {
        each_page(from.connection(), table, |rows| put(to, table, rows))?;
        if table.counted
            && let Some(last) = last_number(from.connection(), table)?
        {
            raise_number(to, table, last)?;
        }
    }
    Ok(())
}

/// Runs through a table in pages, by its key.
pub(super) fn each_page(
    connection: &mut Connection,
    table: &Table,
    mut take: impl FnMut(&[Row]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after: Vec<Cell> = Vec::new();
    loop {
        let text = table.page(!after.is_empty());
        let rows = ask(connection, &text, &after)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = table.key_of(last);
        let more = rows.len() == PAGE;
        take(&rows)?;
        if !more {
            return Ok(());
        }
    }
}

/// The rows that a query gives, which both databases read alike.
pub(super) fn ask(
    connection: &mut Connection,
    text: &str,
    values: &[Cell],
) -> Result<Vec<Row>, Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::load(inner, text, values),
        Connection::Postgres(inner) => postgres::load(inner, text, values),
    }
}

/// Writes rows that are not there yet.
pub(super) fn put(connection: &mut Connection, table: &Table, rows: &[Row]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::put(inner, table, rows),
        Connection::Postgres(inner) => postgres::put(inner, table, rows),
    }
}

/// Empties tables.
fn clear(connection: &mut Connection, tables: &[Table]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::clear(inner, tables),
        Connection::Postgres(inner) => postgres::clear(inner, tables),
    }
}

/// How many rows a table has.
pub(super) fn count(connection: &mut Connection, table: &Table) -> Result<i64, Error> {
    let text = format!("SELECT count(*) FROM \"{}\"", table.name);
    let rows = ask(connection, &text, &[])?;
    match rows.first().and_then(|row| row.0.first()) {
        Some(Cell::Whole(count)) => Ok(*count),
        _ => Err(Error::Corrupt("a count is no number".to_owned())),
    }
}

/// The greatest number that the database has given out for a table, whether its row still stands or not.
pub(super) fn last_number(
    connection: &mut Connection,
    table: &Table,
) -> Result<Option<i64>, Error> {
    let last = match connection {
        Connection::Sqlite(inner) => sqlite::last_number(inner, table)?,
        Connection::Postgres(inner) => postgres::last_number(inner, table)?,
    };
    // SQLite notes a 0 for what inserted nothing.
    Ok(last.filter(|last| *last > 0))
}

/// Goes on above this number.
pub(super) fn raise_number(
    connection: &mut Connection,
    table: &Table,
    to: i64,
) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::raise_number(inner, table, to),
        Connection::Postgres(inner) => postgres::raise_number(inner, table, to),
    }
}
