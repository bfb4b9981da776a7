//! F11: the primary dies, or freezes and wakes up again, and the synchronous standby takes over.

use std::time::{Duration, Instant};

use kadian_tests::cluster::Cluster;

use crate::crowd::{Crowd, seen, settle_half};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

/// How the old primary goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Killed,
    /// It freezes, another is promoted, it wakes up and believes that it is still the one; later
    /// somebody fences it.
    Frozen,
}

#[test]
fn f11_the_standby_takes_over_with_all_that_was_acknowledged_also_by_a_primary_that_wakes_up() {
    let chance = seed("F11");
    let clients = 6;
    let mut primary = Cluster::start(&[]);
    let mut standby = Cluster::follow(&primary, "s0", None);
    let ports = (primary.port(), standby.port());
    let url = format!(
        "postgres://kadian@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        ports.0, ports.1
    );
    let mut site = Site::on(&url, clients);
    primary.configure("synchronous_standby_names = 's0'\n");
    primary.reload();
    let (mut process, mut oracles) = site.begin(clients, &chance);
    for oracle in &mut oracles {
        oracle.patience = Duration::from_secs(2);
        oracle.hang_up();
    }
    let crowd = Crowd::start(oracles, 12);
    let failovers = scaled(2, 60);
    let (mut away, mut split) = (Vec::new(), 0);
    for number in 0..failovers {
        assert!(
            crowd.goes_on(60, REST),
            "nothing moves before failover {number}"
        );
        let death = [Death::Killed, Death::Frozen][number % 2];
        let next = format!("s{}", number + 1);
        let began = Instant::now();
        // The new primary, too, acknowledges only what its standby has.
        standby.configure(&format!("synchronous_standby_names = '{next}'\n"));
        standby.reload();
        match death {
            Death::Killed => {
                primary.kill();
                standby.promote();
            }
            Death::Frozen => {
                // The postmaster, and the processes that serve connections.
                primary.signal_all("STOP");
                standby.promote();
                std::thread::sleep(Duration::from_millis(300));
                primary.signal_all("CONT");
                let before = crowd.acked();
                std::thread::sleep(Duration::from_millis(700));
                // The new one has no standby yet and the old one none any more: only what the
                // standby had before it was promoted may still be answered for.
                split += crowd.acked() - before;
                primary.crash();
            }
        }
        let port = primary.port();
        drop(std::mem::replace(&mut primary, standby));
        standby = Cluster::follow(&primary, &next, Some(port));
        assert!(
            crowd.goes_on(1, REST),
            "nothing moves after {death:?} {number}"
        );
        away.push(began.elapsed());
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    assert!(process.ended(Duration::ZERO).is_none(), "the server ended");
    process.kill();
    let seen = seen(&oracles);
    let found = site.reckon();
    away.sort_unstable();
    found.print(
        "F11 failover",
        failovers,
        failovers,
        &format!(
            "acknowledged by an old primary that woke {split}, all of which the new one had; away {} ms at most, until the new primary had a standby; {} requests told to wait, {} without an answer",
            away[away.len() - 1].as_millis(),
            seen.waits,
            seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!(seen.faults, 0, "{seen:?}");
}
