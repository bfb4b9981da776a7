//! F8: requests that come twice, late, or between others; and a phone that was copied.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::crowd::{Crowd, seen};
use crate::proxy::{Fault, Proxy};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

#[test]
fn f8_requests_that_come_twice_late_or_between_others_are_applied_once() {
    let mut chance = seed("F8 repeats");
    let clients = 6;
    let mut site = Site::build(clients);
    let mut process = site.start();
    process.ready();
    let proxy = Proxy::to(&site.address());
    let mut oracles = site.oracles(clients, &proxy.address, &chance);
    for oracle in &mut oracles {
        oracle.fresh = true;
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    let faults = scaled(200, 100_000);
    proxy.next((0..faults).map(|_| match chance.below(4) {
        0 => Fault::Duplicate { at_once: true },
        1 => Fault::Duplicate { at_once: false },
        2 => Fault::Again(Duration::from_millis(1 + chance.below(150) as u64)),
        _ => Fault::None,
    }));
    let before = proxy.connections();
    let crowd = Crowd::start(oracles, 10);
    while proxy.connections() < before + faults as u64 {
        assert!(crowd.goes_on(1, REST), "nothing moves");
    }
    let mut oracles = crowd.stop();
    for oracle in &mut oracles {
        assert!(oracle.settle(REST));
    }
    let seen = seen(&oracles);
    // What comes late comes.
    std::thread::sleep(Duration::from_millis(400));
    process.kill();
    let found = site.reckon();
    found.print(
        "F8 repeats",
        faults,
        faults,
        &format!("forks {}", seen.forks),
    );
    found.is_sound();
    assert_eq!((seen.forks, seen.faults), (0, 0), "{seen:?}");
}

#[test]
fn f8_answers_that_reach_the_wrong_phone_lose_nothing() {
    let chance = seed("F8 swapped");
    let mut site = Site::build(2);
    let mut process = site.start();
    process.ready();
    let proxy = Proxy::to(&site.address());
    let mut pair = site.oracles(2, &proxy.address, &chance);
    for oracle in &mut pair {
        oracle.fresh = true;
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    let swaps = scaled(10, 1_000);
    for _ in 0..swaps {
        let both = Fault::Swapped(Arc::new(Barrier::new(2)), Arc::default());
        proxy.next([both.clone(), both]);
        std::thread::scope(|scope| {
            for oracle in &mut pair {
                scope.spawn(|| {
                    oracle.capture(3);
                    oracle.replica.hurry();
                    oracle.turn();
                });
            }
        });
        for oracle in &mut pair {
            assert!(oracle.settle(REST));
        }
    }
    process.kill();
    let found = site.reckon();
    found.print(
        "F8 swapped answers",
        swaps,
        swaps,
        &format!("forks {}", seen(&pair).forks),
    );
    found.is_sound();
}

#[test]
fn f8_a_copied_phone_is_noticed_and_nothing_of_either_copy_is_lost() {
    let chance = seed("F8 copies");
    let copies = scaled(5, 500);
    let mut site = Site::build(copies);
    let mut process = site.start();
    process.ready();
    let mut noticed = 0;
    for _ in 0..copies {
        let mut one = site.oracle(&site.address(), &chance);
        one.capture(7);
        assert!(one.settle(REST));
        one.capture(2);
        let mut other = site.copy(&one);
        one.capture(3);
        other.capture(4);
        for _ in 0..3 {
            assert!(one.settle(REST) && other.settle(REST));
            one.capture(1);
            other.capture(1);
        }
        noticed += usize::from(seen(&[one, other]).forks > 0);
    }
    process.kill();
    let found = site.reckon();
    found.print(
        "F8 copied phones",
        copies,
        noticed,
        "survived: the copy was noticed",
    );
    assert_eq!(noticed, copies);
    assert!(found.aside.is_empty(), "{found:?}");
    found.is_sound();
}
