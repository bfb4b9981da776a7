//! F4: the false acknowledgement while the standby is away. A change is written, the standby that
//! must have it too is gone, the primary crashes: the change is there now, on the primary alone.
//! Whoever sends it again and writes nothing new is told at once that it is safe, and it is lost
//! when the standby takes over. The control does just that and must lose; the server must not.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kadian_tests::cluster::{Cluster, program};

use crate::crowd::settle_half;
use crate::oracle::Oracle;
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
/// Whatever is not acknowledged in this time is waiting for the standby.
const WAIT: Duration = Duration::from_secs(2);
const ONCE: &str = "INSERT INTO control VALUES ('r1') ON CONFLICT DO NOTHING";

/// Whether the database says within the time that a statement is committed.
fn is_committed(cluster: &Cluster, statements: &str) -> bool {
    let mut command = Command::new(program("psql"));
    let command = command
        .args(["-Xq", "-c", statements])
        .arg(cluster.url("postgres"));
    let mut child: Child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + WAIT;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // As a client that loses its network: nobody tells the database to stop waiting.
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Lets every oracle try for a while; says how many acknowledgements came.
fn acknowledged(oracles: &mut [Oracle]) -> u64 {
    std::thread::scope(|scope| {
        let threads = oracles.iter_mut().map(|oracle| {
            scope.spawn(|| {
                oracle.hang_up();
                let before = oracle.replica.numbers().1;
                oracle.settle(WAIT);
                oracle.replica.numbers().1 - before
            })
        });
        let threads: Vec<_> = threads.collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

#[test]
fn f4_what_only_the_primary_has_is_not_acknowledged_when_it_is_sent_again() {
    let chance = seed("F4");
    let clients = 4;
    let (mut control_lost, mut without_standby) = (0, 0);
    let times = scaled(1, 20);
    for time in 0..times {
        let mut primary = Cluster::start(&[]);
        let mut standby = Cluster::follow(&primary, "s1", None);
        let mut site = Site::on(&primary.url("postgres"), clients);
        primary.sql("CREATE TABLE control (id text PRIMARY KEY)");
        primary.configure("synchronous_standby_names = 's1'\n");
        primary.reload();
        let (mut process, mut oracles) = site.begin(clients, &chance.branch(time as u64));
        for oracle in &mut oracles {
            oracle.patience = WAIT / 2;
            oracle.capture(5);
            assert!(oracle.settle(REST), "with a standby all is acknowledged");
        }

        standby.crash();
        for oracle in &mut oracles {
            oracle.capture(5);
        }
        assert!(!is_committed(&primary, ONCE), "the primary waits");
        without_standby += acknowledged(&mut oracles);

        primary.kill();
        primary.resume();
        let here = primary.sql("SELECT count(*) FROM control");
        assert_eq!(here, "1", "it is there, on the primary alone");
        // Also under a time limit the database must go on waiting, not give in.
        let limited =
            "SET statement_timeout = 300; BEGIN; INSERT INTO control VALUES ('r2'); COMMIT";
        assert!(
            !is_committed(&primary, limited),
            "a limit is no acknowledgement"
        );
        assert!(
            is_committed(&primary, ONCE),
            "the control believes that it is safe"
        );
        without_standby += acknowledged(&mut oracles);
        // And once more, as phones do.
        without_standby += acknowledged(&mut oracles);

        process.kill();
        primary.crash();
        standby.resume();
        standby.promote();
        let there = standby.sql("SELECT count(*) FROM control WHERE id = 'r1'");
        control_lost += usize::from(there == "0");
        site.turn_to(&standby.url("postgres"));
        let mut process = site.start();
        process.ready();
        settle_half(&mut oracles, REST);
        process.kill();
        let found = site.reckon();
        found.print(
            "F4 standby away",
            1,
            1,
            &format!(
                "acknowledged without a standby {without_standby}; the control lost {control_lost}"
            ),
        );
        found.is_sound();
    }
    assert_eq!(without_standby, 0);
    assert_eq!(
        control_lost, times,
        "the control must lose, else nothing is seen here"
    );
}
