//! Whole tables out of and into SQLite.

use diesel::deserialize::{FromSql, QueryableByName, Result as Built};
use diesel::prelude::*;
use diesel::row::{Field as _, NamedRow};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType};

use super::{CELLS, Cell, Row, Sort, Table};
use crate::store::Error;

impl QueryableByName<Sqlite> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> Built<Self> {
        let mut cells = Vec::with_capacity(row.field_count());
        for place in 0..row.field_count() {
            let field = diesel::row::Row::get(row, place).ok_or("a row is too short")?;
            let Some(value) = field.value() else {
                cells.push(Cell::Null);
                continue;
            };
            cells.push(match value.value_type() {
                None => Cell::Null,
                Some(SqliteType::Text) => {
                    Cell::Text(<String as FromSql<Text, Sqlite>>::from_sql(value)?)
                }
                Some(SqliteType::Binary) => {
                    Cell::Bytes(<Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?)
                }
                Some(SqliteType::SmallInt | SqliteType::Integer | SqliteType::Long) => {
                    Cell::Whole(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
                }
                Some(_) => return Err("a value of a sort that no table has".into()),
            });
        }
        Ok(Self(cells))
    }
}

/// The rows that a query gives.
pub(in crate::store) fn load(
    connection: &mut SqliteConnection,
    text: &str,
    values: &[Cell],
) -> Result<Vec<Row>, Error> {
    Ok(bound(text, values).load(connection)?)
}

pub(in crate::store) fn execute(
    connection: &mut SqliteConnection,
    text: &str,
    values: &[Cell],
) -> Result<usize, Error> {
    Ok(bound(text, values).execute(connection)?)
}

type Bound<'a> = diesel::query_builder::BoxedSqlQuery<'a, Sqlite, diesel::query_builder::SqlQuery>;

fn bound<'a>(text: &str, values: &'a [Cell]) -> Bound<'a> {
    let query = sql_query(text).into_boxed::<Sqlite>();
    values.iter().fold(query, bind)
}

fn bind<'a>(query: Bound<'a>, cell: &'a Cell) -> Bound<'a> {
    match cell {
        Cell::Null => query.bind::<Nullable<BigInt>, _>(None::<i64>),
        Cell::Whole(number) => query.bind::<BigInt, _>(number),
        Cell::Text(text) => query.bind::<Text, _>(text),
        Cell::Bytes(bytes) => query.bind::<Binary, _>(bytes),
    }
}

/// Writes rows, several in a statement.
pub(super) fn put(
    connection: &mut SqliteConnection,
    table: &Table,
    rows: &[Row],
) -> Result<(), Error> {
    let width = table.columns.len().max(1);
    for rows in rows.chunks((CELLS / width).max(1)) {
        let one = format!("({})", vec!["?"; width].join(", "));
        let text = format!(
            "INSERT INTO \"{}\" ({}) VALUES {}",
            table.name,
            table.column_names(),
            vec![one.as_str(); rows.len()].join(", ")
        );
        let query = rows
            .iter()
            .flat_map(|row| &row.0)
            .fold(sql_query(text).into_boxed::<Sqlite>(), bind);
        query.execute(connection)?;
    }
    Ok(())
}

/// Empties tables, those first that refer to others.
pub(super) fn clear(connection: &mut SqliteConnection, tables: &[Table]) -> Result<(), Error> {
    for table in tables.iter().rev() {
        execute(connection, &format!("DELETE FROM \"{}\"", table.name), &[])?;
    }
    Ok(())
}

/// The tables that the migrations made, each after those that it refers to.
pub(in crate::store) fn tables(connection: &mut SqliteConnection) -> Result<Vec<Table>, Error> {
    let found = load(
        connection,
        "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE type = 'table' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' \
         ORDER BY rowid",
        &[],
    )?;
    let mut tables = Vec::with_capacity(found.len());
    for row in found {
        let [Cell::Text(name), Cell::Whole(counted)] = row.0.as_slice() else {
            return Err(unreadable());
        };
        let mut table = Table {
            name: name.clone(),
            columns: Vec::new(),
            key: Vec::new(),
            counted: *counted == 1,
        };
        let mut key = Vec::new();
        let columns = load(
            connection,
            "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid",
            &[Cell::Text(name.clone())],
        )?;
        for (place, column) in columns.into_iter().enumerate() {
            let [Cell::Text(name), Cell::Text(sort), Cell::Whole(of_key)] = column.0.as_slice()
            else {
                return Err(unreadable());
            };
            let sort = match sort.as_str() {
                "INTEGER" => Sort::Whole,
                "TEXT" => Sort::Text,
                "BLOB" => Sort::Bytes,
                _ => return Err(unreadable()),
            };
            table.columns.push((name.clone(), sort));
            if *of_key > 0 {
                key.push((*of_key, place));
            }
        }
        key.sort_unstable();
        table.key = key.into_iter().map(|(_, place)| place).collect();
        tables.push(table);
    }
    Ok(tables)
}

pub(super) fn last_number(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Option<i64>, Error> {
    let rows = load(
        connection,
        "SELECT seq FROM sqlite_sequence WHERE name = $1",
        &[Cell::Text(table.name.clone())],
    )?;
    Ok(rows.first().and_then(|row| match row.0.first() {
        Some(Cell::Whole(number)) => Some(*number),
        _ => None,
    }))
}

pub(super) fn raise_number(
    connection: &mut SqliteConnection,
    table: &Table,
    to: i64,
) -> Result<(), Error> {
    let values = [Cell::Whole(to), Cell::Text(table.name.clone())];
    match last_number(connection, table)? {
        Some(last) if last >= to => 0,
        Some(_) => execute(
            connection,
            "UPDATE sqlite_sequence SET seq = $1 WHERE name = $2",
            &values,
        )?,
        None => execute(
            connection,
            "INSERT INTO sqlite_sequence (seq, name) VALUES ($1, $2)",
            &values,
        )?,
    };
    Ok(())
}

fn unreadable() -> Error {
    Error::Corrupt("the tables of a copy are not those of this program".to_owned())
}
