//! Runs of look-ups.

use super::*;
use crate::demo::chance::Chance;
use crate::store::{Store, StoreOptions, bulk, dialect, trial};

fn store() -> Store {
    Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap()
}

fn record(number: u8) -> RecordId {
    RecordId::from_bytes([number; 16])
}

fn hash(first: u8, last: u8) -> Hash {
    let mut hash = [7; HASH_BYTES];
    (hash[0], hash[HASH_BYTES - 1]) = (first, last);
    hash
}

fn set(lookups: &[(Hash, u8)]) -> BTreeSet<Lookup> {
    let lookup = |&(hash, number): &(Hash, u8)| Lookup {
        hash,
        record: record(number),
    };
    lookups.iter().map(lookup).collect()
}

/// How many batches and buckets there are.
fn shape(c: &mut Connection) -> Result<(i64, i64), Error> {
    let batches = lookup_batch::table.count().get_result(c)?;
    Ok((batches, lookup::table.count().get_result(c)?))
}

#[test]
fn a_full_run_is_sorted_and_followed_by_another_and_both_are_searched() {
    let (store, runs) = (store(), Runs::default());
    let take = |lookups| {
        let taken = store.write::<_, Error>(|c| runs.take(c, lookups, 5));
        taken.unwrap()
    };
    let first = take(RUN - 1);
    assert_eq!(take(1), first);
    let filled = store.write::<_, Error>(|c| {
        add(c, first, &set(&[(hash(1, 1), 1), (hash(2, 1), 1)]))?;
        add(c, first, &set(&[(hash(1, 1), 3), (hash(1, 2), 4)]))?;
        shape(c)
    });
    assert_eq!(filled.unwrap(), (2, 0));
    let second = take(1);
    assert!(second > first);
    // Another process, or this one after a start, goes on with the newest.
    let other = Runs::default();
    let taken = store.write::<_, Error>(|c| other.take(c, 1, 5));
    assert_eq!(taken.unwrap(), second);
    let found = store.write::<_, Error>(|c| {
        assert_eq!(shape(c)?, (0, 2), "one for each first byte");
        add(c, second, &set(&[(hash(1, 1), 2)]))?;
        under(c, &hash(1, 1))
    });
    assert_eq!(found.unwrap(), [record(1), record(2), record(3)]);
}

