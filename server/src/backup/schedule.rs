//! What the server does about backups by itself: one when the last has grown old, those beyond the
//! number to keep removed, an alert when none is recent.

use age::x25519::Recipient;
use std::path::{Path, PathBuf};
use sync_protocol::Millis;

use super::make::{self, Made, Order};
use super::manifest::Manifest;
use super::{Error, sealed, wrong};
use crate::config;
use crate::ledger::Ledger;
use crate::store::acks::Durable;
use crate::store::backups::{self, BackupRow};
use crate::store::{self, Store};

const HOUR_MS: Millis = 60 * 60 * 1000;
/// Somebody is told when the newest backup is as old as this.
pub const OLD_MS: Millis = 24 * HOUR_MS;

/// The server's standing order, understood.
#[derive(Debug)]
pub struct Standing {
    folder: PathBuf,
    recipients: Vec<Recipient>,
    every: Millis,
    keep: usize,
    off_machine: bool,
}

impl Standing {
    /// The standing order of a configuration, if it gives one.
    pub fn of(settings: &config::Backup) -> Result<Option<Self>, Error> {
        let Some(folder) = settings.to.clone() else {
            return Ok(None);
        };
        if !folder.is_dir() {
            let missing = std::io::ErrorKind::NotFound.into();
            return Err(wrong(&folder, "used as a folder for backups")(missing));
        }
        Ok(Some(Self {
            folder,
            recipients: sealed::recipients(&settings.recipient)?,
            every: Millis::from(settings.every_hours) * HOUR_MS,
            keep: settings.keep,
            off_machine: settings.off_machine,
        }))
    }

    /// Makes a backup if it is time, and lets old ones go.
    pub fn follow(
        &self,
        store: &Store,
        ledger: &Ledger,
        beside: &Path,
        durable: Durable,
        now: Millis,
    ) -> Result<Option<Made>, Error> {
        let newest = store.read(backups::held_until)?.0;
        if !is_due(newest.as_ref().map(|row| row.at), self.every, now) {
            return Ok(None);
        }
        let order = Order {
            to: &self.folder,
            recipients: &self.recipients,
            beside,
            off_machine: self.off_machine,
        };
        let made = make::make(store, ledger, &order, now)?;
        self.let_go(store)?;
        settle(store, durable)?;
        Ok(Some(made))
    }

    /// Removes what is beyond the number to keep: first its file, then its place on record, so that
    /// what can still be restored is never taken for gone.
    fn let_go(&self, store: &Store) -> Result<(), Error> {
        let all = store.read(backups::all)?;
        for row in beyond(&all, &self.folder, self.keep) {
            let file = Path::new(&row.name);
            for path in [file.to_owned(), Manifest::beside(file)] {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(wrong(&path, "removed")(error));
                    }
                    _ => {}
                }
            }
            store.write(|c| backups::forget(c, &row.id))?;
        }
        Ok(())
    }
}

/// Whether it is time for another.
fn is_due(newest: Option<Millis>, every: Millis, now: Millis) -> bool {
    // A clock that was put back makes the newest one come from the future.
    newest.is_none_or(|at| now.abs_diff(at) >= every.unsigned_abs())
}

/// Of all (the newest first), those in the folder beyond so many.
fn beyond<'a>(all: &'a [BackupRow], folder: &Path, keep: usize) -> Vec<&'a BackupRow> {
    let here = all
        .iter()
        .filter(|row| Path::new(&row.name).parent() == Some(folder));
    here.skip(keep).collect()
}

/// Makes durable what the record says, where it is asked.
pub fn settle(store: &Store, durable: Durable) -> Result<usize, store::Error> {
    match durable {
        Durable::Local => Ok(0),
        Durable::Backup => store.write(backups::make_durable),
    }
}

/// Tells people when no backup is recent, and takes that back when one is.
pub fn watch(store: &Store, now: Millis) -> Result<(), store::Error> {
    store.write(|c| {
        let (newest, since) = backups::held_until(c)?;
        let old = since.is_some_and(|since| now.saturating_sub(since) > OLD_MS);
        backups::tell(c, newest.as_ref().map(|row| row.id.as_str()), old, now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, at: i64) -> BackupRow {
        BackupRow {
            id: name.to_owned(),
            at,
            epoch: 1,
            name: name.to_owned(),
            sha256: name.to_owned(),
            bytes: 1,
            confirmed_at: None,
        }
    }

    #[test]
    fn a_backup_is_due_when_the_last_is_old_or_comes_from_the_future() {
        assert!(is_due(None, 12 * HOUR_MS, 0));
        assert!(!is_due(Some(0), 12 * HOUR_MS, 12 * HOUR_MS - 1));
        assert!(is_due(Some(0), 12 * HOUR_MS, 12 * HOUR_MS));
        assert!(is_due(Some(100 * HOUR_MS), 12 * HOUR_MS, 0));
    }

    #[test]
    fn only_what_lies_in_the_folder_is_counted_and_let_go() {
        let all = [
            row("/here/d", 4),
            row("/elsewhere/c", 3),
            row("/here/b", 2),
            row("/here/deeper/x", 2),
            row("/here/a", 1),
        ];
        let gone = beyond(&all, Path::new("/here"), 2);
        assert_eq!(gone, [&all[4]]);
        assert!(beyond(&all, Path::new("/here"), 3).is_empty());
    }
}
