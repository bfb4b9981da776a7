//! F10: PostgreSQL is killed or stopped at once, again and again, under load.

use std::time::{Duration, Instant};

use kadian_tests::cluster::Cluster;

use crate::crowd::{Crowd, seen, settle_half};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
/// From the moment the database answers, the server must have written again after so long.
const BACK: Duration = Duration::from_secs(2);

#[test]
fn f10_a_database_that_is_killed_again_and_again_loses_nothing_and_is_found_again() {
    let mut chance = seed("F10");
    let clients = 6;
    let mut cluster = Cluster::start(&[]);
    let mut site = Site::on(&cluster.url("postgres"), clients);
    let (mut process, oracles) = site.begin(clients, &chance);
    let crowd = Crowd::start(oracles, 12);
    let kills = scaled(4, 300);
    let mut took = Vec::new();
    for kill in 0..kills {
        assert!(crowd.goes_on(30, REST), "nothing moves before kill {kill}");
        std::thread::sleep(Duration::from_millis(chance.below(200) as u64));
        if kill % 2 == 0 {
            cluster.kill();
        } else {
            cluster.crash();
        }
        std::thread::sleep(Duration::from_millis(chance.below(300) as u64));
        cluster.resume();
        let began = Instant::now();
        assert!(crowd.goes_on(1, REST), "nothing moves after kill {kill}");
        took.push(began.elapsed());
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    assert!(process.ended(Duration::ZERO).is_none(), "the server ended");
    process.kill();
    let seen = seen(&oracles);
    took.sort_unstable();
    let found = site.reckon();
    found.print(
        "F10 database killed",
        kills,
        kills,
        &format!(
            "{} requests told to wait, {} without an answer, {} of 500; writes again after {} ms at most, half after {} ms",
            seen.waits,
            seen.no_reply,
            seen.faults,
            took[took.len() - 1].as_millis(),
            took[took.len() / 2].as_millis()
        ),
    );
    found.is_sound();
    assert_eq!(
        (seen.faults, seen.without_retry_after),
        (0, 0),
        "503 with Retry-After and nothing else: {seen:?}"
    );
    assert!(took[took.len() - 1] < BACK, "{took:?}");
    assert!(!site.log().contains("a panic was caught"));
}
