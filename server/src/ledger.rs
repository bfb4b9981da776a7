//! The side ledger: an append-only file beside the database, one JSON object a line. It holds what
//! must survive when an older copy of the database is put back: epochs, enrolments, what was
//! revoked, what was purged. No names, no personal data.
//!
//! A line is written and flushed to the disk *before* the transaction that it belongs to commits.
//! So there may be lines whose transaction never came to be, and lines that stand there twice;
//! whoever replays them must live with both. The database remembers how much of the ledger it
//! knows; only what follows is replayed. Processes that share the file write to it only inside
//! their writing transaction, which the database lets one have at a time.

mod reading;

pub use reading::Reading;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sync_protocol::{Millis, Rev};

use crate::store::{self, Connection, meta};

/// The name of the file where the database has no file of its own to stand beside.
pub const FILE_NAME: &str = "kadian.ledger";
/// Under this name the database keeps which ledger it belongs to and how much of it it knows.
const FACT: &str = "ledger";
/// And under this one, the newest epoch of all that it knows.
const EPOCH: &str = "ledger_epoch";
/// Ids in one line.
const IDS: usize = 5_000;

/// What is written down. An open list: lines of a later version are kept and passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// An epoch was opened.
    Epoch { epoch: Rev, at: Millis },
    /// A device got its number. Hashes are 64 hex digits.
    Enrolment {
        number: u32,
        line: u32,
        account: i64,
        token_hash: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code_hash: Option<String>,
        /// The number that the phone left, and the last change under it that it knew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<(i64, i64)>,
        at: Millis,
    },
    /// A device was taken out of use, or back.
    DeviceState {
        number: u32,
        state: String,
        at: Millis,
    },
    /// A grant was revoked. Numbers of grants may be given out again after an older copy was put
    /// back, so the grant is described too.
    GrantRevoked {
        grant: i64,
        account: i64,
        role: String,
        area: String,
        at: Millis,
    },
    /// The date at which a grant runs out was set.
    GrantEnded {
        grant: i64,
        account: i64,
        role: String,
        area: String,
        until: Millis,
        at: Millis,
    },
    /// An account was closed, or opened again.
    Account {
        account: i64,
        active: bool,
        at: Millis,
    },
    /// An account has another password; the old one must not come back.
    Password { account: i64, at: Millis },
    /// These ids are gone for good.
    Purge { ids: Vec<String>, at: Millis },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    ledger: String,
}

/// How the line of a [`Head`] begins.
const HEAD: &[u8] = br#"{"ledger":""#;
const LONGER_THAN_A_HEAD: u64 = 100;
/// Random bytes that tell a ledger from all others; written as hex digits.
const ID_BYTES: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the ledger {0} cannot be {1}: {2}")]
    File(String, &'static str, std::io::Error),
    #[error(
        "the ledger {0} is missing; put back the one that was kept beside the database, or insist on starting without it: what was revoked or purged since the copy was made would come back"
    )]
    Missing(String),
    #[error(
        "the ledger {0} belongs to another database, or is older than this one; put the right one in its place, or insist on starting without it"
    )]
    Foreign(String),
    #[error("the machine gives no random numbers")]
    Random,
    #[error("a ledger entry cannot be written as JSON")]
    Unwritable,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// As a fault of the store that it belongs to.
    pub fn into_store(self) -> store::Error {
        match self {
            Self::Store(error) => error,
            other => store::Error::Unavailable(other.to_string()),
        }
    }
}

/// The open ledger; clones share it.
#[derive(Debug, Clone)]
pub struct Ledger {
    open: Option<Arc<Open>>,
}

#[derive(Debug)]
struct Open {
    id: String,
    path: PathBuf,
    file: Mutex<File>,
}

/// What a ledger holds from some place on, all of it in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries {
    pub entries: Vec<Entry>,
    /// Lines that are no entries: one torn by a crash, or of a later version, or damaged.
    pub passed_over: usize,
    /// How long the file is.
    pub end: u64,
}

/// A ledger's file, looked at without taking it into use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// Which ledger it is; none for a file that does not say.
    pub id: Option<String>,
    /// How long it is.
    pub end: u64,
}

/// Looks at a ledger's file, if it is there.
pub fn look(path: &Path) -> Result<Option<Looked>, Error> {
    let found = reading::beginning(path)?;
    Ok(found.map(|(head, end)| Looked {
        id: head.map(|head| head.ledger),
        end,
    }))
}

/// Which ledger a database belongs to, and how much of it it knows.
pub fn known(c: &mut Connection) -> Result<Option<(String, u64)>, Error> {
    Ok(Known::load(c)?.map(|known| (known.id, known.end)))
}

