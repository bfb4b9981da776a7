//! F1: the server is killed at any point of a batch.

use std::time::{Duration, Instant};

use kadian_tests::process::Process;

use crate::crowd::{Crowd, settle_half};
use crate::reckoning;
use crate::scale::{scaled, seed};
use crate::site::Site;
use crate::strace;

/// A restart must be ready after so long.
const READY: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_secs(120);

fn restart(site: &Site, took: &mut Vec<Duration>) -> Process {
    let mut process = site.start();
    took.push(process.ready());
    process
}

fn p99(took: &mut [Duration]) -> u128 {
    took.sort_unstable();
    took[(took.len() * 99).div_ceil(100).min(took.len()) - 1].as_millis()
}

#[test]
fn f1_killed_at_random_moments_the_server_loses_nothing_acknowledged_and_applies_nothing_twice() {
    let mut chance = seed("F1 random");
    let clients = scaled(8, 50);
    let mut site = Site::build(clients);
    let mut took = Vec::new();
    let mut process = restart(&site, &mut took);
    let crowd = Crowd::start(site.oracles(clients, &site.address(), &chance), 25);
    let began = Instant::now();
    let kills = scaled(15, 2_000);
    for _ in 0..kills {
        // Now and then while it is still opening its database.
        let most = if chance.percent(10) { 30 } else { 300 };
        std::thread::sleep(Duration::from_millis(1 + chance.below(most) as u64));
        process.kill();
        process = site.start();
        if chance.percent(90) {
            took.push(process.ready());
        }
    }
    took.push(process.ready());
    assert!(
        crowd.goes_on(1, REST),
        "the server works after the last kill"
    );
    process.kill();
    let mut oracles = crowd.stop();
    process = site.start();
    process.ready();
    settle_half(&mut oracles, REST);
    let shown = reckoning::shown(&site.address());
    process.kill();
    let found = site.reckon();
    let worst = took.iter().max().copied().unwrap();
    found.print(
        "F1 kill -9 at random",
        kills,
        kills,
        &format!(
            "{:.0} s, restart to ready p99 {} ms",
            began.elapsed().as_secs_f64(),
            p99(&mut took)
        ),
    );
    found.is_sound();
    assert_eq!(shown.len(), found.records, "what is shown is what stands");
    assert!(worst < READY, "{worst:?}");
}

#[test]
fn f1_killed_at_the_nth_write_to_its_files_the_server_loses_nothing_and_applies_nothing_twice() {
    let mut chance = seed("F1 at the nth");
    let clients = 4;
    let mut site = Site::in_file(clients);
    let mut process = restart(&site, &mut Vec::new());
    let mut oracles = site.oracles(clients, &site.address(), &chance);
    for oracle in &mut oracles {
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    let crowd = Crowd::start(oracles, 12);
    let calls = [strace::WRITE, strace::FLUSH];
    let kills = scaled(8, 800);
    let mut survived = 0;
    for number in 0..kills {
        process.kill();
        let call = calls[number % calls.len()];
        let most = if call == strace::WRITE { 400 } else { 60 };
        let nth = 1 + chance.below(most);
        process = site.start_under(&strace::kill_at(call, nth), &[]);
        assert!(
            process.ended(REST).is_some(),
            "the server was not killed at {call} {nth}"
        );
        // It comes up again on what it left.
        process = site.start();
        process.ready();
        assert!(crowd.goes_on(1, REST), "after a kill at {call} {nth}");
        survived += 1;
    }
    process.kill();
    let mut oracles = crowd.stop();
    process = site.start();
    process.ready();
    settle_half(&mut oracles, REST);
    process.kill();
    let found = site.reckon();
    found.print("F1 kill -9 at the nth write or flush", kills, survived, "");
    found.is_sound();
}
