//! What strace wrote down of a server's files, and the files as a loss of power at some moment may
//! leave them: everything up to the last flush of a file is there; of what was written after it,
//! any part may be, in any order, torn at the sectors of a disk.

use std::collections::BTreeMap;
use std::path::Path;

use kadian::demo::chance::Chance;

/// A disk writes these whole or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// `None` is behind the end.
    Write(Option<u64>, Vec<u8>),
    Length(u64),
    Gone,
    /// What came before lasts from here on.
    Flushed,
    /// What came before and was not flushed may be gone, and no later flush brings it back: the
    /// kernel believes that it is written.
    FlushFailed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    /// When it began, in µs since 1970.
    pub(crate) at: u64,
    pub(crate) file: String,
    pub(crate) change: Change,
}

/// Reads what strace wrote; calls that failed changed nothing, unless they were to flush.
pub(crate) fn read(text: &str) -> Vec<Op> {
    let mut begun: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    let mut ops = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let Some((time, call)) = rest.trim_start().split_once(' ') else {
            continue;
        };
        let at = micros(time);
        if let Some(part) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (at, part));
        } else if call.starts_with("<... ") {
            let Some((at, first)) = begun.remove(thread) else {
                continue;
            };
            let Some((_, last)) = call.split_once(" resumed>") else {
                continue;
            };
            ops.extend(parse(at, &format!("{first}{last}")));
        } else {
            ops.extend(parse(at, call));
        }
    }
    ops
}

fn micros(time: &str) -> u64 {
    let (seconds, rest) = time.split_once('.').unwrap();
    let seconds: u64 = seconds.parse().unwrap();
    let rest: u64 = rest.parse().unwrap();
    seconds * 1_000_000 + rest
}

/// One finished call, as `pwrite64(7</x/y>, "\x00", 1, 0) = 1`.
fn parse(at: u64, call: &str) -> Option<Op> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ")?;
    let result = result.split(' ').next()?;
    let failed = result.starts_with('-');
    let flushes = matches!(name, "fsync" | "fdatasync");
    if result == "?" || (failed && !flushes) {
        return None;
    }
    let path = if name == "unlink" {
        text(arguments.strip_prefix('"')?.strip_suffix('"')?)
    } else {
        text(arguments.split_once('<')?.1.split_once('>')?.0)
    };
    let file = Path::new(&path).file_name()?.to_str()?.to_owned();
    let change = match name {
        _ if flushes && failed => Change::FlushFailed,
        _ if flushes => Change::Flushed,
        "unlink" => Change::Gone,
        "ftruncate" => Change::Length(arguments.rsplit_once(", ")?.1.parse().ok()?),
        "write" | "pwrite64" => {
            let (_, after) = arguments.split_once(", \"")?;
            let (bytes, numbers) = after.split_once('"')?;
            let mut bytes = unhex(bytes);
            // A short write wrote less than it was given.
            bytes.truncate(result.parse().ok()?);
            let offset = numbers.rsplit_once(", ")?.1.parse().ok()?;
            Change::Write((name == "pwrite64").then_some(offset), bytes)
        }
        _ => return None,
    };
    Some(Op { at, file, change })
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.split("\\x").skip(1);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn text(hex: &str) -> String {
    String::from_utf8(unhex(hex)).unwrap()
}

/// Which part of what was not flushed survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survives {
    Nothing,
    All,
    /// The first so many, the next one torn.
    First,
    /// Any, each torn or whole.
    Any,
}

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The files after a loss of power when so many operations were done.
pub(crate) fn after_loss(
    before: &Files,
    done: &[Op],
    survives: Survives,
    chance: &mut Chance,
) -> Files {
    let mut files = before.clone();
    let mut names: Vec<&str> = done.iter().map(|op| op.file.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let mut open: Vec<&Change> = Vec::new();
        for op in done.iter().filter(|op| op.file == name) {
            match &op.change {
                Change::Flushed => {
                    for change in open.drain(..) {
                        apply(&mut files, name, change, None);
                    }
                }
                Change::FlushFailed => lose(&mut files, name, &mut open, survives, chance),
                change => open.push(change),
            }
        }
        lose(&mut files, name, &mut open, survives, chance);
    }
    files
}

/// Does some of what was not flushed, and forgets the rest.
fn lose(
    files: &mut Files,
    name: &str,
    open: &mut Vec<&Change>,
    survives: Survives,
    chance: &mut Chance,
) {
    let first = chance.below(open.len() + 1);
    for (index, change) in open.drain(..).enumerate() {
        let (there, torn) = match survives {
            Survives::Nothing => (false, false),
            Survives::All => (true, false),
            Survives::First => (index <= first, index == first),
            Survives::Any => (chance.percent(50), chance.percent(50)),
        };
        if there {
            apply(files, name, change, torn.then_some(&mut *chance));
        }
    }
}

/// Does an operation, or, given a chance, some sectors of it.
fn apply(files: &mut Files, name: &str, change: &Change, torn: Option<&mut Chance>) {
    match change {
        Change::Flushed | Change::FlushFailed => {}
        Change::Gone => {
            files.remove(name);
        }
        Change::Length(length) => {
            let length = usize::try_from(*length).unwrap();
            files.entry(name.to_owned()).or_default().resize(length, 0);
        }
        Change::Write(offset, bytes) => {
            let file = files.entry(name.to_owned()).or_default();
            let offset = offset.map_or(file.len(), |offset| usize::try_from(offset).unwrap());
            let mut chance = torn;
            let mut at = offset;
            while at < offset + bytes.len() {
                let end = ((at / SECTOR + 1) * SECTOR).min(offset + bytes.len());
                if chance.as_mut().is_none_or(|chance| chance.percent(50)) {
                    if file.len() < end {
                        file.resize(end, 0);
                    }
                    file[at..end].copy_from_slice(&bytes[at - offset..end - offset]);
                }
                at = end;
            }
        }
    }
}

#[test]
fn f2_what_strace_writes_is_read_and_what_was_not_flushed_may_be_gone() {
    let text = concat!(
        "7 100.000001 pwrite64(5<\\x2f\\x61>, \"\\x41\\x42\", 2, 0) = 2\n",
        "7 100.000002 fsync(5<\\x2f\\x61> <unfinished ...>\n",
        "8 100.000003 write(6<\\x2f\\x62>, \"\\x43\", 1) = 1\n",
        "7 100.000004 <... fsync resumed>) = 0\n",
        "7 100.000005 pwrite64(5<\\x2f\\x61>, \"\\x44\", 1, 3) = 1\n",
        "7 100.000006 pwrite64(5<\\x2f\\x61>, \"\\x45\", 1, 9) = -1 ENOSPC (No space left on device)\n",
        "7 100.000007 ftruncate(6<\\x2f\\x62>, 3) = 0\n",
    );
    let ops = read(text);
    assert_eq!(ops.len(), 5);
    assert_eq!(
        (ops[1].at, &ops[1].change),
        (100_000_003, &Change::Write(None, b"C".to_vec()))
    );
    let mut chance = Chance::new(1);
    let none = after_loss(&Files::new(), &ops, Survives::Nothing, &mut chance);
    assert_eq!(none, [("a".to_owned(), b"AB".to_vec())].into());
    let all = after_loss(&Files::new(), &ops, Survives::All, &mut chance);
    let whole = [
        ("a".to_owned(), b"AB\0D".to_vec()),
        ("b".to_owned(), b"C\0\0".to_vec()),
    ];
    assert_eq!(all, whole.into());
}
