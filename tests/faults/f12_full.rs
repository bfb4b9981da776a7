//! F12: the disk is full, or may only be read.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kadian_tests::Client;
use kadian_tests::process::Process;

use crate::crowd::{Crowd, seen};
use crate::oracle::Oracle;
use crate::scale::{scaled, seed};
use crate::site::Site;
use crate::strace;

const REST: Duration = Duration::from_secs(120);
const CLIENTS: usize = 4;

/// What `/readyz` says, asked until it says so or time is up.
fn becomes(address: &str, status: u16) -> bool {
    let until = Instant::now() + REST;
    loop {
        let mut client = Client::new(address).patience(Duration::from_secs(5));
        let answer = client.ask("GET", "/readyz", &[], b"");
        if answer.is_ok_and(|answer| answer.status == status) {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Nothing is acknowledged while the disk refuses, health is red; once it does not refuse any
/// more, the same process goes on.
fn refuses_and_recovers(
    site: &Site,
    oracles: Vec<Oracle>,
    refuse: impl FnOnce(),
    free: impl FnOnce(),
) -> Vec<Oracle> {
    let crowd = Crowd::start(oracles, 8);
    assert!(crowd.goes_on(20, REST), "nothing moves");
    refuse();
    assert!(becomes(&site.address(), 503), "health stays green");
    let before = crowd.acked();
    std::thread::sleep(Duration::from_millis(500));
    let meanwhile = crowd.acked() - before;
    free();
    assert!(crowd.goes_on(20, REST), "it does not go on");
    assert!(becomes(&site.address(), 200), "health stays red");
    let oracles = crowd.stop();
    assert_eq!(meanwhile, 0, "acknowledged though the disk refused");
    oracles
}

fn finish(site: &Site, mut process: Process, mut oracles: Vec<Oracle>, row: &str, faults: usize) {
    for oracle in &mut oracles {
        assert!(oracle.settle(REST));
    }
    let seen = seen(&oracles);
    assert!(process.ended(Duration::ZERO).is_none(), "it went on");
    process.kill();
    let damage = site.open().store.examine().unwrap();
    let found = site.reckon();
    let more = format!("{} requests, {} told to wait", seen.requests, seen.waits);
    found.print(row, faults, faults, &more);
    found.is_sound();
    assert_eq!(damage, Vec::<String>::new());
    assert_eq!(
        (seen.faults, seen.without_retry_after),
        (0, 0),
        "a full disk is a 503 with Retry-After: {seen:?}"
    );
    assert!(seen.waits > 0, "{seen:?}");
}

/// Sets how long a file of a process may become; anybody may raise what they lowered.
fn limit_files(process: &Process, bytes: &str) {
    let mut command = Command::new("prlimit");
    command.args([
        "--pid",
        &process.id().to_string(),
        &format!("--fsize={bytes}:"),
    ]);
    assert!(command.status().unwrap().success());
}

#[test]
fn f12_files_that_may_not_grow_are_refusals_and_the_server_goes_on_once_they_may() {
    let chance = seed("F12 limit");
    let mut site = Site::in_file(CLIENTS);
    // Without this the kernel would end the process rather than refuse.
    let ignoring = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"].map(str::to_owned);
    let mut process = site.start_under(&ignoring, &[]);
    process.ready();
    let mut oracles = site.oracles(CLIENTS, &site.address(), &chance);
    for oracle in &mut oracles {
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    let times = scaled(2, 100);
    for _ in 0..times {
        oracles = refuses_and_recovers(
            &site,
            oracles,
            || limit_files(&process, "1000"),
            || limit_files(&process, "unlimited"),
        );
    }
    finish(
        &site,
        process,
        oracles,
        "F12 files that may not grow",
        times,
    );
}

#[test]
fn f12_a_disk_that_refuses_the_nth_write_damages_nothing_and_is_written_again() {
    let mut chance = seed("F12 nth");
    let mut site = Site::in_file(CLIENTS);
    let (mut process, mut oracles) = site.begin(CLIENTS, &chance);
    let times = scaled(4, 400);
    for time in 0..times {
        let error = ["ENOSPC", "EROFS", "EIO"][time % 3];
        process.kill();
        let first = 60 + chance.below(200);
        let last = first + chance.below(30);
        let full = strace::fail(strace::WRITE, error, (first, last));
        process = site.start_under(&full, &[]);
        process.ready();
        let crowd = Crowd::start(oracles, 8);
        let through = crowd.goes_on(150, 2 * REST);
        oracles = crowd.stop();
        assert!(
            through,
            "it does not go on after {error} at {first}..{last}"
        );
    }
    finish(
        &site,
        process,
        oracles,
        "F12 refused at the nth write (full, read-only, broken)",
        times,
    );
}

/// A disk of its own, as small as wanted; only root may have one.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, options: &str) -> Option<Self> {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at);
        let done = command.stderr(std::process::Stdio::null()).status();
        done.is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn f12_a_small_disk_that_is_filled_stops_nothing_for_good() {
    let chance = seed("F12 disk");
    let folder = tempfile::tempdir().unwrap();
    // Room for what the phones write while the test looks, and for a log that was not folded in yet:
    // else they fill the disk themselves.
    let Some(disk) = Disk::mount(folder.path(), "size=512m") else {
        // The two tests above do the same without a disk of their own; tests/run says that this one
        // was not done.
        return;
    };
    let mut site = Site::in_file_at(&folder.path().join("kadian.sqlite"), CLIENTS);
    let (process, mut oracles) = site.begin(CLIENTS, &chance);
    let ballast = folder.path().join("ballast");
    let times = scaled(1, 100);
    for _ in 0..times {
        let fill = || {
            // Until not a byte more fits.
            let mut file = std::fs::File::create(&ballast).unwrap();
            let piece = vec![7; 4096];
            while std::io::Write::write_all(&mut file, &piece).is_ok() {}
        };
        let free = || std::fs::remove_file(&ballast).unwrap();
        oracles = refuses_and_recovers(&site, oracles, fill, free);
    }
    finish(&site, process, oracles, "F12 small disk", times);
    drop(disk);
}
