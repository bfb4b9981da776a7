//! Changes that are kept aside: parked until someone resolves them or what they wait for comes,
//! or invalid and shown. The body is the line as it came.

use diesel::prelude::*;
use sync_protocol::id::RecordId;

use super::dialect::{among, each, is_open};
use super::schema::{area, parked};
use super::{Connection, Error, Reach};

/// A change kept aside, to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = parked)]
pub struct NewParked {
    pub device: i64,
    pub line: i64,
    pub seq: i64,
    pub account: i64,
    pub verdict: String,
    pub code: String,
    pub detail: String,
    pub kind: Option<String>,
    pub record: Option<String>,
    pub area: Option<String>,
    pub waits_for: Option<String>,
    pub content_hash: Vec<u8>,
    pub body: Vec<u8>,
    pub stamp: Option<String>,
    pub raw: Option<String>,
    pub clock: Option<String>,
    pub base: Option<i64>,
    pub at: i64,
    pub late: bool,
    pub state: String,
}

/// A change kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = parked)]
pub struct ParkedRow {
    pub id: i64,
    pub device: i64,
    pub line: i64,
    pub seq: i64,
    pub account: i64,
    pub verdict: String,
    pub code: String,
    pub detail: String,
    pub kind: Option<String>,
    pub record: Option<String>,
    pub area: Option<String>,
    pub waits_for: Option<String>,
    pub content_hash: Vec<u8>,
    pub body: Vec<u8>,
    pub stamp: Option<String>,
    pub raw: Option<String>,
    pub clock: Option<String>,
    pub base: Option<i64>,
    pub at: i64,
    pub late: bool,
    pub state: String,
    pub resolved_by: Option<i64>,
    pub resolved_at: Option<i64>,
    pub reason: Option<String>,
}

/// How many that touch or wait for one list of records are read at once; the rest stays aside
/// until the next change, or until somebody decides.
const MOST_OPEN: i64 = 500;