impl Ledger {
    /// None at all, for a database in memory.
    pub const fn none() -> Self {
        Self { open: None }
    }

    /// The ledger of a database file, unless another place is configured.
    pub fn beside(database: &Path) -> PathBuf {
        let mut name = database.as_os_str().to_owned();
        name.push(".ledger");
        PathBuf::from(name)
    }

    /// Opens the ledger that the database knows, or makes one for a database that knows none.
    /// `insist` puts a new one in the place of one that is missing or foreign; the foreign file is
    /// kept under another name.
    pub fn open(path: &Path, c: &mut Connection, insist: bool) -> Result<Self, Error> {
        let shown = || path.display().to_string();
        let known = Known::load(c)?;
        let found = reading::beginning(path)?;
        let fault = match (&known, &found) {
            // A file without entries may be left by a start that did not come to its end.
            (None, None) => return Self::begin(path, c),
            (None, Some((None, _))) if is_torn_head(path)? => {
                File::create(path).map_err(|error| Error::File(shown(), "emptied", error))?;
                return Self::begin(path, c);
            }
            (None, Some((Some(head), end))) if is_without_entries(path)? => {
                let ledger = Self::at(path, &head.ledger)?;
                Known::save(c, &head.ledger, *end)?;
                return Ok(ledger);
            }
            (Some(_), None) => Error::Missing(shown()),
            (Some(known), Some((Some(head), end)))
                if known.id == head.ledger && known.end <= *end =>
            {
                return Self::at(path, &head.ledger);
            }
            _ => Error::Foreign(shown()),
        };
        if !insist {
            return Err(fault);
        }
        if found.is_some() {
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".aside-{}", random_id()?));
            std::fs::rename(path, aside).map_err(|error| Error::File(shown(), "moved", error))?;
        }
        Self::begin(path, c)
    }

    /// Writes an entry down, on the disk, and notes in the open transaction that the database
    /// knows the ledger up to here: unless there is something before it that it does not know, which
    /// is then still to be done again.
    pub fn append(&self, c: &mut Connection, entry: &Entry) -> Result<(), Error> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        if let Entry::Epoch { epoch, .. } = entry {
            note_epoch(c, *epoch)?;
        }
        let (begin, end) = open.write_entry(entry)?;
        match Known::load(c)? {
            Some(known) if known.end < begin => Ok(()),
            _ => Known::save(c, &open.id, end),
        }
    }

    /// Writes down what another ledger holds and this one does not. The database does not know it.
    pub fn take_over(&self, other: &Path) -> Result<(), Error> {
        match &self.open {
            Some(open) => reading::missing(&open.path, other, |entry| {
                open.write_entry(entry).map(|_| ())
            }),
            None => Ok(()),
        }
    }

    /// What the database does not know yet: nothing, unless it is an older copy than the ledger
    /// (or a process died between writing a line and committing).
    pub fn unknown(&self, c: &mut Connection) -> Result<Reading, Error> {
        let from = Known::load(c)?.map_or(0, |known| known.end);
        self.read(from)
    }

    /// Notes that everything up to `end` has been replayed, and the newest epoch in it.
    pub fn settle(&self, c: &mut Connection, end: u64, epoch: Rev) -> Result<(), Error> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        // Where none is noted yet, this one would hide what came before it.
        if noted_epoch(c)?.is_some() {
            note_epoch(c, epoch)?;
        }
        Known::save(c, &open.id, end)
    }

    /// All there is, from the beginning.
    pub fn all(&self) -> Result<Reading, Error> {
        self.read(0)
    }

    /// All there is, in memory: for small ones.
    pub fn entries(&self) -> Result<Entries, Error> {
        let mut reading = self.all()?;
        let entries = reading.by_ref().collect::<Result<_, _>>()?;
        Ok(Entries {
            entries,
            passed_over: reading.passed_over(),
            end: reading.end(),
        })
    }

    /// The newest epoch on record; 0 where there is none. A database of a version that did not note
    /// it has all of the ledger read once.
    pub fn newest_epoch(&self, c: &mut Connection) -> Result<Rev, Error> {
        let noted = noted_epoch(c)?;
        let reading = match noted {
            Some(_) => self.unknown(c)?,
            None => self.all()?,
        };
        let mut newest = noted.unwrap_or(0);
        for entry in reading {
            if let Entry::Epoch { epoch, .. } = entry? {
                newest = newest.max(epoch);
            }
        }
        Ok(newest)
    }

    fn read(&self, from: u64) -> Result<Reading, Error> {
        match &self.open {
            Some(open) => Reading::open(&open.path, from),
            None => Ok(Reading::nothing()),
        }
    }

    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// The file first, then the database: a crash in between leaves a file without entries, which
    /// is adopted at the next start, or with part of its first line, which is then written anew.
    fn begin(path: &Path, c: &mut Connection) -> Result<Self, Error> {
        let id = random_id()?;
        let ledger = Self::at(path, &id)?;
        if let Some(open) = &ledger.open {
            let (_, end) = open.write(&Head { ledger: id.clone() })?;
            Known::save(c, &id, end)?;
        }
        Ok(ledger)
    }

    fn at(path: &Path, id: &str) -> Result<Self, Error> {
        let wrong = |what| move |error| Error::File(path.display().to_string(), what, error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(wrong("opened"))?;
        // A new name is on the disk only when its folder is.
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(wrong("made durable"))?;
        }
        let open = Open {
            id: id.to_owned(),
            path: path.to_owned(),
            file: Mutex::new(file),
        };
        Ok(Self {
            open: Some(Arc::new(open)),
        })
    }
}

