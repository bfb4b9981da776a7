//! The book of an oracle client: a file of its own, flushed to the disk, in which every change
//! stands as sent before it is sent, and as acknowledged once the answer was heard. What was sent
//! and never acknowledged is unknown: it may be in the store, once, or not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sync_protocol::id::RecordId;
use sync_protocol::stamp::RawStamp;

/// What tells a change from all others: the phone, the record, the phone's stamp, and what it
/// says (two copies of a phone may give one stamp twice).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The first number of the phone.
    pub(crate) line: u32,
    pub(crate) record: RecordId,
    pub(crate) stamp: RawStamp,
    pub(crate) content: u64,
}

/// What the book says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// When the acknowledgement was written down, in µs since 1970.
    pub(crate) acked: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Book {
    file: File,
}

impl Book {
    pub(crate) fn create(path: &Path) -> Self {
        Self {
            file: File::create_new(path).unwrap(),
        }
    }

    /// The phone has this number from now on.
    pub(crate) fn enrolled(&mut self, device: u32) {
        self.write(&format!("device {device}\n"));
    }

    /// These changes are about to be sent for the first time.
    pub(crate) fn sent(&mut self, changes: &[(u64, RecordId, RawStamp, u64)]) {
        let lines: String = changes
            .iter()
            .map(|(seq, record, stamp, content)| {
                format!("sent {seq} {record} {stamp} {content:016x}\n")
            })
            .collect();
        if !lines.is_empty() {
            self.write(&lines);
        }
    }

    /// The server has answered for every change up to this one.
    pub(crate) fn acked(&mut self, ack: u64) {
        self.write(&format!("acked {ack} {}\n", now_us()));
    }

    fn write(&mut self, lines: &str) {
        self.file.write_all(lines.as_bytes()).unwrap();
        self.file.sync_data().unwrap();
    }
}

pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

/// Everything that the books say.
pub(crate) fn read(paths: &[PathBuf]) -> BTreeMap<Key, Noted> {
    let mut all = BTreeMap::new();
    for path in paths {
        read_one(&std::fs::read_to_string(path).unwrap(), &mut all);
    }
    all
}

fn read_one(text: &str, all: &mut BTreeMap<Key, Noted>) {
    let mut line = None;
    // Under which number each change stands now: a phone that enrols again counts anew.
    let mut under: BTreeMap<u64, Key> = BTreeMap::new();
    for row in text.lines() {
        let words: Vec<&str> = row.split(' ').collect();
        match words[..] {
            ["device", number] => {
                line.get_or_insert(number.parse().unwrap());
                under.clear();
            }
            ["sent", seq, record, stamp, content] => {
                let key = Key {
                    line: line.unwrap(),
                    record: record.parse().unwrap(),
                    stamp: stamp.parse().unwrap(),
                    content: u64::from_str_radix(content, 16).unwrap(),
                };
                under.insert(seq.parse().unwrap(), key);
                let acked = all.get(&key).and_then(|before: &Noted| before.acked);
                all.insert(key, Noted { acked });
            }
            ["acked", seq, at] => {
                let (last, at): (u64, u64) = (seq.parse().unwrap(), at.parse().unwrap());
                for (_, key) in under.range(..=last) {
                    all.get_mut(key).unwrap().acked.get_or_insert(at);
                }
                under = under.split_off(&(last + 1));
            }
            _ => panic!("{row}"),
        }
    }
}
