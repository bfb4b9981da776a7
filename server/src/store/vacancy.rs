//! Whether there is room for a restored copy: what a database holds that would be lost, and whether
//! somebody works with it. A part of [`super::dialect`]: it may ask which database it is.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use std::path::Path;

use super::copying::{Cell, postgres, sqlite};
use super::dialect::Connection;
use super::schema::{account, area, parked, record};
use super::{Error, devices};

/// What stands where a copy is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or a database without people, areas, phones and records.
    Nothing,
    /// A database that nobody works with.
    Data,
    /// Something that cannot be read.
    Damaged,
    /// A database that somebody works with.
    InUse,
}

/// Whether nobody and nothing is in it.
pub fn is_empty(c: &mut Connection) -> Result<bool, Error> {
    let people: i64 = account::table.count().get_result(c)?;
    let areas: i64 = area::table.count().get_result(c)?;
    let records: i64 = record::table.count().get_result(c)?;
    let aside: i64 = parked::table.count().get_result(c)?;
    Ok(people + areas + records + aside + devices::count(c)? == 0)
}

/// Whether somebody else works with the database of this connection.
pub fn is_in_use(c: &mut Connection) -> Result<bool, Error> {
    match c {
        // Who holds the writing transaction of a file is alone in it; `look_at_file` says the rest.
        Connection::Sqlite(_) => Ok(false),
        Connection::Postgres(inner) => postgres::is_shared(inner),
    }
}

/// Looks at a database file. One that nobody works with is left without its log, so that it is one
/// file that can be put aside.
pub fn look_at_file(path: &Path) -> Result<Found, Error> {
    let name = path
        .to_str()
        .ok_or_else(|| Error::Unavailable("the path of the database is not UTF-8".to_owned()))?;
    if std::fs::metadata(path).map_or(true, |data| data.len() == 0) {
        return Ok(Found::Nothing);
    }
    let Ok(mut inner) = SqliteConnection::establish(name) else {
        return Ok(Found::Damaged);
    };
    // Leaving the log needs the file alone, which is how one who works with it is noticed.
    let alone = inner
        .batch_execute("PRAGMA busy_timeout = 0;")
        .map_err(Error::from)
        .and_then(|()| sqlite::load(&mut inner, "PRAGMA journal_mode = DELETE", &[]));
    match alone {
        Err(Error::Busy) => return Ok(Found::InUse),
        Err(_) => return Ok(Found::Damaged),
        Ok(rows)
            if rows
                .first()
                .is_none_or(|row| row.0 != [Cell::Text("delete".to_owned())]) =>
        {
            return Ok(Found::InUse);
        }
        Ok(_) => {}
    }
    let tables = "SELECT name FROM sqlite_schema WHERE name = 'account'";
    match sqlite::load(&mut inner, tables, &[]) {
        Ok(rows) if rows.is_empty() => return Ok(Found::Nothing),
        Ok(_) => {}
        Err(_) => return Ok(Found::Damaged),
    }
    Ok(match is_empty(&mut Connection::Sqlite(inner)) {
        Ok(true) => Found::Nothing,
        Ok(false) => Found::Data,
        Err(_) => Found::Damaged,
    })
}
