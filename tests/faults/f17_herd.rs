//! F17: all phones come back in the same second after an outage, each with what it gathered.

use std::time::{Duration, Instant};

use kadian_tests::process::peak_kib;

use crate::crowd::seen;
use crate::oracle::{Oracle, Turn};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
const ENTRIES: usize = 50;

/// As the field app does: waits as long as it is told, or as its own pause is; how long it took.
fn come_back(oracle: &mut Oracle, began: Instant) -> Duration {
    while oracle.replica.unsent() > 0 {
        assert!(began.elapsed() < 5 * REST, "a phone does not come to rest");
        if let Turn::Wait(told) = oracle.turn() {
            std::thread::sleep(told);
        }
    }
    began.elapsed()
}

#[test]
fn f17_all_phones_at_once_after_an_outage_are_served_without_a_storm_of_repeats() {
    let mut chance = seed("F17");
    let phones = scaled(60, 2_000);
    let mut site = Site::build(phones);
    let (mut process, mut oracles) = site.begin(0, &chance);
    for number in 0..phones {
        let mut oracle = site.oracle(&site.address(), &chance);
        oracle.capture(1);
        assert!(oracle.settle(REST), "phone {number}");
        oracle.patience = Duration::from_secs(30);
        oracle.hang_up();
        oracles.push(oracle);
    }
    process.kill();
    for oracle in &mut oracles {
        oracle.capture(ENTRIES);
        oracle.seen.requests = 0;
    }
    process = site.start();
    process.ready();
    let starts: Vec<u64> = (0..phones).map(|_| chance.below(1_000) as u64).collect();
    let began = Instant::now();
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let threads = oracles.iter_mut().zip(starts).map(|(oracle, start)| {
            std::thread::Builder::new()
                .stack_size(512 * 1024)
                .spawn_scoped(scope, move || {
                    std::thread::sleep(Duration::from_millis(start));
                    let first = Instant::now();
                    come_back(oracle, first)
                })
                .unwrap()
        });
        let threads: Vec<_> = threads.collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let all = began.elapsed();
    took.sort_unstable();
    let p99 = took[(took.len() * 99).div_ceil(100) - 1];
    let peak = peak_kib(&process.id().to_string());
    let seen = seen(&oracles);
    process.kill();
    let found = site.reckon();
    let entries = phones * ENTRIES;
    found.print(
        "F17 herd",
        phones,
        took.len(),
        &format!(
            "{entries} entries within {} ms, p99 {} ms; {} requests ({} told to wait, {} without an answer); memory at most {peak} KiB",
            all.as_millis(),
            p99.as_millis(),
            seen.requests,
            seen.waits,
            seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!((seen.faults, seen.without_retry_after), (0, 0), "{seen:?}");
    // A phone's fifty entries fit one request, or two; whatever is above is repeats.
    assert!(seen.requests <= 3 * phones as u64, "{seen:?}");
    assert!(peak < 512 * 1024, "{peak} KiB");
}
