//! Backups and what becomes of them: [`make`] copies the database from one snapshot into a file that
//! stands for itself, verifies it by opening it, and seals it for the holder of a key; [`restore`]
//! goes the way back; [`schedule`] says when the server does so by itself. Nothing in clear is left
//! outside [`scratch`].

mod check;
pub mod ledgers;
pub mod make;
pub mod manifest;
pub mod restore;
pub mod schedule;
mod scratch;
pub mod sealed;

pub use scratch::sweep;

use std::path::Path;

use crate::{ledger, store};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} cannot be {1}: {2}")]
    File(String, &'static str, std::io::Error),
    #[error("{0} is there already; a backup never takes the place of another file")]
    Exists(String),
    #[error(
        "{0} is no folder now, so there is no backup: mount it, or make it, or name another as backup.to"
    )]
    NoFolder(String),
    #[error("another backup or restore of this database is at work; let it end first")]
    Busy,
    #[error(
        "the disk of the database has no room for a copy of {needed} MiB: {free} MiB are free, of which the server needs some"
    )]
    NoRoom { needed: u64, free: u64 },
    #[error("{0} is no public key: it looks like age1… and `age-keygen` makes it")]
    Recipient(String),
    #[error("name at least one public key (age1…) to encrypt the backup for")]
    NoRecipient,
    #[error("{0} holds no identity: it has a line AGE-SECRET-KEY-1…")]
    Identity(String),
    #[error("name the file with the identity (AGE-SECRET-KEY-1…) that opens the backup")]
    NoIdentity,
    #[error("the backup cannot be opened: {0}")]
    Sealed(String),
    #[error("{0} is neither a backup nor a database")]
    Foreign(String),
    #[error("the file is not the one that its manifest describes: it was damaged or replaced")]
    Replaced,
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    #[error("the copy was made by a later version of this program; restore it with that one")]
    Later,
    #[error(
        "there are people or records in the database already; restore into an empty one, or say --replace"
    )]
    Occupied,
    #[error("somebody works with the database; stop the server first")]
    InUse,
    #[error("a database in memory cannot be restored into")]
    InMemory,
    #[error(
        "put the keys file that belongs to the backup at {0} first; without it nothing in it could be looked up"
    )]
    NoKeys(String),
    #[error(
        "no side ledger was found that goes on from this backup: name the newest one there is with --ledger; what was revoked or purged since the backup is written nowhere else. Only without any, insist with --insist"
    )]
    NoLedger,
    #[error(transparent)]
    Keys(#[from] crate::keys::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An error of the machine about a file.
fn wrong<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |error| Error::File(path.display().to_string(), what, error)
}

/// A new name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(wrong(folder, "made durable"))
}

/// For its owner alone, and not there yet.
fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
