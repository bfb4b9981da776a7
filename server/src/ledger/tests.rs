//! The ledger against crashes, older copies and wrong files.

use super::*;
use crate::store::{Store, StoreOptions};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kadian.sqlite.ledger");
    Place {
        _folder: folder,
        path,
        store: Store::open(&store::trial::url().unwrap(), StoreOptions::default()).unwrap(),
    }
}

impl Place {
    fn open(&self, insist: bool) -> Result<Ledger, Error> {
        self.store.write(|c| Ledger::open(&self.path, c, insist))
    }

    fn append(&self, ledger: &Ledger, entry: &Entry) {
        self.store.write(|c| ledger.append(c, entry)).unwrap();
    }

    /// In a transaction that comes to nothing.
    fn append_in_vain(&self, ledger: &Ledger, entry: &Entry) {
        let result = self.store.write::<(), Error>(|c| {
            ledger.append(c, entry)?;
            Err(Error::Random)
        });
        assert!(result.is_err());
    }

    fn unknown(&self, ledger: &Ledger) -> Entries {
        let mut reading = self.store.write(|c| ledger.unknown(c)).unwrap();
        Entries {
            entries: reading.by_ref().map(Result::unwrap).collect(),
            passed_over: reading.passed_over(),
            end: reading.end(),
        }
    }

    fn newest_epoch(&self, ledger: &Ledger) -> Rev {
        self.store.read(|c| ledger.newest_epoch(c)).unwrap()
    }
}

const fn epoch(epoch: Rev) -> Entry {
    Entry::Epoch { epoch, at: 1 }
}

#[test]
fn what_was_written_is_read_again_and_the_database_knows_it() {
    let place = place();
    let ledger = place.open(false).unwrap();
    place.append(&ledger, &epoch(5));
    let purge = Entry::Purge {
        ids: vec!["01a20099-0ebf-7a11-8c21-6f0f2a9d4b01".to_owned()],
        at: 2,
    };
    place.append(&ledger, &purge);
    drop(ledger);
    let ledger = place.open(false).unwrap();
    assert_eq!(ledger.entries().unwrap().entries, [epoch(5), purge]);
    assert_eq!(place.unknown(&ledger).entries, []);
}

#[test]
fn a_rolled_back_transaction_leaves_an_entry_that_the_database_does_not_know() {
    let place = place();
    let ledger = place.open(false).unwrap();
    place.append(&ledger, &epoch(5));
    place.append_in_vain(&ledger, &epoch(6));
    let unknown = place.unknown(&ledger);
    assert_eq!(unknown.entries, [epoch(6)]);
    place
        .store
        .write(|c| ledger.settle(c, unknown.end, 6))
        .unwrap();
    assert_eq!(place.unknown(&ledger).entries, []);
}

#[test]
fn a_line_torn_at_any_byte_is_passed_over_and_swallows_nothing() {
    let whole = serde_json::to_string(&epoch(7)).unwrap();
    for cut in 1..whole.len() {
        let place = place();
        let ledger = place.open(false).unwrap();
        place.append(&ledger, &epoch(5));
        let mut file = OpenOptions::new().append(true).open(&place.path).unwrap();
        file.write_all(&whole.as_bytes()[..cut]).unwrap();
        drop(ledger);
        let ledger = place.open(false).unwrap();
        place.append(&ledger, &epoch(8));
        let all = ledger.entries().unwrap();
        assert_eq!(all.entries, [epoch(5), epoch(8)], "cut at {cut}");
        assert_eq!(all.passed_over, 1);
    }
}

#[test]
fn a_start_that_was_cut_at_any_byte_of_its_first_line_is_begun_anew_and_no_other_file_is() {
    let whole = {
        let place = place();
        drop(place.open(false).unwrap());
        std::fs::read(&place.path).unwrap()
    };
    for cut in 0..whole.len() {
        let place = place();
        std::fs::write(&place.path, &whole[..cut]).unwrap();
        let ledger = place.open(false).unwrap();
        place.append(&ledger, &epoch(5));
        drop(ledger);
        let ledger = place.open(false).unwrap();
        let all = ledger.entries().unwrap();
        assert_eq!(all.entries, [epoch(5)], "cut at {cut}");
        assert_eq!(all.passed_over, 0);
    }
    for other in [
        "\n",
        "notes",
        "{\"ledger\":\"a list of paints",
        "{\"ledger\":\"0123456789abcdef0",
    ] {
        let place = place();
        std::fs::write(&place.path, other).unwrap();
        assert!(
            matches!(place.open(false), Err(Error::Foreign(_))),
            "{other}"
        );
        assert_eq!(std::fs::read_to_string(&place.path).unwrap(), other);
    }
}

