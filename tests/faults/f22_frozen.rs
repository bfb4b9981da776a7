//! F22: the database is slow, locked by somebody, or does not answer at all.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use kadian::store;
use kadian_tests::Client;
use kadian_tests::cluster::Cluster;

use crate::crowd::{Crowd, seen, settle_half};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
/// From the end of the fault, the server must have written again after so long.
const BACK: Duration = Duration::from_secs(5);
/// How much more memory it may take meanwhile, in KiB.
const MORE: u64 = 64 * 1024;

#[test]
fn f22_a_database_that_freezes_is_waited_for_and_found_again_when_it_thaws() {
    let chance = seed("F22 frozen");
    let clients = 12;
    let cluster = Cluster::start(&[]);
    let mut site = Site::on(&cluster.url("postgres"), clients);
    let (mut process, mut oracles) = site.begin(clients, &chance);
    for oracle in &mut oracles {
        oracle.patience = Duration::from_secs(1);
        oracle.hang_up();
    }
    let crowd = Crowd::start(oracles, 8);
    let times = scaled(2, 40);
    let frozen = Duration::from_secs(scaled(3, 30) as u64);
    let (mut back, mut memory) = (Duration::ZERO, 0);
    for _ in 0..times {
        assert!(crowd.goes_on(40, REST), "nothing moves");
        let before = process.resident_kib();
        cluster.signal_all("STOP");
        std::thread::sleep(Duration::from_millis(300));
        let (acked, began) = (crowd.acked(), Instant::now());
        // The process itself is alive and says so.
        let mut client = Client::new(&site.address()).patience(Duration::from_secs(1));
        let alive = client.ask("GET", "/healthz", &[], b"").unwrap();
        assert_eq!(alive.status, 200);
        std::thread::sleep(frozen.saturating_sub(began.elapsed()));
        let meanwhile = crowd.acked() - acked;
        memory = memory.max(process.resident_kib().saturating_sub(before));
        cluster.signal_all("CONT");
        let thawed = Instant::now();
        assert!(crowd.goes_on(1, REST), "it does not go on");
        back = back.max(thawed.elapsed());
        assert_eq!(meanwhile, 0, "acknowledged by a database that is frozen");
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    process.kill();
    let seen = seen(&oracles);
    let found = site.reckon();
    found.print(
        "F22 frozen database",
        times,
        times,
        &format!(
            "{} s each; writes again after {} ms at most, memory at most {memory} KiB more; {} requests told to wait, {} without an answer in 1 s",
            frozen.as_secs(),
            back.as_millis(),
            seen.waits,
            seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!(seen.faults, 0, "{seen:?}");
    assert!(back < BACK && memory < MORE, "{back:?}, {memory} KiB");
}

#[test]
fn f22_a_lock_that_somebody_holds_is_waited_out() {
    let chance = seed("F22 locked");
    let clients = 4;
    let mut site = Site::build(clients);
    let (mut process, oracles) = site.begin(clients, &chance);
    let app = site.open();
    let crowd = Crowd::start(oracles, 8);
    let times = scaled(1, 30);
    let mut back = Duration::ZERO;
    for _ in 0..times {
        assert!(crowd.goes_on(20, REST), "nothing moves");
        let (tell, told) = mpsc::channel();
        let holder = app.store.clone();
        // Longer than the server waits for a lock.
        let thread = std::thread::spawn(move || {
            let held = holder.write::<_, store::Error>(|_| {
                tell.send(()).unwrap();
                std::thread::sleep(Duration::from_secs(7));
                Ok(())
            });
            held.unwrap();
        });
        told.recv().unwrap();
        thread.join().unwrap();
        let free = Instant::now();
        assert!(crowd.goes_on(1, REST), "it does not go on");
        back = back.max(free.elapsed());
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    process.kill();
    drop(app);
    let seen = seen(&oracles);
    let found = site.reckon();
    found.print(
        "F22 a lock held for 7 s",
        times,
        times,
        &format!(
            "writes again after {} ms at most; {} requests told to wait, {} without an answer",
            back.as_millis(),
            seen.waits,
            seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!((seen.faults, seen.without_retry_after), (0, 0), "{seen:?}");
    assert!(back < BACK, "{back:?}");
}
