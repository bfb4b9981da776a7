//! PostgreSQL's way of taking many rows: an array for each column, unnested by the server, in a statement
//! whose text is always the same; and a copy of what is new, which costs it least but can give way to
//! nothing that is there.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use crate::store::Error;
use crate::store::acks::AckRow;
use crate::store::audit::Look;
use crate::store::dialect::statement;
use crate::store::exits::ExitRow;
use crate::store::ids::stored;
use crate::store::records::RecordRow;
use crate::store::schema::record;
use crate::store::scopes::{HeadRow, HoldingRow};
use crate::store::tallies::BodyRow;

/// Rows in one statement of the sort that has a place for each value: there are 65,535 of them.
pub(super) const ROWS: usize = 500;

/// One column of many rows.
fn column<'a, R, V>(rows: &'a [R], of: impl Fn(&'a R) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}

pub(super) fn add_records(connection: &mut PgConnection, rows: &[RecordRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewRecord<'_>> = rows.iter().map(NewRecord::from).collect();
    diesel::copy_from(record::table)
        .from_insertable(rows)
        .execute(connection)?;
    Ok(())
}

/// A record, in the words that a copy takes.
#[derive(Insertable)]
#[diesel(table_name = record, treat_none_as_default_value = false)]
struct NewRecord<'a> {
    id: Vec<u8>,
    scope_id: i64,
    head: i64,
    kind: &'a str,
    parent: Option<&'a str>,
    rev: i64,
    created_at: i64,
    time: i64,
    void: bool,
    conflicted: bool,
    body: &'a [u8],
    run: i64,
}

impl<'a> From<&'a RecordRow> for NewRecord<'a> {
    fn from(row: &'a RecordRow) -> Self {
        Self {
            id: stored(&row.id),
            scope_id: row.scope_id,
            head: row.head,
            kind: &row.kind,
            parent: row.parent.as_deref(),
            rev: row.rev,
            created_at: row.created_at,
            time: row.time,
            void: row.void,
            conflicted: row.conflicted,
            body: &row.body,
            run: row.run,
        }
    }
}

pub(super) fn change_records(
    connection: &mut PgConnection,
    rows: &[RecordRow],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
            "UPDATE record SET scope_id = new.scope_id, head = new.head, kind = new.kind, \
             parent = new.parent, rev = new.rev, created_at = new.created_at, time = new.time, \
             void = new.void, conflicted = new.conflicted, body = new.body, run = new.run \
             FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS new \
             (id, scope_id, head, kind, parent, rev, created_at, time, void, conflicted, body, run) \
             WHERE record.id = new.id",
        )
        .bind::<Array<Binary>, _>(column(rows, |row| stored(&row.id)))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.scope_id))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.head))
        .bind::<Array<Text>, _>(column(rows, |row| row.kind.as_str()))
        .bind::<Array<Nullable<Text>>, _>(column(rows, |row| row.parent.as_deref()))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.rev))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.created_at))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.time))
        .bind::<Array<Bool>, _>(column(rows, |row| row.void))
        .bind::<Array<Bool>, _>(column(rows, |row| row.conflicted))
        .bind::<Array<Binary>, _>(column(rows, |row| row.body.as_slice()))
        .bind::<Array<BigInt>, _>(column(rows, |row| row.run))
    .execute(connection)?;
    Ok(())
}

pub(super) fn put_exits(connection: &mut PgConnection, rows: &[ExitRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "INSERT INTO exit (scope_id, record, head, reason, to_scope, at) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?) \
         ON CONFLICT (scope_id, record) DO UPDATE SET head = excluded.head, \
         reason = excluded.reason, to_scope = excluded.to_scope, at = excluded.at",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.scope_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.record.as_str()))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.head))
    .bind::<Array<Text>, _>(column(rows, |row| row.reason.as_str()))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.to_scope))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.at))
    .execute(connection)?;
    Ok(())
}