#[test]
fn a_missing_ledger_is_noticed_and_only_an_operator_who_insists_goes_on() {
    let place = place();
    let ledger = place.open(false).unwrap();
    place.append(&ledger, &epoch(5));
    drop(ledger);
    std::fs::remove_file(&place.path).unwrap();
    assert!(matches!(place.open(false), Err(Error::Missing(_))));
    let ledger = place.open(true).unwrap();
    assert_eq!(ledger.entries().unwrap().entries, []);
    place.open(false).unwrap();
}

#[test]
fn a_foreign_or_older_ledger_is_noticed_and_kept_aside_when_someone_insists() {
    let (one, two) = (place(), place());
    let ledger = one.open(false).unwrap();
    one.append(&ledger, &epoch(5));
    let older = std::fs::read(&one.path).unwrap();
    one.append(&ledger, &epoch(6));
    drop(ledger);
    std::fs::write(&one.path, older).unwrap();
    assert!(matches!(one.open(false), Err(Error::Foreign(_))), "older");

    let ledger = two.open(false).unwrap();
    two.append(&ledger, &epoch(9));
    drop(ledger);
    std::fs::copy(&two.path, &one.path).unwrap();
    assert!(
        matches!(one.open(false), Err(Error::Foreign(_))),
        "another's"
    );
    one.open(true).unwrap();
    let files = std::fs::read_dir(one.path.parent().unwrap())
        .unwrap()
        .count();
    assert_eq!(files, 2, "the foreign one is kept");
}

#[test]
fn a_fresh_database_does_not_take_over_a_ledger_with_entries() {
    let (one, two) = (place(), place());
    let ledger = one.open(false).unwrap();
    std::fs::copy(&one.path, &two.path).unwrap();
    two.open(false).unwrap();
    one.append(&ledger, &epoch(5));
    let three = place();
    std::fs::copy(&one.path, &three.path).unwrap();
    assert!(matches!(three.open(false), Err(Error::Foreign(_))));
}

#[test]
fn what_the_database_does_not_know_stays_unknown_when_more_is_written_after_it() {
    let place = place();
    let ledger = place.open(false).unwrap();
    place.append(&ledger, &epoch(5));
    place.append_in_vain(&ledger, &epoch(6));
    place.append(&ledger, &epoch(4));
    assert_eq!(place.unknown(&ledger).entries, [epoch(6), epoch(4)]);
    assert_eq!(place.newest_epoch(&ledger), 6);
}

#[test]
fn the_newest_epoch_is_known_without_reading_what_the_database_knows() {
    let place = place();
    let ledger = place.open(false).unwrap();
    assert_eq!(place.newest_epoch(&ledger), 0);
    place.append(&ledger, &epoch(5));
    place.append(&ledger, &epoch(7));
    assert_eq!(place.newest_epoch(&ledger), 7);
    // Of what the database knows no line is needed any more.
    let known = std::fs::read(&place.path).unwrap();
    let begin = known.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut blank = known.clone();
    blank[begin..].fill(b' ');
    std::fs::write(&place.path, blank).unwrap();
    assert_eq!(place.newest_epoch(&ledger), 7);
    // A version that did not note it left it to be found in all of the ledger.
    std::fs::write(&place.path, known).unwrap();
    place
        .store
        .write(|c| meta::save(c, EPOCH, "of another version"))
        .unwrap();
    assert_eq!(place.newest_epoch(&ledger), 7);
}

/// Bytes of a ledger in which many purges stand.
const MANY: u64 = 50 * 1024 * 1024;

