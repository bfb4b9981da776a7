//! Writing many rows at once: the shapes that the two databases spell differently. A part of
//! [`super::dialect`]; no other file may ask which database it is. SQLite, which is in the process,
//! takes row after row; PostgreSQL takes all of them in one statement.

mod postgres;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use super::acks::AckRow;
use super::dialect::{Connection, statement};
use super::exits::ExitRow;
use super::history::NewHistory;
use super::ids::stored;
use super::records::RecordRow;
use super::schema::{audit, history, purged, record};
use super::scopes::{HeadRow, HoldingRow};
use super::tallies::BodyRow;
use super::{Error, audit::Look, parked::NewParked};

// Rows are added to SQLite column by column: the text is then always the same, and is prepared once. What
// diesel would prepare anew each time is said in our own words.

/// Writes records that were not there when the fold looked. Should one have come since, from
/// somebody who wrote beside it, the whole transaction is to be done again.
pub fn add_records(connection: &mut Connection, rows: &[RecordRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                diesel::insert_into(record::table)
                    .values((
                        record::id.eq(stored(&row.id)),
                        record::scope_id.eq(row.scope_id),
                        record::head.eq(row.head),
                        record::kind.eq(&row.kind),
                        record::parent.eq(row.parent.as_ref()),
                        record::rev.eq(row.rev),
                        record::created_at.eq(row.created_at),
                        record::time.eq(row.time),
                        record::void.eq(row.void),
                        record::conflicted.eq(row.conflicted),
                        record::body.eq(&row.body),
                        record::run.eq(row.run),
                    ))
                    .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::add_records(inner, rows),
    }
}

/// Writes records anew that are there and locked.
pub fn change_records(connection: &mut Connection, rows: &[RecordRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement(
                    "UPDATE record SET scope_id = ?, head = ?, kind = ?, parent = ?, rev = ?, \
                     created_at = ?, time = ?, void = ?, conflicted = ?, body = ?, run = ? WHERE id = ?",
                )
                .bind::<BigInt, _>(row.scope_id)
                .bind::<BigInt, _>(row.head)
                .bind::<Text, _>(&row.kind)
                .bind::<Nullable<Text>, _>(row.parent.as_ref())
                .bind::<BigInt, _>(row.rev)
                .bind::<BigInt, _>(row.created_at)
                .bind::<BigInt, _>(row.time)
                .bind::<Bool, _>(row.void)
                .bind::<Bool, _>(row.conflicted)
                .bind::<Binary, _>(&row.body)
                .bind::<BigInt, _>(row.run)
                .bind::<Binary, _>(stored(&row.id))
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::change_records(inner, rows),
    }
}

/// Writes exits; an older one of the same record and scope gives way.
pub fn put_exits(connection: &mut Connection, rows: &[ExitRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement(
                    "INSERT INTO exit (scope_id, record, head, reason, to_scope, at) \
                     VALUES (?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (scope_id, record) DO UPDATE SET head = excluded.head, \
                     reason = excluded.reason, to_scope = excluded.to_scope, at = excluded.at",
                )
                .bind::<BigInt, _>(row.scope_id)
                .bind::<Text, _>(&row.record)
                .bind::<BigInt, _>(row.head)
                .bind::<Text, _>(&row.reason)
                .bind::<Nullable<BigInt>, _>(row.to_scope)
                .bind::<BigInt, _>(row.at)
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::put_exits(inner, rows),
    }
}

/// Saves the counters of scopes.
pub fn save_heads(connection: &mut Connection, rows: &[HeadRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement("UPDATE scope SET head = ?, leaps = ?, purged = ? WHERE id = ?")
                    .bind::<BigInt, _>(row.head)
                    .bind::<Text, _>(&row.leaps)
                    .bind::<Bool, _>(row.purged)
                    .bind::<BigInt, _>(row.id)
                    .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::save_heads(inner, rows),
    }
}

/// Saves where devices stand. Always written when a push is acknowledged, also when all of it was
/// seen before: otherwise a synchronous standby may lack what is acknowledged (I19).
pub fn save_acks(connection: &mut Connection, rows: &[&AckRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement(
                    "UPDATE device SET ack = ?, marks = ?, durable = ?, durable_next = ?, \
                     durable_at = ?, seen_at = ?, skew = ?, epoch_seen = ? WHERE number = ?",
                )
                .bind::<BigInt, _>(row.ack)
                .bind::<Binary, _>(&row.marks)
                .bind::<BigInt, _>(row.durable)
                .bind::<BigInt, _>(row.durable_next)
                .bind::<BigInt, _>(row.durable_at)
                .bind::<BigInt, _>(row.seen_at)
                .bind::<Nullable<BigInt>, _>(row.skew)
                .bind::<BigInt, _>(row.epoch_seen)
                .bind::<BigInt, _>(row.number)
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::save_acks(inner, rows),
    }
}

