//! Random worlds of phones around the real engine on a real database: everything that goes wrong
//! with clocks, networks, phones, people and the centre itself, drawn from a seed.
//!
//! `KADIAN_WORLDS=n` runs n worlds; `KADIAN_SEED=s` runs that one and prints what happened in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "small numbers"
)]

mod actions;
mod beside;
mod capture;
mod captured;
mod centre;
mod figures;
mod invariants;
mod mishaps;
mod office;
mod oracle;
mod random;
mod raw;
mod registry;
mod rights;
mod template;
mod values;
mod watch;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use figures::Figures;
use kadian::store::trial;
use world::World;

/// How many worlds a plain run has: about a minute's worth on two cores. On a server each world,
/// and each copy of one, is a database to be made, and each look at its books many questions.
fn worlds() -> u64 {
    match (cfg!(debug_assertions), trial::server().is_some()) {
        (true, false) => 80,
        (false, false) => 400,
        (true, true) => 10,
        (false, true) => 30,
    }
}
const ACTIONS: usize = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one world; what it came to, or what went wrong and what had happened.
fn live(seed: u64) -> Result<(Figures, Vec<String>), (String, Vec<String>)> {
    let mut world = World::new(seed);
    let done = catch_unwind(AssertUnwindSafe(|| world.run(ACTIONS)));
    world.figures.one("worlds");
    let fault = match done {
        Ok(Ok(())) => return Ok((world.figures, world.log)),
        Ok(Err(fault)) => fault,
        Err(_) => "a panic".to_owned(),
    };
    Err((fault, world.log))
}

#[test]
fn random_worlds_lose_nothing_and_converge() {
    if let Some(seed) = number("KADIAN_SEED") {
        let (log, result) = match live(seed) {
            Ok((figures, log)) => (log, Ok(figures)),
            Err((fault, log)) => (log, Err(fault)),
        };
        println!("{}", log.join("\n"));
        match result {
            Ok(figures) => println!("{figures}"),
            Err(fault) => panic!("world {seed}: {fault}"),
        }
        return;
    }
    let worlds = number("KADIAN_WORLDS").unwrap_or_else(worlds);
    let first = number("KADIAN_FIRST").unwrap_or(1);
    let next = AtomicU64::new(first);
    let total = Mutex::new(Figures::default());
    let faults = Mutex::new(Vec::new());
    let begun = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + worlds || faults.lock().unwrap().len() >= 8 {
                        return;
                    }
                    match live(seed) {
                        Ok((figures, _)) => total.lock().unwrap().join(&figures),
                        Err((fault, _)) => faults.lock().unwrap().push((seed, fault)),
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap();
    total.add("lost", 0);
    total.add("applied twice", 0);
    println!("{total}in {:.1} s", begun.elapsed().as_secs_f64());
    let faults = faults.into_inner().unwrap();
    let told: Vec<String> = faults
        .iter()
        .map(|(seed, fault)| format!("world {seed} (KADIAN_SEED={seed}): {fault}"))
        .collect();
    assert!(faults.is_empty(), "{}", told.join("\n"));
    assert_eq!((total.of("lost"), total.of("applied twice")), (0, 0));
}