impl Open {
    /// Appends an entry: one line, unless it is a purge of very many.
    fn write_entry(&self, entry: &Entry) -> Result<(u64, u64), Error> {
        let Entry::Purge { ids, at } = entry else {
            return self.write(entry);
        };
        let mut parts = ids.chunks(IDS).map(|part| {
            self.write(&Entry::Purge {
                ids: part.to_vec(),
                at: *at,
            })
        });
        let (begin, mut end) = match parts.next() {
            Some(first) => first?,
            None => return self.write(entry),
        };
        for part in parts {
            end = part?.1;
        }
        Ok((begin, end))
    }

    /// Appends one line and returns the length of the file before and after it.
    fn write(&self, what: &impl Serialize) -> Result<(u64, u64), Error> {
        let mut line = serde_json::to_vec(what).map_err(|_| Error::Unwritable)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        append_line(&mut file, &line)
            .map_err(|error| Error::File(self.path.display().to_string(), "written", error))
    }
}

fn is_without_entries(path: &Path) -> Result<bool, Error> {
    Ok(Reading::open(path, 0)?.next().transpose()?.is_none())
}

/// Whether a file holds nothing, or the beginning of what [`Ledger::begin`] writes: a crash left it.
fn is_torn_head(path: &Path) -> Result<bool, Error> {
    let wrong = |error| Error::File(path.display().to_string(), "read", error);
    let mut text = Vec::new();
    let file = File::open(path).map_err(wrong)?;
    let mut beginning = file.take(LONGER_THAN_A_HEAD);
    beginning.read_to_end(&mut text).map_err(wrong)?;
    Ok(match text.strip_prefix(HEAD) {
        Some(rest) => {
            let (id, end) = rest.split_at(rest.len().min(2 * ID_BYTES));
            id.iter().all(u8::is_ascii_hexdigit) && b"\"}".starts_with(end)
        }
        None => HEAD.starts_with(&text),
    })
}

fn append_line(file: &mut File, line: &[u8]) -> std::io::Result<(u64, u64)> {
    let length = file.seek(SeekFrom::End(0))?;
    if length > 0 {
        // A line that another process left torn must not swallow this one.
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(line)?;
    file.sync_data()?;
    Ok((length, file.seek(SeekFrom::End(0))?))
}

fn noted_epoch(c: &mut Connection) -> Result<Option<Rev>, Error> {
    let noted = meta::load(c, EPOCH)?;
    Ok(noted.and_then(|text| text.parse().ok()))
}

/// Notes an epoch that the ledger holds, if it is the newest so far.
fn note_epoch(c: &mut Connection, epoch: Rev) -> Result<(), Error> {
    if noted_epoch(c)?.is_none_or(|noted| noted < epoch) {
        meta::save(c, EPOCH, &epoch.to_string())?;
    }
    Ok(())
}

/// What the database knows of its ledger.
struct Known {
    id: String,
    end: u64,
}

impl Known {
    fn load(c: &mut Connection) -> Result<Option<Self>, Error> {
        let Some(text) = meta::load(c, FACT)? else {
            return Ok(None);
        };
        let known = text.split_once(' ').and_then(|(id, end)| {
            Some(Self {
                id: id.to_owned(),
                end: end.parse().ok()?,
            })
        });
        match known {
            Some(known) => Ok(Some(known)),
            None => Err(store::Error::Corrupt("the place in the ledger".to_owned()).into()),
        }
    }

    fn save(c: &mut Connection, id: &str, end: u64) -> Result<(), Error> {
        Ok(meta::save(c, FACT, &format!("{id} {end}"))?)
    }
}

fn random_id() -> Result<String, Error> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