#[test]
fn a_run_that_was_filled_before_a_start_is_full_after_it() {
    let store = store();
    let many: BTreeSet<Lookup> = (0..RUN as u64)
        .map(|number| {
            let mut hash = [0; HASH_BYTES];
            hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let record = record(1);
            Lookup { hash, record }
        })
        .collect();
    assert_eq!(many.len(), RUN);
    store
        .write::<_, Error>(|c| {
            let first = Runs::default().take(c, RUN, 5)?;
            add(c, first, &many)?;
            // Each process knows only what it brought itself, until it looks.
            assert!(Runs::default().take(c, 1, 5)? > first);
            assert_eq!(shape(c)?, (0, 256));
            let second = newest(c)?.unwrap();
            add(c, second, &many)?;
            sort_late(c)?;
            assert_eq!(shape(c)?, (0, 512), "also if nobody brings anything more");
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_comes_late_for_a_full_run_is_found_and_sorted_into_it_later() {
    let (store, runs) = (store(), Runs::default());
    let found = store.write::<_, Error>(|c| {
        let first = runs.take(c, RUN, 5)?;
        add(c, first, &set(&[(hash(1, 1), 1)]))?;
        let second = runs.take(c, 1, 5)?;
        add(c, second, &set(&[(hash(1, 1), 9)]))?;
        add(c, first, &set(&[(hash(1, 1), 2), (hash(3, 1), 2)]))?;
        assert_eq!(under(c, &hash(1, 1))?, [record(1), record(2), record(9)]);
        sort_late(c)?;
        assert_eq!(shape(c)?, (1, 2), "the newest run is left as it is");
        under(c, &hash(1, 1))
    });
    assert_eq!(found.unwrap(), [record(1), record(2), record(9)]);
}

#[test]
fn a_run_that_was_begun_in_vain_is_no_harm() {
    let (store, runs) = (store(), Runs::default());
    let first = store.write::<_, Error>(|c| runs.take(c, RUN, 5)).unwrap();
    let undone = store.write::<(), Error>(|c| {
        assert!(runs.take(c, 1, 5)? > first);
        Err(Error::Busy)
    });
    undone.unwrap_err();
    let run = store.write::<_, Error>(|c| {
        let run = runs.take(c, 1, 5)?;
        add(c, run, &set(&[(hash(1, 1), 1)]))?;
        Ok(run)
    });
    assert!(run.unwrap() >= first);
    let found = store.read::<_, Error>(|c| under(c, &hash(1, 1)));
    assert_eq!(found.unwrap(), [record(1)]);
}

#[test]
fn runs_in_which_nothing_stands_are_forgotten_but_for_the_newest() {
    let (store, runs) = (store(), Runs::default());
    let left = store.write::<_, Error>(|c| {
        let begun: Vec<i64> = (0..5)
            .map(|_| runs.take(c, RUN, 5))
            .collect::<Result<_, _>>()?;
        // One was sorted, something came late for the other.
        add(c, begun[1], &set(&[(hash(1, 1), 1)]))?;
        sort(c, begun[1])?;
        add(c, begun[2], &set(&[(hash(1, 1), 1)]))?;
        forget_empty_runs(c)?;
        let left: Vec<i64> = lookup_run::table
            .order(lookup_run::run)
            .select(lookup_run::run)
            .load(c)?;
        Ok((begun, left))
    });
    let (begun, left) = left.unwrap();
    assert_eq!(left, [begun[1], begun[2], begun[4]]);
}

#[test]
fn half_a_look_up_is_a_damaged_database_and_no_panic() {
    let store = store();
    let found = store.write::<_, Error>(|c| {
        diesel::insert_into(lookup_batch::table)
            .values((
                lookup_batch::run.eq(1),
                lookup_batch::body.eq([1_u8; 33].as_slice()),
            ))
            .execute(c)?;
        under(c, &hash(1, 1))
    });
    assert!(matches!(found, Err(Error::Corrupt(_))));
}

/// Runs, and what stands in them.
type Standing = BTreeSet<(i64, Lookup)>;

fn some(chance: &mut Chance, run: i64) -> Standing {
    let count = 1 + chance.below(5);
    let mut one = |below| u8::try_from(chance.below(below)).unwrap();
    let lookups: Vec<_> = (0..count).map(|_| (hash(one(3), one(2)), one(3))).collect();
    set(&lookups)
        .into_iter()
        .map(|lookup| (run, lookup))
        .collect()
}

/// Adds, takes away and sorts, and looks after each step whether all is found that stands.
fn come_and_go(c: &mut Connection, chance: &mut Chance) -> Result<(), Error> {
    let (mut stands, runs) = (Standing::new(), [begin(c, 5)?, begin(c, 5)?]);
    for step in 0..20 {
        let run = runs[chance.below(2)];
        let which = some(chance, run);
        match chance.below(6) {
            0..3 => {
                add(c, run, &which.iter().map(|(_, lookup)| *lookup).collect())?;
                stands.extend(which);
            }
            3..5 => {
                delete(c, &which)?;
                stands = stands.difference(&which).copied().collect();
            }
            _ => sort(c, run)?,
        }
        for wanted in (0..3).flat_map(|first| (0..2).map(move |last| hash(first, last))) {
            let here = stands.iter().filter(|(_, lookup)| lookup.hash == wanted);
            let here: BTreeSet<RecordId> = here.map(|(_, lookup)| lookup.record).collect();
            let found: BTreeSet<RecordId> = under(c, &wanted)?.into_iter().collect();
            assert_eq!(found, here, "step {step}");
        }
    }
    delete(c, &stands)?;
    assert_eq!(shape(c)?, (0, 0), "nothing is left of what is gone");
    Ok(())
}

#[test]
fn whatever_comes_and_goes_each_hash_finds_what_stands() {
    for seed in 0..40 {
        let ran = store().write::<_, Error>(|c| come_and_go(c, &mut Chance::new(seed)));
        ran.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn look_ups_outlive_a_change_of_their_form() {
    let url = trial::url().unwrap();
    let store = Store::open(&url, StoreOptions::default()).unwrap();
    let first = store
        .write::<_, Error>(|c| {
            for number in 1..=3 {
                let row = trial::record_row(record(number));
                bulk::add_records(c, std::slice::from_ref(&row))?;
            }
            let runs = (begin(c, 5)?, begin(c, 5)?);
            let sorted = [(hash(1, 1), 1), (hash(0xA9, 2), 2), (hash(0xA9, 1), 1)];
            add(c, runs.0, &set(&sorted))?;
            sort(c, runs.0)?;
            add(c, runs.1, &set(&[(hash(1, 1), 2), (hash(0, 1), 3)]))?;
            Ok(runs.0)
        })
        .unwrap();
    store
        .ask(|c| {
            dialect::revert_to(c, "0005")?;
            dialect::migrate(c)?;
            assert_eq!(under(c, &hash(1, 1))?, [record(1), record(2)]);
            assert_eq!(under(c, &hash(0xA9, 1))?, [record(1)]);
            assert_eq!(under(c, &hash(0xA9, 2))?, [record(2)]);
            assert_eq!(under(c, &hash(0, 1))?, [record(3)]);
            // A look-up is taken away from where it stands now.
            delete(
                c,
                &set(&[(hash(0xA9, 1), 1)])
                    .into_iter()
                    .map(|one| (first, one))
                    .collect(),
            )?;
            assert_eq!(under(c, &hash(0xA9, 1))?, []);
            Ok(())
        })
        .unwrap();
}
