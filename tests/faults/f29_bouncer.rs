//! F29: PgBouncer between server and database. By session it is a connection like any other; by
//! transaction it takes the settings of a session away, and the server must say so.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use kadian::store::{Store, StoreOptions};
use kadian_tests::cluster::{Cluster, as_owner};
use kadian_tests::process::free_port;
use tempfile::TempDir;

use crate::crowd::{Crowd, seen, settle_half};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
const PROGRAM: &str = "/usr/sbin/pgbouncer";

struct Bouncer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Bouncer {
    fn start(cluster: &Cluster, mode: &str) -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "PgBouncer is missing; tests/run installs it (Debian: pgbouncer)"
        );
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=kadian\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n\
             max_client_conn = 200\ndefault_pool_size = 30\n",
            cluster.port()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        // Whoever runs it must be able to read it.
        let mut open = std::fs::metadata(folder.path()).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let mut command = as_owner(Path::new(PROGRAM));
        command.arg("-q").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < REST, "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            child,
            folder,
            port,
        }
    }

    fn url(&self) -> String {
        assert!(self.folder.path().exists());
        format!("postgres://kadian@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn f29_through_a_bouncer_by_session_all_is_as_without_it() {
    let chance = seed("F29 session");
    let cluster = Cluster::start(&[]);
    let mut bouncer = Bouncer::start(&cluster, "session");
    let clients = 6;
    let mut site = Site::on(&bouncer.url(), clients);
    let (mut process, oracles) = site.begin(clients, &chance);
    let crowd = Crowd::start(oracles, 12);
    let times = scaled(2, 100);
    for _ in 0..times {
        assert!(crowd.goes_on(60, REST), "nothing moves");
        // It goes and comes back, on the port that the server knows.
        bouncer.child.kill().unwrap();
        bouncer.child.wait().unwrap();
        let port = bouncer.port;
        let file = bouncer.folder.path().join("pgbouncer.ini");
        let mut command = as_owner(Path::new(PROGRAM));
        command.arg("-q").arg(&file).stdin(Stdio::null());
        bouncer.child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(bouncer.port, port);
    }
    assert!(crowd.goes_on(60, REST), "nothing moves");
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    process.kill();
    let seen = seen(&oracles);
    let found = site.reckon();
    found.print(
        "F29 PgBouncer by session",
        times,
        times,
        &format!("{} requests, {} told to wait", seen.requests, seen.waits),
    );
    found.is_sound();
    assert_eq!((seen.faults, seen.without_retry_after), (0, 0), "{seen:?}");
}

#[test]
fn f29_a_bouncer_by_transaction_is_refused_with_a_sentence_that_says_what_to_do() {
    let cluster = Cluster::start(&[]);
    let bouncer = Bouncer::start(&cluster, "transaction");
    let times = scaled(3, 100);
    for _ in 0..times {
        let opened = Store::open(&bouncer.url(), StoreOptions::default());
        let refused = opened.err().expect("it must not be served").to_string();
        assert!(refused.contains("pool_mode = session"), "{refused}");
    }
    println!(
        "F29 PgBouncer by transaction: faults injected {times}, survived {times}; entries acked 0, acked lost 0, stored twice 0; refused with a sentence"
    );
}
