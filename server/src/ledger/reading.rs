//! Reading a ledger's file, one line at a time: it grows for as long as there is an installation, and
//! what is held in memory does not.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Entry, Error, Head};

/// A longer line is passed over. What is written stays far below.
const LONGEST: u64 = 16 * 1024 * 1024;
/// More than the first line of any ledger is long.
const LONGER_THAN_A_HEAD: u64 = 4 * 1024;
/// Entries that are looked for in another file at the same time.
const AT_ONCE: usize = 50_000;

/// The entries from some place on, in their order.
#[derive(Debug)]
pub struct Reading {
    path: PathBuf,
    /// None for a ledger that is none.
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    head: bool,
    passed_over: usize,
    end: u64,
}

impl Reading {
    /// Of no ledger: there is nothing.
    pub(super) fn nothing() -> Self {
        Self {
            path: PathBuf::new(),
            file: None,
            line: Vec::new(),
            head: false,
            passed_over: 0,
            end: 0,
        }
    }

    pub(super) fn open(path: &Path, from: u64) -> Result<Self, Error> {
        let wrong = |error| Error::File(path.display().to_string(), "read", error);
        let mut file = File::open(path).map_err(wrong)?;
        file.seek(SeekFrom::Start(from)).map_err(wrong)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(BufReader::new(file)),
            end: from,
            ..Self::nothing()
        })
    }

    /// Lines so far that are no entries: one torn by a crash, or of a later version, or damaged.
    pub const fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// Up to where it was read.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// How much memory a line takes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.line.capacity() + self.file.as_ref().map_or(0, BufReader::capacity)
    }

    /// Takes the next line; false at the end. Of one that is too long nothing is kept.
    fn take_line(&mut self) -> std::io::Result<bool> {
        self.line.clear();
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let mut bounded = file.by_ref().take(LONGEST);
        let mut read = bounded.read_until(b'\n', &mut self.line)? as u64;
        if read == LONGEST && self.line.last() != Some(&b'\n') {
            read += file.skip_until(b'\n')? as u64;
            self.line = b"too long".to_vec();
        }
        self.end += read;
        Ok(read > 0)
    }
}

impl Iterator for Reading {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.take_line() {
                Err(error) => {
                    let path = self.path.display().to_string();
                    self.file = None;
                    return Some(Err(Error::File(path, "read", error)));
                }
                Ok(false) => return None,
                Ok(true) => {}
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            if let Ok(entry) = serde_json::from_slice(&self.line) {
                return Some(Ok(entry));
            }
            if !self.head && serde_json::from_slice::<Head>(&self.line).is_ok() {
                self.head = true;
            } else {
                self.passed_over += 1;
            }
        }
    }
}

/// How a file begins: which ledger it says that it is, and how long it is. None where there is none.
pub(super) fn beginning(path: &Path) -> Result<Option<(Option<Head>, u64)>, Error> {
    let wrong = |error| Error::File(path.display().to_string(), "read", error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    let length = file.metadata().map_err(wrong)?.len();
    let mut line = Vec::new();
    let mut first = BufReader::new(file.take(LONGER_THAN_A_HEAD));
    first.read_until(b'\n', &mut line).map_err(wrong)?;
    Ok(Some((serde_json::from_slice(&line).ok(), length)))
}

/// Hands over what another ledger holds and this one does not, once each. A part that both begin
/// with is not looked at again.
pub(super) fn missing(
    here: &Path,
    other: &Path,
    mut found: impl FnMut(&Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rest = Reading::open(other, shared(here, other)?)?;
    loop {
        let (from, mut count) = (rest.end(), 0);
        let mut wanted = HashSet::new();
        for entry in rest.by_ref().take(AT_ONCE) {
            wanted.insert(digest(&entry?)?);
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        for entry in Reading::open(here, 0)? {
            wanted.remove(&digest(&entry?)?);
        }
        for entry in Reading::open(other, from)?.take(count) {
            let entry = entry?;
            if wanted.remove(&digest(&entry)?) {
                found(&entry)?;
            }
        }
    }
}

fn digest(entry: &Entry) -> Result<[u8; 32], Error> {
    let text = serde_json::to_vec(entry).map_err(|_| Error::Unwritable)?;
    Ok(Sha256::digest(text).into())
}

/// With how many bytes of whole lines both files begin.
fn shared(one: &Path, other: &Path) -> Result<u64, Error> {
    let open = |path: &Path| match File::open(path) {
        Ok(file) => Ok(BufReader::new(file)),
        Err(error) => Err(Error::File(path.display().to_string(), "read", error)),
    };
    let (mut a, mut b) = (open(one)?, open(other)?);
    let wrong = |error| Error::File(other.display().to_string(), "compared", error);
    let (mut at, mut whole) = (0_u64, 0_u64);
    loop {
        let (x, y) = (a.fill_buf().map_err(wrong)?, b.fill_buf().map_err(wrong)?);
        let most = x.len().min(y.len());
        let same = x.iter().zip(y).take_while(|(x, y)| x == y).count();
        if let Some(last) = x.iter().take(same).rposition(|byte| *byte == b'\n') {
            whole = at + last as u64 + 1;
        }
        at += same as u64;
        if most == 0 || same < most {
            return Ok(whole);
        }
        a.consume(same);
        b.consume(same);
    }
}