pub(super) fn save_heads(connection: &mut PgConnection, rows: &[HeadRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "UPDATE scope SET head = new.head, leaps = new.leaps, purged = new.purged \
         FROM unnest(?, ?, ?, ?) AS new (id, head, leaps, purged) \
         WHERE scope.id = new.id",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.id))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.head))
    .bind::<Array<Text>, _>(column(rows, |row| row.leaps.as_str()))
    .bind::<Array<Bool>, _>(column(rows, |row| row.purged))
    .execute(connection)?;
    Ok(())
}

pub(super) fn save_acks(connection: &mut PgConnection, rows: &[&AckRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "UPDATE device SET ack = new.ack, marks = new.marks, durable = new.durable, \
         durable_next = new.durable_next, durable_at = new.durable_at, seen_at = new.seen_at, \
         skew = new.skew, epoch_seen = new.epoch_seen \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?) AS new (number, ack, marks, durable, \
         durable_next, durable_at, seen_at, skew, epoch_seen) WHERE device.number = new.number",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.number))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.ack))
    .bind::<Array<Binary>, _>(column(rows, |row| row.marks.as_slice()))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.durable))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.durable_next))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.durable_at))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.seen_at))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.skew))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.epoch_seen))
    .execute(connection)?;
    Ok(())
}

pub(super) fn put_holdings(
    connection: &mut PgConnection,
    rows: &[HoldingRow],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "INSERT INTO scope_kind (scope_id, kind, count, digest) \
         SELECT * FROM unnest(?, ?, ?, ?) \
         ON CONFLICT (scope_id, kind) DO UPDATE SET count = excluded.count, digest = excluded.digest",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.scope_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.kind.as_str()))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.count))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.digest))
    .execute(connection)?;
    Ok(())
}

pub(super) fn put_tallies(connection: &mut PgConnection, rows: &[BodyRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "INSERT INTO tally (scope_id, kind, body) SELECT * FROM unnest(?, ?, ?) \
         ON CONFLICT (scope_id, kind) DO UPDATE SET body = excluded.body",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.scope_id))
    .bind::<Array<Text>, _>(column(rows, |row| row.kind.as_str()))
    .bind::<Array<Binary>, _>(column(rows, |row| row.body.as_slice()))
    .execute(connection)?;
    Ok(())
}

pub(super) fn put_lookups(
    connection: &mut PgConnection,
    run: i64,
    rows: &[(i64, Vec<u8>)],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "INSERT INTO lookup (run, bucket, body) \
         SELECT ?, bucket, body FROM unnest(?, ?) AS new (bucket, body) \
         ON CONFLICT (run, bucket) DO UPDATE SET body = excluded.body",
    )
    .bind::<BigInt, _>(run)
    .bind::<Array<BigInt>, _>(column(rows, |(bucket, _)| *bucket))
    .bind::<Array<Binary>, _>(column(rows, |(_, body)| body.as_slice()))
    .execute(connection)?;
    Ok(())
}

pub(super) fn add_looks(connection: &mut PgConnection, rows: &[Look]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    statement(
        "INSERT INTO audit (at, account, device, action, scope_id, from_head, to_head, record, count, purpose) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind::<Array<BigInt>, _>(column(rows, |row| row.at))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.account))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.device))
    .bind::<Array<Text>, _>(column(rows, |row| row.action.as_str()))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.scope_id))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.from_head))
    .bind::<Array<Nullable<BigInt>>, _>(column(rows, |row| row.to_head))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |row| row.record.as_deref()))
    .bind::<Array<BigInt>, _>(column(rows, |row| row.count))
    .bind::<Array<Nullable<Text>>, _>(column(rows, |row| row.purpose.as_deref()))
    .execute(connection)?;
    Ok(())
}

pub(super) fn add_purged(
    connection: &mut PgConnection,
    ids: &[String],
    at: i64,
) -> Result<(), Error> {
    statement(
        "INSERT INTO purged (id, at) SELECT id, ? FROM unnest(?) AS id ON CONFLICT DO NOTHING",
    )
    .bind::<BigInt, _>(at)
    .bind::<Array<Binary>, _>(column(ids, |id| stored(id)))
    .execute(connection)?;
    Ok(())
}
