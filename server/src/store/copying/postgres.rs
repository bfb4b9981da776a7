//! Whole tables out of and into PostgreSQL.

use diesel::deserialize::{FromSql, QueryableByName, Result as Built};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::{Field as _, NamedRow};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use super::{Cell, Row, Sort, Table};
use crate::store::Error;

// The numbers by which PostgreSQL knows the types that the tables are made of.
const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const TEXT: u32 = 25;

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> Built<Self> {
        let mut cells = Vec::with_capacity(row.field_count());
        for place in 0..row.field_count() {
            let field = diesel::row::Row::get(row, place).ok_or("a row is too short")?;
            let Some(value) = field.value() else {
                cells.push(Cell::Null);
                continue;
            };
            cells.push(match value.get_oid().get() {
                BOOL => Cell::Whole(<bool as FromSql<Bool, Pg>>::from_sql(value)?.into()),
                INT8 => Cell::Whole(<i64 as FromSql<BigInt, Pg>>::from_sql(value)?),
                TEXT => Cell::Text(<String as FromSql<Text, Pg>>::from_sql(value)?),
                BYTEA => Cell::Bytes(<Vec<u8> as FromSql<Binary, Pg>>::from_sql(value)?),
                _ => return Err("a value of a sort that no table has".into()),
            });
        }
        Ok(Self(cells))
    }
}

type Bound<'a> = diesel::query_builder::BoxedSqlQuery<'a, Pg, diesel::query_builder::SqlQuery>;

/// The rows that a query gives.
pub(super) fn load(
    connection: &mut PgConnection,
    text: &str,
    values: &[Cell],
) -> Result<Vec<Row>, Error> {
    let query = sql_query(text).into_boxed::<Pg>();
    let bound = values
        .iter()
        .fold(query, |query: Bound<'_>, cell| match cell {
            Cell::Null => query.bind::<Nullable<BigInt>, _>(None::<i64>),
            Cell::Whole(number) => query.bind::<BigInt, _>(number),
            Cell::Text(text) => query.bind::<Text, _>(text),
            Cell::Bytes(bytes) => query.bind::<Binary, _>(bytes),
        });
    Ok(bound.load(connection)?)
}

/// Writes rows: an array for each column, unnested by the server.
pub(super) fn put(connection: &mut PgConnection, table: &Table, rows: &[Row]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let booleans = booleans(connection, table)?;
    let marks: Vec<String> = (1..=table.columns.len()).map(|n| format!("${n}")).collect();
    let text = format!(
        "INSERT INTO \"{}\" ({}) SELECT * FROM unnest({})",
        table.name,
        table.column_names(),
        marks.join(", ")
    );
    let query = sql_query(text).into_boxed::<Pg>();
    let columns = table.columns.iter().enumerate();
    let bound = columns.fold(query, |query: Bound<'_>, (place, (name, sort))| {
        let cells = rows.iter().map(|row| row.0.get(place));
        match sort {
            Sort::Whole if booleans.contains(name) => query.bind::<Array<Nullable<Bool>>, _>(
                cells
                    .map(|cell| whole(cell).map(|number| number != 0))
                    .collect::<Vec<_>>(),
            ),
            Sort::Whole => {
                query.bind::<Array<Nullable<BigInt>>, _>(cells.map(whole).collect::<Vec<_>>())
            }
            Sort::Text => query.bind::<Array<Nullable<Text>>, _>(
                cells
                    .map(|cell| match cell {
                        Some(Cell::Text(text)) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
            Sort::Bytes => query.bind::<Array<Nullable<Binary>>, _>(
                cells
                    .map(|cell| match cell {
                        Some(Cell::Bytes(bytes)) => Some(bytes.as_slice()),
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
            ),
        }
    });
    bound.execute(connection)?;
    Ok(())
}

fn whole(cell: Option<&Cell>) -> Option<i64> {
    match cell {
        Some(Cell::Whole(number)) => Some(*number),
        _ => None,
    }
}

/// The columns that are true or false here, and 0 or 1 in SQLite.
fn booleans(connection: &mut PgConnection, table: &Table) -> Result<Vec<String>, Error> {
    let rows = load(
        connection,
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) \
         AND attnum > 0 AND NOT attisdropped AND atttypid = 'bool'::regtype",
        &[Cell::Text(format!("\"{}\"", table.name))],
    )?;
    let names = rows.into_iter().filter_map(|row| row.0.into_iter().next());
    Ok(names
        .filter_map(|name| match name {
            Cell::Text(name) => Some(name),
            _ => None,
        })
        .collect())
}

/// Empties tables. Their counters go on.
pub(super) fn clear(connection: &mut PgConnection, tables: &[Table]) -> Result<(), Error> {
    let names = super::list(tables.iter().map(|table| table.name.as_str()));
    sql_query(format!("TRUNCATE {names}")).execute(connection)?;
    Ok(())
}

pub(super) fn last_number(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Option<i64>, Error> {
    let text = "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass)";
    let rows = load(connection, text, &names(table))?;
    Ok(whole(rows.first().and_then(|row| row.0.first())))
}

pub(super) fn raise_number(
    connection: &mut PgConnection,
    table: &Table,
    to: i64,
) -> Result<(), Error> {
    let text = "SELECT setval(s.name, greatest($3, pg_sequence_last_value(s.name))) \
                FROM (SELECT pg_get_serial_sequence($1, $2)::regclass AS name) s";
    let [table, column] = names(table);
    load(connection, text, &[table, column, Cell::Whole(to)]).map(|_| ())
}

/// A table as a quoted name, and the column that is counted up.
fn names(table: &Table) -> [Cell; 2] {
    let column = table
        .key
        .first()
        .and_then(|place| table.columns.get(*place));
    let column = column.map(|(name, _)| name.clone()).unwrap_or_default();
    [
        Cell::Text(format!("\"{}\"", table.name)),
        Cell::Text(column),
    ]
}

/// Whether other sessions are connected to this database. One that was closed a moment ago is given
/// the time to go.
pub(in crate::store) fn is_shared(connection: &mut PgConnection) -> Result<bool, Error> {
    for attempt in 1..=20_u32 {
        let rows = load(
            connection,
            "SELECT count(*) FROM (SELECT pg_stat_clear_snapshot()) cleared, pg_stat_activity a \
             WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() \
             AND a.backend_type = 'client backend'",
            &[],
        )?;
        if whole(rows.first().and_then(|row| row.0.first())) == Some(0) {
            return Ok(false);
        }
        if attempt < 20 {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    Ok(true)
}
