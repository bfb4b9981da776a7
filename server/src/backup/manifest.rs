//! What stands beside a sealed backup in clear: what it is, when it was made, how to tell that it is
//! whole. Numbers and names of tables, nothing of what is in them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use sync_protocol::Millis;

use super::sealed::Bytes;
use super::{Error, create_private, sync_folder, wrong};

/// A later format says so with a greater number.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The first 16 digits of the digest: what people call it.
    pub backup: String,
    /// When the snapshot was taken.
    pub at: Millis,
    /// The version of the program that made it.
    pub program: String,
    /// Of which database, and its version.
    pub database: String,
    pub epoch: i64,
    pub greatest_rev: i64,
    pub greatest_head: i64,
    /// How long the kept copy of the side ledger is.
    pub ledger_bytes: u64,
    pub bytes: u64,
    pub sha256: String,
    /// Rows of each table.
    pub rows: BTreeMap<String, i64>,
}

/// What people call a backup with this digest.
pub fn name_of(sha256: &str) -> String {
    sha256.chars().take(16).collect()
}

impl Manifest {
    pub(super) const FORMAT: u32 = FORMAT;

    /// The name of a backup's manifest.
    pub fn beside(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".json");
        PathBuf::from(name)
    }

    /// The manifest beside a backup, if there is one.
    pub fn of(file: &Path) -> Result<Option<Self>, Error> {
        let path = Self::beside(file);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(&path, "read")(error)),
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(manifest) => Ok(Some(manifest)),
                Err(_) => Err(Error::Foreign(path.display().to_string())),
            },
        }
    }

    /// Whether it describes a file.
    pub fn describes(&self, file: &Bytes) -> bool {
        self.bytes == file.count && self.sha256 == file.sha256
    }

    /// Writes it beside the backup, whole or not at all. It comes last: where it is, the backup is.
    pub(super) fn write(&self, file: &Path) -> Result<(), Error> {
        let path = Self::beside(file);
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let text = serde_json::to_vec_pretty(self).map_err(|_| crate::ledger::Error::Unwritable)?;
        let _ = std::fs::remove_file(&partial);
        let written = create_private(&partial).and_then(|mut out| {
            out.write_all(&text)?;
            out.write_all(b"\n")?;
            out.sync_all()?;
            std::fs::rename(&partial, &path)
        });
        if let Err(error) = written {
            let _ = std::fs::remove_file(&partial);
            return Err(wrong(&path, "written")(error));
        }
        sync_folder(&path)
    }
}
