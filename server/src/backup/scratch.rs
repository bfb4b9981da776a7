//! The one file in clear: beside the database, for its owner alone, gone when its work is done or
//! has failed. A process that is killed leaves it; whoever comes next removes it. A lock keeps
//! backups and restores of one database apart, and tells a leftover from a file that is in use.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Error, create_private, hex, sync_folder, wrong};

/// Between the database's name and a random part.
const MARK: &str = ".copying-";
/// After the database's name.
const LOCK: &str = ".copying";

pub(super) struct Scratch {
    path: PathBuf,
    /// Held until the file is gone.
    _lock: File,
}

impl Scratch {
    /// Takes the lock, removes leftovers, makes an empty file.
    pub(super) fn take(beside: &Path) -> Result<Self, Error> {
        let lock = lock(beside)?;
        remove_leftovers(beside)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| crate::ledger::Error::Random)?;
        let path = with(beside, &format!("{MARK}{}", hex(&random)));
        create_private(&path).map_err(wrong(&path, "made"))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of a file that goes with it.
    pub(super) fn beside(&self, end: &str) -> PathBuf {
        with(&self.path, end)
    }

    /// Puts the file on the disk under a name of its own, in the place of what was there.
    pub(super) fn place(self, to: &Path) -> Result<(), Error> {
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .map_err(wrong(&self.path, "made durable"))?;
        std::fs::rename(&self.path, to).map_err(wrong(to, "put in place"))?;
        sync_folder(to)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Placed, there is nothing left; and what cannot be removed now, the next one removes.
        let _ = std::fs::remove_file(&self.path);
        for end in ["-journal", "-wal", "-shm", "-ledger"] {
            let _ = std::fs::remove_file(with(&self.path, end));
        }
    }
}

/// Removes what a killed process left, unless somebody is at work.
pub fn sweep(beside: &Path) -> Result<(), Error> {
    match lock(beside) {
        Ok(_lock) => remove_leftovers(beside),
        Err(Error::Busy) => Ok(()),
        Err(error) => Err(error),
    }
}

fn lock(beside: &Path) -> Result<File, Error> {
    let path = with(beside, LOCK);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(wrong(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy),
        Err(TryLockError::Error(error)) => Err(wrong(&path, "locked")(error)),
    }
}

fn remove_leftovers(beside: &Path) -> Result<(), Error> {
    let folder = beside.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let Some(name) = beside.file_name().and_then(|name| name.to_str()) else {
        return Ok(());
    };
    let left = format!("{name}{MARK}");
    for entry in std::fs::read_dir(folder).map_err(wrong(folder, "read"))? {
        let entry = entry.map_err(wrong(folder, "read"))?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(&left))
        {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(wrong(&path, "removed"))?;
        }
    }
    Ok(())
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("kadian.sqlite");
        std::fs::write(folder.path().join("kadian.sqlite.copying-0123"), "left").unwrap();
        let scratch = Scratch::take(&database).unwrap();
        assert_eq!(files(folder.path()).len(), 2, "the lock and the new one");
        assert!(matches!(Scratch::take(&database), Err(Error::Busy)));
        sweep(&database).unwrap();
        assert!(scratch.path().exists(), "somebody works with it");
        drop(scratch);
        assert_eq!(files(folder.path()), ["kadian.sqlite.copying"]);
        Scratch::take(&database).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::take(&folder.path().join("kadian.sqlite")).unwrap();
        let mode = std::fs::metadata(scratch.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
