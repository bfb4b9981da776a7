//! F18: the server is told to stop under load, and is replaced by another one without a gap.

use std::time::{Duration, Instant};

use kadian_tests::process::{Process, free_port};
use rustix::process::{Pid, Signal, kill_process};

use crate::crowd::{Crowd, seen, settle_half};
use crate::proxy::Proxy;
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

/// Tells a server to stop, as a service manager does; how long that took.
fn stop(process: &mut Process) -> Duration {
    let began = Instant::now();
    let id = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let status = process.ended(REST).expect("it stops in time");
    assert!(status.success(), "{status}");
    began.elapsed()
}

#[test]
fn f18_told_to_stop_under_load_the_server_answers_what_it_has_and_ends() {
    let mut chance = seed("F18 stop");
    let clients = 6;
    let mut site = Site::build(clients);
    let (mut process, oracles) = site.begin(clients, &chance);
    let crowd = Crowd::start(oracles, 20);
    let times = scaled(6, 500);
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        assert!(crowd.goes_on(20, REST), "nothing moves");
        std::thread::sleep(Duration::from_millis(chance.below(50) as u64));
        longest = longest.max(stop(&mut process));
        process = site.start();
        process.ready();
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    let seen = seen(&oracles);
    process.kill();
    let found = site.reckon();
    found.print(
        "F18 told to stop",
        times,
        times,
        &format!(
            "longest stop {} ms; {} requests, {} without an answer, {} told to wait",
            longest.as_millis(),
            seen.requests,
            seen.no_reply,
            seen.waits
        ),
    );
    found.is_sound();
    // What it had, it answered: of what phones sent while it stood still, nothing came in unanswered.
    assert_eq!((seen.faults, found.appeared), (0, 0), "{seen:?}");
}

#[test]
fn f18_two_servers_are_replaced_one_after_the_other_and_what_was_cut_off_is_sent_again() {
    let chance = seed("F18 rolling");
    let clients = 6;
    let mut site = Site::build(clients);
    let ports = [free_port(), free_port()];
    let mut servers = [0, 1].map(|n| site.start_beside(["a", "b"][n], ports[n]));
    servers[0].ready();
    servers[1].ready();
    let front = Proxy::to(&servers[0].address);
    let mut oracles = site.oracles(clients, &front.address, &chance);
    for oracle in &mut oracles {
        oracle.fresh = true;
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    let crowd = Crowd::start(oracles, 10);
    let times = scaled(4, 400);
    for time in 0..times {
        assert!(crowd.goes_on(20, REST), "nothing moves");
        let (old, new) = (time % 2, (time + 1) % 2);
        // The door leads to the other one; what is under way ends where it began.
        front.turn_to(&servers[new].address);
        stop(&mut servers[old]);
        servers[old] = site.start_beside(["a", "b"][old], ports[old]);
        servers[old].ready();
    }
    let mut oracles = crowd.stop();
    for oracle in &mut oracles {
        assert!(oracle.settle(REST));
    }
    let seen = seen(&oracles);
    for server in &mut servers {
        server.kill();
    }
    let found = site.reckon();
    found.print(
        "F18 rolling restart",
        times,
        times,
        &format!(
            "{} requests, {} without an answer, {} told to wait",
            seen.requests, seen.no_reply, seen.waits
        ),
    );
    found.is_sound();
    assert_eq!((seen.faults, found.unknown), (0, 0), "{seen:?}");
    // Only a connection that was made to the old one and had not yet asked.
    let cut_off = usize::try_from(seen.no_reply).unwrap();
    assert!(cut_off <= times * clients, "{seen:?}");
}
