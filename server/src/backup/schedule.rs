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
        check_folder(&folder)?;
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
        check_folder(&self.folder)?;
        // By its whole name: should the folder go now, no file takes its place.
        let file = self.folder.join(make::name_at(now));
        let order = Order {
            to: &file,
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
    /// what can still be restored is never taken for gone. What was written or restored elsewhere and
    /// is older goes off the record, too, or no phone would ever let go of what it lacks.
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
        for row in overtaken(&all, &self.folder, self.keep) {
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

fn check_folder(folder: &Path) -> Result<(), Error> {
    match folder.is_dir() {
        true => Ok(()),
        false => Err(Error::NoFolder(folder.display().to_string())),
    }
}

fn is_in(row: &BackupRow, folder: &Path) -> bool {
    Path::new(&row.name).parent() == Some(folder)
}

/// Of all (the newest first), those in the folder beyond so many.
fn beyond<'a>(all: &'a [BackupRow], folder: &Path, keep: usize) -> Vec<&'a BackupRow> {
    let here = all.iter().filter(|row| is_in(row, folder));
    here.skip(keep).collect()
}

/// Of all, confirmed ones elsewhere that are older than the last of so many in the folder, if that one
/// is confirmed: it says in their place what is durable.
fn overtaken<'a>(all: &'a [BackupRow], folder: &Path, keep: usize) -> Vec<&'a BackupRow> {
    let here = all.iter().filter(|row| is_in(row, folder));
    let Some(last) = here.take(keep).nth(keep.saturating_sub(1)) else {
        return Vec::new();
    };
    let older = |row: &&BackupRow| row.confirmed_at.is_some() && row.at < last.at;
    let elsewhere = all.iter().filter(|row| !is_in(row, folder));
    match last.confirmed_at {
        Some(_) => elsewhere.filter(older).collect(),
        None => Vec::new(),
    }
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

    fn standing(folder: &Path, keep: usize) -> Standing {
        let key = age::x25519::Identity::generate().to_public();
        let settings = config::Backup {
            to: Some(folder.to_owned()),
            recipient: key.to_string(),
            keep,
            ..crate::trial::config(Vec::new()).unwrap().backup
        };
        Standing::of(&settings).unwrap().unwrap()
    }

    #[test]
    fn a_folder_that_is_gone_gets_no_file_of_its_name_and_no_backup_counts() {
        let place = tempfile::tempdir().unwrap();
        let (folder, beside) = (place.path().join("mounted"), place.path().join("kadian"));
        std::fs::create_dir(&folder).unwrap();
        let standing = standing(&folder, 2);
        std::fs::remove_dir(&folder).unwrap();
        let store = Store::open(
            &store::trial::url().unwrap(),
            store::StoreOptions::default(),
        );
        let store = store.unwrap();
        let ledger = Ledger::none();
        let follow = || standing.follow(&store, &ledger, &beside, Durable::Backup, 1);
        let refused = follow().map(|made| made.map(|made| made.file)).unwrap_err();
        assert!(refused.to_string().contains("mounted"), "{refused}");
        assert!(!folder.exists());
        assert_eq!(store.read(backups::all).unwrap(), []);
        std::fs::create_dir(&folder).unwrap();
        let made = follow().unwrap().unwrap();
        assert_eq!(made.file.parent(), Some(folder.as_path()));
    }

    #[test]
    fn what_was_restored_counts_until_the_folder_holds_as_many_confirmed_ones_as_are_kept() {
        let place = tempfile::tempdir().unwrap();
        let here = place.path().to_owned();
        let standing = standing(&here, 2);
        let store = Store::open(
            &store::trial::url().unwrap(),
            store::StoreOptions::default(),
        );
        let store = store.unwrap();
        let add = |name: &str, at: i64, confirmed: bool| {
            let row = BackupRow {
                confirmed_at: confirmed.then_some(at),
                ..row(name, at)
            };
            store.write(|c| backups::add(c, &row, &[])).unwrap();
            standing.let_go(&store).unwrap();
            let oldest = store.read(backups::oldest_confirmed).unwrap();
            oldest.map(|row| row.at)
        };
        let inside = |name: &str| here.join(name).display().to_string();
        assert_eq!(add("/restored/from", 1, true), Some(1));
        assert_eq!(add(&inside("a"), 2, true), Some(1), "one is not two");
        assert_eq!(
            add(&inside("b"), 3, false),
            Some(2),
            "two, the older confirmed"
        );
        assert_eq!(add("/restored/again", 1, true), Some(2));
        assert_eq!(add("/elsewhere/younger", 4, true), Some(2));
        let names: Vec<String> = store
            .read(backups::all)
            .unwrap()
            .into_iter()
            .map(|row| row.name)
            .collect();
        assert_eq!(
            names,
            ["/elsewhere/younger".to_owned(), inside("b"), inside("a")]
        );
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
