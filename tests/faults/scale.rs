//! How much is done, and by which chance. `KADIAN_FAULTS=20` does twenty times as much as a plain
//! run, `KADIAN_SEED=s` does the same again as a run that printed that seed.

use std::time::{SystemTime, UNIX_EPOCH};

use kadian::demo::chance::Chance;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How many times as much as a plain run.
pub(crate) fn scale() -> usize {
    number("KADIAN_FAULTS").map_or(1, |times| usize::try_from(times).unwrap().max(1))
}

/// `plain` in a plain run, more in a longer one, but never more than `most`.
pub(crate) fn scaled(plain: usize, most: usize) -> usize {
    plain.saturating_mul(scale()).min(most.max(plain))
}

/// The seed of one test, printed so that its run can be replayed.
pub(crate) fn seed(row: &str) -> Chance {
    let seed = number("KADIAN_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_nanos() % 1_000_000_007).unwrap()
    });
    println!("{row}: KADIAN_SEED={seed}");
    Chance::new(seed)
}
