//! Backups on record. The oldest one that is off the machine and may still be restored says, for
//! each device, what is durable: of anything later, the phone is the only other holder.

use diesel::prelude::*;
use sync_protocol::Millis;

use super::copying::{self, Cell, Row, Sort, Table};
use super::schema::{alert, area, backup, backup_ack, device, epoch, record, scope};
use super::{Connection, Error, alerts};

/// The code of the alert that there is no recent backup.
const ALERT: &str = "no_backup";

/// A backup that was verified when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = backup)]
pub struct BackupRow {
    pub id: String,
    /// When its snapshot was taken.
    pub at: i64,
    pub epoch: i64,
    /// Its file, where it was written.
    pub name: String,
    /// Of the file as it was written.
    pub sha256: String,
    pub bytes: i64,
    /// When somebody showed that the same bytes stand on another machine.
    pub confirmed_at: Option<i64>,
}

/// How far a device had come.
pub type Ack = (i64, i64);

/// Puts a backup on record.
pub fn add(c: &mut Connection, row: &BackupRow, acks: &[Ack]) -> Result<(), Error> {
    diesel::insert_into(backup::table).values(row).execute(c)?;
    let column = |name: &str, sort| (name.to_owned(), sort);
    let table = Table {
        name: "backup_ack".to_owned(),
        columns: vec![
            column("backup", Sort::Text),
            column("device", Sort::Whole),
            column("ack", Sort::Whole),
        ],
        key: vec![0, 1],
        counted: false,
    };
    let rows: Vec<Row> = acks
        .iter()
        .map(|(device, ack)| {
            let id = Cell::Text(row.id.clone());
            Row(vec![id, Cell::Whole(*device), Cell::Whole(*ack)])
        })
        .collect();
    copying::put(c, &table, &rows)
}

/// All on record, the newest first.
pub fn all(c: &mut Connection) -> Result<Vec<BackupRow>, Error> {
    Ok(backup::table
        .order((backup::at.desc(), backup::id.desc()))
        .select(BackupRow::as_select())
        .load(c)?)
}

/// The one whose file has this digest.
pub fn by_sha256(c: &mut Connection, digest: &str) -> Result<Option<BackupRow>, Error> {
    Ok(backup::table
        .filter(backup::sha256.eq(digest))
        .select(BackupRow::as_select())
        .first(c)
        .optional()?)
}

/// Notes that it stands on another machine, too.
pub fn confirm(c: &mut Connection, id: &str, at: Millis) -> Result<(), Error> {
    diesel::update(
        backup::table
            .find(id)
            .filter(backup::confirmed_at.is_null()),
    )
    .set(backup::confirmed_at.eq(at))
    .execute(c)?;
    Ok(())
}

/// Takes it off the record: nobody will restore it any more. False if it was not there.
pub fn forget(c: &mut Connection, id: &str) -> Result<bool, Error> {
    diesel::delete(backup_ack::table.filter(backup_ack::backup.eq(id))).execute(c)?;
    Ok(diesel::delete(backup::table.find(id)).execute(c)? > 0)
}

/// Since when nothing newer than the newest backup is held anywhere else: its moment, or, where
/// there is none, the first opening of this database.
pub fn held_until(c: &mut Connection) -> Result<(Option<BackupRow>, Option<Millis>), Error> {
    let newest = all(c)?.into_iter().next();
    let since = match &newest {
        Some(row) => Some(row.at),
        None => epoch::table.select(diesel::dsl::min(epoch::at)).first(c)?,
    };
    Ok((newest, since))
}

/// The oldest that is off the machine and may still be restored.
pub fn oldest_confirmed(c: &mut Connection) -> Result<Option<BackupRow>, Error> {
    Ok(backup::table
        .filter(backup::confirmed_at.is_not_null())
        .order((backup::at, backup::id))
        .select(BackupRow::as_select())
        .first(c)
        .optional()?)
}

/// Lets what the oldest confirmed backup holds count as durable. What once was stays so: the phones
/// have let go of it.
pub fn make_durable(c: &mut Connection) -> Result<usize, Error> {
    // The driver's types cannot say this in one statement for both databases; both read it alike.
    let text = "\
        UPDATE device SET durable = ( \
            SELECT a.ack FROM backup_ack a WHERE a.device = device.number AND a.backup = ( \
                SELECT id FROM backup WHERE confirmed_at IS NOT NULL ORDER BY at, id LIMIT 1)) \
        WHERE EXISTS ( \
            SELECT 1 FROM backup_ack a WHERE a.device = device.number \
            AND a.ack > device.durable AND a.ack <= device.ack AND a.backup = ( \
                SELECT id FROM backup WHERE confirmed_at IS NOT NULL ORDER BY at, id LIMIT 1))";
    Ok(diesel::sql_query(text).execute(c)?)
}

/// How far every phone has come.
pub fn acks(c: &mut Connection) -> Result<Vec<Ack>, Error> {
    Ok(device::table
        .filter(device::number.gt(i64::from(super::devices::LAST_PROCESS)))
        .order(device::number)
        .select((device::number, device::ack))
        .load(c)?)
}

/// The greatest numbers given out: epoch, revision, head.
pub fn greatest(c: &mut Connection) -> Result<(i64, i64, i64), Error> {
    use diesel::dsl::max;
    let opened: Option<i64> = epoch::table.select(max(epoch::opened)).first(c)?;
    let rev: Option<i64> = record::table.select(max(record::rev)).first(c)?;
    let head: Option<i64> = scope::table.select(max(scope::head)).first(c)?;
    Ok((opened.unwrap_or(0), rev.unwrap_or(0), head.unwrap_or(0)))
}

/// Tells those who look after the topmost areas that there is no recent backup, once for each that
/// grew old; with `old` false, that there is one again.
pub fn tell(c: &mut Connection, newest: Option<&str>, old: bool, now: Millis) -> Result<(), Error> {
    if !old {
        diesel::update(
            alert::table
                .filter(alert::code.eq(ALERT))
                .filter(alert::state.eq("open")),
        )
        .set((alert::state.eq("closed"), alert::closed_at.eq(Some(now))))
        .execute(c)?;
        return Ok(());
    }
    let roots: Vec<String> = area::table
        .filter(area::parent.is_null())
        .select(area::code)
        .load(c)?;
    let alerts: Vec<alerts::Alert> = roots
        .into_iter()
        .map(|root| {
            let source = format!("{}:{root}", newest.unwrap_or("none"));
            alerts::Alert::new(now, ALERT, &source, Some(root))
        })
        .collect();
    alerts::raise(c, &alerts)
}
