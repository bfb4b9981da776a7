//! Making a backup while the server runs: one snapshot, copied, verified, sealed, put on the disk,
//! and only then on record.

use age::x25519::Recipient;
use chrono::DateTime;
use std::fs::File;
use std::path::{Path, PathBuf};
use sync_protocol::Millis;

use super::manifest::{Manifest, name_of};
use super::scratch::Scratch;
use super::{Error, check, create_private, sealed, sync_folder, wrong};
use crate::ledger::Ledger;
use crate::store::backups::{self, Ack, BackupRow};
use crate::store::portable::Portable;
use crate::store::{Store, copying};

/// The fact of a copy that says when its snapshot was taken.
pub(super) const TAKEN_AT: &str = "at";
/// What must stay free on the disk of the database beside the copy in clear.
const SPARE: u64 = 64 * 1024 * 1024;

/// What is to be made.
pub struct Order<'a> {
    /// A file, or a folder in which it gets a name.
    pub to: &'a Path,
    pub recipients: &'a [Recipient],
    /// Beside this, the copy in clear stands while it is needed.
    pub beside: &'a Path,
    /// The place is on another machine: the backup is confirmed at once.
    pub off_machine: bool,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    pub file: PathBuf,
    pub manifest: Manifest,
    /// Records that were counted again while verifying.
    pub records: u64,
}

/// Makes a backup.
pub fn make(store: &Store, ledger: &Ledger, order: &Order<'_>, now: Millis) -> Result<Made, Error> {
    let file = target(order.to, now)?;
    let scratch = Scratch::take(order.beside)?;
    check_room(store, order.beside)?;
    let counts = copy(store, ledger, scratch.path(), now)?;
    let mut copy = Portable::open(scratch.path())?;
    let records = check::run(&mut copy, Some(&counts))?;
    let (epoch, greatest_rev, greatest_head) = backups::greatest(copy.connection())?;
    let acks = backups::acks(copy.connection())?;
    let ledger_bytes = copy.ledger_length()?;
    drop(copy);
    let bytes = write(scratch.path(), &file, order.recipients)?;
    drop(scratch);
    let manifest = Manifest {
        format: Manifest::FORMAT,
        backup: name_of(&bytes.sha256),
        at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        database: store.describe()?,
        epoch,
        greatest_rev,
        greatest_head,
        ledger_bytes,
        bytes: bytes.count,
        sha256: bytes.sha256,
        rows: counts.into_iter().collect(),
    };
    manifest.write(&file)?;
    let confirmed_at = order.off_machine.then_some(now);
    let row = on_record(&manifest, &file, confirmed_at);
    store.write(|c| note(c, &row, &acks, now))?;
    Ok(Made {
        file,
        manifest,
        records,
    })
}

fn note(
    c: &mut crate::store::Connection,
    row: &BackupRow,
    acks: &[Ack],
    now: Millis,
) -> Result<(), Error> {
    backups::add(c, row, acks)?;
    Ok(backups::tell(c, Some(&row.id), false, now)?)
}

/// The row of a backup.
pub(super) fn on_record(
    manifest: &Manifest,
    file: &Path,
    confirmed_at: Option<Millis>,
) -> BackupRow {
    BackupRow {
        id: manifest.backup.clone(),
        at: manifest.at,
        epoch: manifest.epoch,
        name: file.display().to_string(),
        sha256: manifest.sha256.clone(),
        bytes: i64::try_from(manifest.bytes).unwrap_or(i64::MAX),
        confirmed_at,
    }
}

/// One snapshot into the file, and the ledger after it: a ledger must not be older than its database.
fn copy(
    store: &Store,
    ledger: &Ledger,
    to: &Path,
    now: Millis,
) -> Result<Vec<(String, i64)>, Error> {
    let mut copy = Portable::create(to)?;
    let counts = store.read(|c| copying::save(c, &mut copy))?;
    if let Some(path) = ledger.path() {
        let mut file = File::open(path).map_err(wrong(path, "read"))?;
        copy.keep_ledger(&mut file)?;
    }
    copy.note(TAKEN_AT, &now.to_string())?;
    copy.finish()?;
    Ok(counts)
}

/// Seals the copy into a file beside its name, reads that again, and gives it the name.
fn write(plain: &Path, to: &Path, keys: &[Recipient]) -> Result<sealed::Bytes, Error> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    // One that was left by a backup that was killed; two at once are kept apart by the lock.
    let _ = std::fs::remove_file(&partial);
    let sealed = create_private(&partial)
        .map_err(wrong(&partial, "made"))
        .and_then(|file| sealed::seal(plain, &partial, &file, keys))
        .and_then(|bytes| match sealed::measure(&partial)? {
            again if again == bytes => Ok(bytes),
            _ => Err(Error::Replaced),
        })
        .and_then(|bytes| {
            std::fs::rename(&partial, to).map_err(wrong(to, "put in place"))?;
            sync_folder(to)?;
            Ok(bytes)
        });
    if sealed.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    sealed
}

/// What a backup of a moment is called.
pub(super) fn name_at(now: Millis) -> String {
    let moment = DateTime::from_timestamp_millis(now).unwrap_or_default();
    format!("kadian-{}.sqlite.age", moment.format("%Y%m%dT%H%M%S%3fZ"))
}

/// Where it is to be written. In a folder it is called by its moment.
fn target(to: &Path, now: Millis) -> Result<PathBuf, Error> {
    let file = if to.is_dir() {
        to.join(name_at(now))
    } else {
        to.to_owned()
    };
    if file.exists() || Manifest::beside(&file).exists() {
        return Err(Error::Exists(file.display().to_string()));
    }
    Ok(file)
}

/// The copy in clear must not take the last room from the database it stands beside.
fn check_room(store: &Store, beside: &Path) -> Result<(), Error> {
    let Some(file) = store.file() else {
        return Ok(());
    };
    let length = std::fs::metadata(file).map_err(wrong(file, "read"))?.len();
    let folder = beside.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(folder)
        .map_err(|error| wrong(folder, "measured")(std::io::Error::from(error)))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < length.saturating_add(SPARE) {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        return Err(Error::NoRoom {
            needed: mib(length),
            free: mib(free),
        });
    }
    Ok(())
}
