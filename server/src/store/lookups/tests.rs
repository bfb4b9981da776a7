//! Runs of look-ups.

use super::*;
use crate::store::bulk::{self, LookupRow};
use crate::store::{Store, StoreOptions, trial};

fn store() -> Store {
    Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap()
}

fn row(run: i64, record: &str) -> LookupRow<'static> {
    LookupRow {
        run,
        hash: vec![1, 2, 3].into(),
        record: record.to_owned(),
        scope_id: 1,
    }
}

#[test]
fn a_full_run_is_followed_by_another_and_both_are_searched() {
    let (store, runs) = (store(), Runs::default());
    let take = |lookups| {
        let taken = store.write::<_, Error>(|c| runs.take(c, lookups, 5));
        taken.unwrap()
    };
    let first = take(RUN - 1);
    assert_eq!(take(1), first);
    let second = take(1);
    assert!(second > first);
    // Another process, or this one after a start, goes on with the newest.
    let other = Runs::default();
    let taken = store.write::<_, Error>(|c| other.take(c, 1, 5));
    assert_eq!(taken.unwrap(), second);
    let found = store.write::<_, Error>(|c| {
        bulk::put_lookups(c, &[row(first, "a"), row(second, "b")])?;
        // What stands there already stays.
        bulk::put_lookups(c, &[row(first, "a")])?;
        under(c, &[1, 2, 3])
    });
    assert_eq!(found.unwrap(), ["a", "b"]);
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
        bulk::put_lookups(c, &[row(run, "a")])?;
        Ok(run)
    });
    assert!(run.unwrap() >= first);
    let found = store.read::<_, Error>(|c| under(c, &[1, 2, 3]));
    assert_eq!(found.unwrap(), ["a"]);
}

#[test]
fn runs_in_which_nothing_stands_are_forgotten_but_for_the_newest() {
    let (store, runs) = (store(), Runs::default());
    let left = store.write::<_, Error>(|c| {
        let begun: Vec<i64> = (0..4)
            .map(|_| runs.take(c, RUN, 5))
            .collect::<Result<_, _>>()?;
        bulk::put_lookups(c, &[row(begun[1], "a")])?;
        forget_empty_runs(c)?;
        let left: Vec<i64> = lookup_run::table
            .order(lookup_run::run)
            .select(lookup_run::run)
            .load(c)?;
        Ok((begun, left))
    });
    let (begun, left) = left.unwrap();
    assert_eq!(left, [begun[1], begun[3]]);
}