/// Writes what scopes hold per kind.
pub fn put_holdings(connection: &mut Connection, rows: &[HoldingRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement(
                    "INSERT INTO scope_kind (scope_id, kind, count, digest) VALUES (?, ?, ?, ?) \
                     ON CONFLICT (scope_id, kind) DO UPDATE SET count = excluded.count, \
                     digest = excluded.digest",
                )
                .bind::<BigInt, _>(row.scope_id)
                .bind::<Text, _>(&row.kind)
                .bind::<BigInt, _>(row.count)
                .bind::<BigInt, _>(row.digest)
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::put_holdings(inner, rows),
    }
}

/// Writes the tallies of scopes.
pub fn put_tallies(connection: &mut Connection, rows: &[BodyRow]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                statement(
                    "INSERT INTO tally (scope_id, kind, body) VALUES (?, ?, ?) \
                     ON CONFLICT (scope_id, kind) DO UPDATE SET body = excluded.body",
                )
                .bind::<BigInt, _>(row.scope_id)
                .bind::<Text, _>(&row.kind)
                .bind::<Binary, _>(&row.body)
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::put_tallies(inner, rows),
    }
}

/// Writes buckets of a run of look-ups as they are from now on.
pub fn put_lookups(
    connection: &mut Connection,
    run: i64,
    rows: &[(i64, Vec<u8>)],
) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for (bucket, body) in rows {
                statement(
                    "INSERT INTO lookup (run, bucket, body) VALUES (?, ?, ?) \
                     ON CONFLICT (run, bucket) DO UPDATE SET body = excluded.body",
                )
                .bind::<BigInt, _>(run)
                .bind::<BigInt, _>(*bucket)
                .bind::<Binary, _>(body)
                .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::put_lookups(inner, run, rows),
    }
}

/// Adds values that lost.
pub fn add_history(connection: &mut Connection, rows: &[NewHistory]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                diesel::insert_into(history::table)
                    .values((
                        history::record.eq(&row.record),
                        history::field.eq(&row.field),
                        history::rev.eq(row.rev),
                        history::stamp.eq(&row.stamp),
                        history::device.eq(row.device),
                        history::seq.eq(row.seq),
                        history::account.eq(row.account),
                        history::at.eq(row.at),
                        history::value.eq(&row.value),
                    ))
                    .execute(inner)?;
            }
        }
        Connection::Postgres(inner) => {
            for rows in rows.chunks(postgres::ROWS) {
                diesel::insert_into(history::table)
                    .values(rows)
                    .execute(inner)?;
            }
        }
    }
    Ok(())
}

/// Keeps changes aside, in arrival order.
pub fn add_parked(connection: &mut Connection, rows: &[NewParked]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                diesel::insert_into(super::schema::parked::table)
                    .values(row)
                    .execute(inner)?;
            }
        }
        Connection::Postgres(inner) => {
            for rows in rows.chunks(postgres::ROWS) {
                diesel::insert_into(super::schema::parked::table)
                    .values(rows)
                    .execute(inner)?;
            }
        }
    }
    Ok(())
}

/// Puts looks at personal data on record.
pub fn add_looks(connection: &mut Connection, rows: &[Look]) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for row in rows {
                diesel::insert_into(audit::table)
                    .values((
                        audit::at.eq(row.at),
                        audit::account.eq(row.account),
                        audit::device.eq(row.device),
                        audit::action.eq(&row.action),
                        audit::scope_id.eq(row.scope_id),
                        audit::from_head.eq(row.from_head),
                        audit::to_head.eq(row.to_head),
                        audit::record.eq(row.record.as_ref()),
                        audit::count.eq(row.count),
                        audit::purpose.eq(row.purpose.as_ref()),
                    ))
                    .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::add_looks(inner, rows),
    }
}

/// Puts ids on the permanent list.
pub fn add_purged(connection: &mut Connection, ids: &[String], at: i64) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => {
            for id in ids {
                diesel::insert_or_ignore_into(purged::table)
                    .values((purged::id.eq(stored(id)), purged::at.eq(at)))
                    .execute(inner)?;
            }
            Ok(())
        }
        Connection::Postgres(inner) => postgres::add_purged(inner, ids, at),
    }
}