/// Open ones that touch these records or wait for them, in arrival order; where there are too many to
/// read, those of these lines first. Each way is asked by itself: together they would scan.
pub fn open_for(
    connection: &mut Connection,
    records: &[RecordId],
    lines: &[i64],
) -> Result<Vec<ParkedRow>, Error> {
    let mut rows: Vec<ParkedRow> = Vec::new();
    for records in records.chunks(super::dialect::MAX_LIST) {
        let ids: Vec<String> = records.iter().map(ToString::to_string).collect();
        each!(connection, inner => {
            // Ordered by what no index has: else all might be walked in search of a few.
            let open = || {
                parked::table
                    .filter(is_open(parked::state))
                    .order(parked::id + 0)
                    .limit(MOST_OPEN)
                    .select(ParkedRow::as_select())
            };
            let touching = open().filter(among(parked::record, &ids));
            let touching = touching.load::<ParkedRow>(inner)?;
            if touching.len() as i64 == MOST_OPEN {
                let own = open()
                    .filter(among(parked::record, &ids))
                    .filter(among(parked::line, lines));
                rows.extend(own.load::<ParkedRow>(inner)?);
            }
            rows.extend(touching);
            let waiting = open().filter(among(parked::waits_for, &ids));
            rows.extend(waiting.load::<ParkedRow>(inner)?);
        });
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

/// Open ones for want of a kind or of a newer version of it, in arrival order after `after`.
pub fn open_with_code(
    connection: &mut Connection,
    code: &str,
    after: i64,
    most: i64,
) -> Result<Vec<ParkedRow>, Error> {
    Ok(parked::table
        .filter(parked::state.eq("open"))
        .filter(parked::id.gt(after))
        .filter(parked::code.eq(code))
        .order(parked::id)
        .limit(most)
        .select(ParkedRow::as_select())
        .load(connection)?)
}

/// The kinds of which something is open with this code, which names its record. Only what is open is
/// walked: the index holds nothing else.
pub fn kinds_waiting(connection: &mut Connection, code: &str) -> Result<Vec<String>, Error> {
    let kinds: Vec<Option<String>> = each!(connection, inner => parked::table
        .filter(is_open(parked::state))
        .filter(parked::record.gt(""))
        .filter(parked::code.eq(code))
        .select(parked::kind)
        .distinct()
        .load(inner))?;
    Ok(kinds.into_iter().flatten().collect())
}

/// What became of a change that was kept aside.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = parked)]
pub struct Past {
    pub device: i64,
    pub seq: i64,
    pub verdict: String,
    pub code: String,
    pub detail: String,
    pub state: String,
}

/// What became of changes of these devices that were ever kept aside. A number that one device is asked for
/// is asked of all, so that few are to be asked at once.
pub fn past(
    connection: &mut Connection,
    devices: &[i64],
    seqs: &[i64],
) -> Result<Vec<Past>, Error> {
    Ok(each!(connection, inner => parked::table
        .filter(among(parked::device, devices))
        .filter(among(parked::seq, seqs))
        .order(parked::id + 0)
        .select(Past::as_select())
        .load(inner))?)
}

/// All that was ever kept aside of a device.
pub fn of_device(connection: &mut Connection, device: i64) -> Result<Vec<ParkedRow>, Error> {
    Ok(parked::table
        .filter(parked::device.eq(device))
        .order(parked::id)
        .select(ParkedRow::as_select())
        .load(connection)?)
}

/// Ones of these lines with this content, whatever became of them.
pub fn with_content(
    connection: &mut Connection,
    lines: &[i64],
    hashes: &[Vec<u8>],
) -> Result<Vec<ParkedRow>, Error> {
    let mut rows = Vec::new();
    for hashes in hashes.chunks(super::dialect::MAX_LIST) {
        rows.extend(
            parked::table
                .filter(parked::line.eq_any(lines))
                .filter(parked::content_hash.eq_any(hashes))
                .order(parked::id)
                .limit(4 * MOST_OPEN)
                .select(ParkedRow::as_select())
                .load::<ParkedRow>(connection)?,
        );
    }
    Ok(rows)
}

/// One of them.
pub fn by_id(connection: &mut Connection, id: i64) -> Result<Option<ParkedRow>, Error> {
    Ok(parked::table
        .find(id)
        .select(ParkedRow::as_select())
        .first(connection)
        .optional()?)
}

/// What is kept aside within somebody's reach, newest last.
pub fn list(
    connection: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    state: &str,
    after: i64,
    most: i64,
) -> Result<Vec<ParkedRow>, Error> {
    let mut rows: Vec<ParkedRow> = Vec::new();
    for path in reach.paths(roles) {
        let below = area::table
            .filter(area::path.ge(path))
            .filter(area::path.lt(super::scopes::above(path)))
            .select(area::code.nullable());
        rows.extend(
            parked::table
                .filter(parked::area.eq_any(below))
                .filter(parked::state.eq(state))
                .filter(parked::id.gt(after))
                .order(parked::id)
                .limit(most)
                .select(ParkedRow::as_select())
                .load::<ParkedRow>(connection)?,
        );
    }
    rows.sort_by_key(|row| row.id);
    rows.truncate(usize::try_from(most).unwrap_or(0));
    Ok(rows)
}

/// Settles one.
pub fn settle(
    connection: &mut Connection,
    id: i64,
    state: &str,
    by: Option<i64>,
    at: i64,
    reason: Option<&str>,
) -> Result<(), Error> {
    diesel::update(parked::table.find(id))
        .set((
            parked::state.eq(state),
            parked::resolved_by.eq(by),
            parked::resolved_at.eq(Some(at)),
            parked::reason.eq(reason),
        ))
        .execute(connection)?;
    Ok(())
}

/// Shows the open ones of these records where the records now are.
pub fn show_in(connection: &mut Connection, records: &[String], code: &str) -> Result<(), Error> {
    diesel::update(
        parked::table.filter(parked::state.eq("open")).filter(
            parked::record
                .eq_any(records)
                .or(parked::waits_for.eq_any(records)),
        ),
    )
    .set(parked::area.eq(Some(code)))
    .execute(connection)?;
    Ok(())
}

/// Keeps that something was there, but neither what nor about whom: the record was purged.
pub fn forget(connection: &mut Connection, records: &[String]) -> Result<(), Error> {
    let gone = parked::table.filter(
        parked::record
            .eq_any(records)
            .or(parked::waits_for.eq_any(records)),
    );
    diesel::update(gone)
        .set((
            parked::body.eq(Vec::new()),
            parked::state.eq("dismissed"),
            parked::reason.eq(Some("purged")),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that one that stays open does so for another reason.
pub fn change_code(connection: &mut Connection, id: i64, row: &NewParked) -> Result<(), Error> {
    diesel::update(parked::table.find(id))
        .set((
            parked::verdict.eq(&row.verdict),
            parked::code.eq(&row.code),
            parked::detail.eq(&row.detail),
            parked::waits_for.eq(&row.waits_for),
        ))
        .execute(connection)?;
    Ok(())
}

/// Forgets the content of all that came before `before`.
pub fn expire_all(connection: &mut Connection, before: i64) -> Result<usize, Error> {
    let old = parked::table
        .filter(parked::at.lt(before))
        .filter(parked::body.ne(Vec::new()));
    Ok(diesel::update(old)
        .set((
            parked::body.eq(Vec::new()),
            parked::state.eq("dismissed"),
            parked::reason.eq(Some("purged")),
        ))
        .execute(connection)?)
}

/// Forgets the content of what came before `before` and speaks of a kind (or of none that could be
/// read): the purpose of keeping it has ended as well.
pub fn expire(
    connection: &mut Connection,
    kind: Option<&str>,
    before: i64,
) -> Result<usize, Error> {
    let gone = (
        parked::body.eq(Vec::new()),
        parked::state.eq("dismissed"),
        parked::reason.eq(Some("purged")),
    );
    let old = parked::table
        .filter(parked::at.lt(before))
        .filter(parked::body.ne(Vec::new()));
    Ok(match kind {
        Some(kind) => diesel::update(old.filter(parked::kind.eq(kind)))
            .set(gone)
            .execute(connection)?,
        None => diesel::update(old.filter(parked::kind.is_null()))
            .set(gone)
            .execute(connection)?,
    })
}

/// Forgets what one said: it was about somebody who was purged.
pub fn clear_body(connection: &mut Connection, id: i64) -> Result<(), Error> {
    diesel::update(parked::table.find(id))
        .set(parked::body.eq(Vec::new()))
        .execute(connection)?;
    Ok(())
}
