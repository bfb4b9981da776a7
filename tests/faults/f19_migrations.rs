//! F19: two processes migrate one database at the same moment, and are killed in the middle.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kadian::store::{Store, StoreOptions};
use kadian_tests::cluster::Cluster;
use kadian_tests::process::binary;

use crate::scale::{scaled, seed};
use crate::strace;

fn migrate(url: &str, folder: &Path, wrapper: &[String]) -> Child {
    let mut words: Vec<String> = wrapper.to_vec();
    words.push(binary().display().to_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("migrate");
    for (name, value) in [
        ("database.url", url.to_owned()),
        ("keys.file", folder.join("keys").display().to_string()),
        ("ledger.file", folder.join("ledger").display().to_string()),
    ] {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// How many migrations a process says that it applied; it must have ended well.
fn applied(child: Child) -> usize {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .filter(|line| line.starts_with("applied "))
        .count()
}

/// Two at once: each migration is applied by one of them. Then several that are killed in the
/// middle, each followed by one that is not.
fn attack(row: &str, calls: &str, mut fresh: impl FnMut() -> String) {
    let mut chance = seed(row);
    let folder = || tempfile::tempdir().unwrap();
    let alone = applied(migrate(&fresh(), folder().path(), &[]));
    assert!(alone > 0);
    let pairs = scaled(3, 200);
    for _ in 0..pairs {
        let (url, folder) = (fresh(), folder());
        let two = [0, 1].map(|_| migrate(&url, folder.path(), &[]));
        let both: usize = two.into_iter().map(applied).sum();
        assert_eq!(both, alone, "each migration is applied once");
    }
    let kills = scaled(6, 600);
    let mut struck = 0;
    for number in 0..kills {
        let (url, folder) = (fresh(), folder());
        let killed = if number % 2 == 0 {
            let nth = 1 + chance.below(60);
            let mut child = migrate(&url, folder.path(), &strace::kill_at(calls, nth));
            !child.wait().unwrap().success()
        } else {
            let mut child = migrate(&url, folder.path(), &[]);
            std::thread::sleep(Duration::from_millis(1 + chance.below(120) as u64));
            // It may have done all there was to do.
            child.kill().unwrap();
            !child.wait().unwrap().success()
        };
        struck += usize::from(killed);
        // What is left is completed by two that come at once.
        let two = [0, 1].map(|_| migrate(&url, folder.path(), &[]));
        let both: usize = two.into_iter().map(applied).sum();
        assert!(both <= alone, "{both}");
        let store = Store::open(&url, StoreOptions::default()).unwrap();
        assert_eq!(store.applied(), &[] as &[String], "nothing was left to do");
        assert_eq!(store.examine().unwrap(), Vec::<String>::new());
    }
    println!(
        "{row}: faults injected {}, survived {}; entries acked 0, acked lost 0, stored twice 0; {pairs} pairs at once, {kills} to be killed of which {struck} were in the middle",
        pairs + struck,
        pairs + struck
    );
    assert!(struck > 0);
}

#[test]
fn f19_two_that_migrate_a_file_at_once_do_it_once_and_one_that_is_killed_leaves_nothing_half_done()
{
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    attack("F19 migrations of SQLite", strace::WRITE, || {
        number += 1;
        format!("sqlite://{}/{number}.sqlite", folder.path().display())
    });
}

#[test]
fn f19_two_that_migrate_a_database_at_once_do_it_once_and_one_that_is_killed_leaves_nothing_half_done()
 {
    let cluster = Cluster::start(&[]);
    let mut number = 0;
    attack("F19 migrations of PostgreSQL", "sendto", || {
        number += 1;
        cluster.sql(&format!("CREATE DATABASE fresh{number}"));
        cluster.url(&format!("fresh{number}"))
    });
}
