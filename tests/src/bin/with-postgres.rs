//! Runs a command with a PostgreSQL of its own: `with-postgres [--no-flush] cargo test …`. The tests
//! find it by `KADIAN_TEST_POSTGRES` and make their databases on it; all of it goes when the command
//! ends.
//!
//! The server waits for the disk as in the field, unless `--no-flush` is said. That is for the
//! simulation: it makes and drops a database for each world and each copy that is put back, every one
//! of which flushes hundreds of files; it looks at rules and at who writes beside whom, stops no
//! server, and asks for commits that do not wait in its settings anyhow. What stops servers and disks
//! runs on one that flushes.

#![allow(
    clippy::unwrap_used,
    reason = "only tests are started by this, and one that cannot be set up is to fail"
)]

use std::process::{Command, ExitCode};

use kadian::store::trial::SERVER;
use kadian_tests::cluster::Cluster;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    let flush = words.next_if(|word| word == "--no-flush").is_none();
    let Some(program) = words.next() else {
        eprintln!("with-postgres [--no-flush] COMMAND…");
        return ExitCode::FAILURE;
    };
    let cluster = if flush {
        Cluster::start(&[])
    } else {
        Cluster::start(&["fsync = off", "full_page_writes = off"])
    };
    let temporary = tempfile::tempdir().unwrap();
    let status = Command::new(program)
        .args(words)
        .env(SERVER, cluster.url("postgres"))
        .env("TMPDIR", temporary.path())
        .status()
        .unwrap();
    if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
