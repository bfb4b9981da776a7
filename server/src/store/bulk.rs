//! Writing many rows at once: the shapes that the two databases spell differently. A part of
//! [`super::dialect`]; no other file may ask which database it is. SQLite, which is in the process,
//! takes row after row; PostgreSQL takes all of them in one statement.

mod postgres;

use diesel::prelude::*;

use super::acks::AckRow;
use super::dialect::{Connection, once};
use super::exits::ExitRow;
use super::history::NewHistory;
use super::ids::stored;
use super::records::RecordRow;
use super::schema::{
    audit, device, exit, history, lookup, purged, record, scope, scope_kind, tally,
};
use super::scopes::{HeadRow, HoldingRow};
use super::tallies::BodyRow;
use super::{Error, audit::Look, parked::NewParked};

// Rows go into SQLite column by column, and are changed or else added in two statements: the text of
// each is then always the same, and it is prepared once. diesel prepares anew what may leave a column
// out, and what says ON CONFLICT DO UPDATE.

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
                once(diesel::update(record::table.find(stored(&row.id))).set(row))
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
                once(
                    diesel::insert_into(exit::table)
                        .values(row)
                        .on_conflict((exit::scope_id, exit::record))
                        .do_update()
                        .set(row),
                )
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
                once(diesel::update(scope::table.find(row.id)).set((
                    scope::head.eq(row.head),
                    scope::leaps.eq(&row.leaps),
                    scope::purged.eq(row.purged),
                )))
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
                once(diesel::update(device::table.find(row.number)).set((
                    device::ack.eq(row.ack),
                    device::marks.eq(&row.marks),
                    device::durable.eq(row.durable),
                    device::durable_next.eq(row.durable_next),
                    device::durable_at.eq(row.durable_at),
                    device::seen_at.eq(row.seen_at),
                    device::skew.eq(row.skew),
                    device::epoch_seen.eq(row.epoch_seen),
                )))
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
                let there = scope_kind::table.find((row.scope_id, &row.kind));
                let set = (
                    scope_kind::count.eq(row.count),
                    scope_kind::digest.eq(row.digest),
                );
                if once(diesel::update(there).set(set)).execute(inner)? == 0 {
                    diesel::insert_into(scope_kind::table)
                        .values((
                            scope_kind::scope_id.eq(row.scope_id),
                            scope_kind::kind.eq(&row.kind),
                            scope_kind::count.eq(row.count),
                            scope_kind::digest.eq(row.digest),
                        ))
                        .execute(inner)?;
                }
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
                let there = tally::table.find((row.scope_id, &row.kind));
                let changed =
                    once(diesel::update(there).set(tally::body.eq(&row.body))).execute(inner)?;
                if changed == 0 {
                    diesel::insert_into(tally::table)
                        .values((
                            tally::scope_id.eq(row.scope_id),
                            tally::kind.eq(&row.kind),
                            tally::body.eq(&row.body),
                        ))
                        .execute(inner)?;
                }
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
                let there = lookup::table.find((run, *bucket));
                let changed =
                    once(diesel::update(there).set(lookup::body.eq(body))).execute(inner)?;
                if changed == 0 {
                    diesel::insert_into(lookup::table)
                        .values((
                            lookup::run.eq(run),
                            lookup::bucket.eq(*bucket),
                            lookup::body.eq(body),
                        ))
                        .execute(inner)?;
                }
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
