//! Several processes that start at the same moment, also on a database that is empty.

use std::collections::BTreeSet;
use std::sync::Barrier;

use kadian::clock::{BUILD, Clock};
use kadian::ledger::{self, Ledger};
use kadian::store::{Error, Store, StoreOptions, epochs, trial};
use kadian::sync::Engine;
use kadian::sync::opening::Opening;
use kadian::sync::search_key::SearchKey;

use crate::template::folder;

const STARTING: usize = 4;

#[test]
fn processes_that_start_at_once_on_an_empty_database_make_it_once_and_have_their_own_numbers() {
    for _ in 0..3 {
        let folder = folder();
        let url = match trial::server() {
            Some(server) => trial::bare(&server).unwrap(),
            None => format!("sqlite://{}/kadian.sqlite", folder.path().display()),
        };
        let ledger = folder.path().join(ledger::FILE_NAME);
        let start = Barrier::new(STARTING);
        let opened: Vec<(Engine, Vec<String>)> = std::thread::scope(|threads| {
            let (url, ledger, start) = (&url, &ledger, &start);
            let starting: Vec<_> = (0..STARTING)
                .map(|n| {
                    threads.spawn(move || {
                        start.wait();
                        open(url, ledger, &format!("p{n}"))
                    })
                })
                .collect();
            starting
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect()
        });
        let applied: Vec<&String> = opened.iter().flat_map(|(_, applied)| applied).collect();
        let once: BTreeSet<&&String> = applied.iter().collect();
        assert!(!applied.is_empty());
        assert_eq!(applied.len(), once.len(), "each migration ran once");
        let numbers: BTreeSet<i64> = opened.iter().map(|(one, _)| one.process()).collect();
        assert_eq!(numbers, (1..=STARTING as i64).collect());
        let ledger = opened[0]
            .0
            .store()
            .write(|c| Ledger::open(&ledger, c, false))
            .unwrap();
        let epochs: BTreeSet<u64> = ledger
            .entries()
            .unwrap()
            .entries
            .into_iter()
            .filter_map(|entry| match entry {
                ledger::Entry::Epoch { epoch, .. } => Some(epoch),
                _ => None,
            })
            .collect();
        assert_eq!(epochs.len(), STARTING, "an epoch for each");
        let open = opened[0].0.store().read(epochs::current);
        assert_eq!(
            open.map_err(|e: Error| e.to_string()).ok(),
            epochs.last().copied()
        );
        drop(opened);
        trial::remove(&url).unwrap();
    }
}

fn open(url: &str, ledger: &std::path::Path, process: &str) -> (Engine, Vec<String>) {
    let store = Store::open(url, StoreOptions::default()).unwrap();
    let applied = store.applied().to_vec();
    let ledger = store.write(|c| Ledger::open(ledger, c, false)).unwrap();
    let opening = Opening {
        process,
        build: BUILD,
        shown: store.read(|c| ledger.newest_epoch(c)).unwrap(),
        ledger: &ledger,
        catch_up: kadian::accounts::catch_up,
        insist_on_clock: false,
        oldest_schema: 0,
        durable: kadian::store::acks::Durable::Local,
    };
    let clock = Clock::manual(BUILD + 1000);
    let engine = Engine::open(store, clock, SearchKey::new([7; 32]), &opening).unwrap();
    (engine, applied)
}
