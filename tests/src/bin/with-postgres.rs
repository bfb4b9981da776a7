//! Runs a command with a PostgreSQL of its own: `with-postgres cargo test …`. The tests find it by
//! `KADIAN_TEST_POSTGRES` and make their databases on it; all of it goes when the command ends.

#![allow(
    clippy::unwrap_used,
    reason = "only tests are started by this, and one that cannot be set up is to fail"
)]

use std::process::{Command, ExitCode};

use kadian::store::trial::SERVER;
use kadian_tests::cluster::Cluster;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        return ExitCode::FAILURE;
    };
    let cluster = Cluster::start(&[]);
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