#[test]
fn of_a_ledger_of_any_length_one_line_is_in_memory() {
    let place = place();
    let ledger = place.open(false).unwrap();
    place.append(&ledger, &epoch(5));
    let line = serde_json::to_string(&Entry::Purge {
        ids: vec!["01a20099-0ebf-7a11-8c21-6f0f2a9d4b01".to_owned(); 200],
        at: 2,
    });
    let line = line.unwrap() + "\n";
    let file = OpenOptions::new().append(true).open(&place.path).unwrap();
    let mut file = std::io::BufWriter::new(file);
    let lines = MANY / line.len() as u64;
    for _ in 0..lines {
        file.write_all(line.as_bytes()).unwrap();
    }
    drop(file);
    drop(ledger);
    let ledger = place.open(false).unwrap();
    let mut reading = place.store.write(|c| ledger.unknown(c)).unwrap();
    let (mut count, mut held) = (0, 0);
    while let Some(entry) = reading.next() {
        entry.unwrap();
        count += 1;
        held = held.max(reading.held());
    }
    assert_eq!((count, reading.passed_over()), (lines, 0));
    assert!(
        held < 4 * line.len(),
        "{held} bytes for lines of {}",
        line.len()
    );
}

#[test]
fn opening_reads_the_first_line_and_no_other() {
    let place = place();
    drop(place.open(false).unwrap());
    // A hole of a size that nobody reads in passing, and that no memory holds.
    let file = OpenOptions::new().write(true).open(&place.path).unwrap();
    if file.set_len(1 << 40).is_err() {
        return;
    }
    place.open(false).unwrap();
    assert_eq!(look(&place.path).unwrap().unwrap().end, 1 << 40);
}

#[test]
fn a_line_without_an_end_is_passed_over_and_not_held() {
    let place = place();
    let ledger = place.open(false).unwrap();
    let file = OpenOptions::new().write(true).open(&place.path).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    place.append(&ledger, &epoch(5));
    let mut reading = ledger.all().unwrap();
    assert_eq!(reading.next().unwrap().unwrap(), epoch(5));
    assert_eq!(reading.passed_over(), 1);
    assert!(reading.held() < 1024 * 1024, "{}", reading.held());
}

#[test]
fn a_purge_of_very_many_is_several_lines() {
    let place = place();
    let ledger = place.open(false).unwrap();
    let ids: Vec<String> = (0..2 * IDS + 1).map(|n| n.to_string()).collect();
    place.append(
        &ledger,
        &Entry::Purge {
            ids: ids.clone(),
            at: 2,
        },
    );
    let mut found = Vec::new();
    for entry in ledger.entries().unwrap().entries {
        let Entry::Purge { ids, at: 2 } = entry else {
            panic!("{entry:?}")
        };
        assert!(ids.len() <= IDS);
        found.extend(ids);
    }
    assert_eq!(found, ids);
    assert_eq!(place.unknown(&ledger).entries, []);
}

#[test]
fn what_only_another_ledger_holds_is_taken_over_once_and_is_unknown() {
    let (one, two, three) = (place(), place(), place());
    let ledger = one.open(false).unwrap();
    one.append(&ledger, &epoch(1));
    one.append(&ledger, &epoch(2));
    std::fs::copy(&one.path, &two.path).unwrap();
    for number in [3, 4] {
        one.append(&ledger, &epoch(number));
    }
    let mut other = OpenOptions::new().append(true).open(&two.path).unwrap();
    other
        .write_all(b"{\"entry\":\"epoch\",\"epoch\":9,\"at\":1}\n{\"entry\":\"epoch\",\"epoch\":3,\"at\":1}\n")
        .unwrap();
    let another = three.open(false).unwrap();
    for number in [7, 2, 7] {
        three.append(&another, &epoch(number));
    }
    for path in [&two.path, &three.path, &one.path, &two.path] {
        ledger.take_over(path).unwrap();
    }
    assert_eq!(one.unknown(&ledger).entries, [epoch(9), epoch(7)]);
    let all = [1, 2, 3, 4, 9, 7].map(epoch);
    assert_eq!(ledger.entries().unwrap().entries, all);
}

#[test]
fn lines_of_a_later_version_are_passed_over() {
    let place = place();
    let ledger = place.open(false).unwrap();
    let mut file = OpenOptions::new().append(true).open(&place.path).unwrap();
    file.write_all(b"{\"entry\":\"from the future\",\"x\":1}\n")
        .unwrap();
    place.append(&ledger, &epoch(5));
    assert_eq!(ledger.entries().unwrap().entries, [epoch(5)]);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_ledger() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place();
    place.open(false).unwrap();
    let mode = std::fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_database_in_memory_has_no_ledger() {
    let place = place();
    let ledger = Ledger::none();
    place.append(&ledger, &epoch(1));
    assert_eq!(ledger.entries().unwrap(), Entries::default());
}
