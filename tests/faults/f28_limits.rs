//! F28: the process may open few files, or have little memory.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use kadian_tests::Client;
use kadian_tests::process::Process;
use kadian_tests::town::PASSWORD;

use crate::crowd::{Crowd, seen, settle_half};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

fn limit(process: &Process, what: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.id().to_string(), what]);
    assert!(command.status().unwrap().success());
}

fn answers(address: &str) -> bool {
    let mut client = Client::new(address).patience(Duration::from_secs(2));
    client
        .ask("GET", "/healthz", &[], b"")
        .is_ok_and(|answer| answer.status == 200)
}

#[test]
fn f28_with_no_file_handle_left_the_server_lives_and_goes_on_when_there_are_some_again() {
    let chance = seed("F28 handles");
    let clients = 4;
    let mut site = Site::build(clients);
    let (mut process, oracles) = site.begin(clients, &chance);
    limit(&process, "--nofile=64:");
    let crowd = Crowd::start(oracles, 8);
    let times = scaled(2, 60);
    let mut back = Duration::ZERO;
    for _ in 0..times {
        assert!(crowd.goes_on(20, REST), "nothing moves");
        // More callers than there are handles.
        let callers: Vec<TcpStream> = (0..100)
            .map(|_| TcpStream::connect(site.address()).unwrap())
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        assert!(process.ended(Duration::ZERO).is_none(), "the server ended");
        drop(callers);
        let free = Instant::now();
        while !answers(&site.address()) {
            assert!(free.elapsed() < REST, "it does not answer any more");
        }
        assert!(crowd.goes_on(1, REST), "it does not go on");
        back = back.max(free.elapsed());
    }
    let mut oracles = crowd.stop();
    settle_half(&mut oracles, REST);
    let seen = seen(&oracles);
    assert!(process.ended(Duration::ZERO).is_none(), "the server ended");
    process.kill();
    let found = site.reckon();
    found.print(
        "F28 no file handle left",
        times,
        times,
        &format!(
            "answers again after {} ms at most; {} requests, {} told to wait, {} without an answer",
            back.as_millis(),
            seen.requests,
            seen.waits,
            seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!(seen.without_retry_after, 0, "{seen:?}");
}

/// The status of the answer, if there is any.
fn sign_in(address: &str) -> Option<u16> {
    let mut client = Client::new(address).patience(Duration::from_secs(5));
    let who = format!("{{\"login\":\"chief\",\"password\":\"{PASSWORD}\"}}");
    let headers = [("content-type", "application/json")];
    let answer = client.ask("POST", "/v1/session", &headers, who.as_bytes());
    answer.ok().map(|answer| answer.status)
}

#[test]
fn f28_with_no_memory_left_nothing_acknowledged_is_lost() {
    let mut chance = seed("F28 memory");
    let clients = 4;
    let mut site = Site::build(clients);
    let (mut process, mut oracles) = site.begin(clients, &chance);
    let times = scaled(3, 100);
    let (mut ended, mut refused) = (0, 0);
    for _ in 0..times {
        let crowd = Crowd::start(oracles, 100);
        assert!(crowd.goes_on(20, REST), "nothing moves");
        // Not a page more than it has: what it needs next it does not get.
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmData:"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        limit(&process, &format!("--data={}:", kib * 1024));
        // People who sign in need the most at once; two at a time may.
        let signing: Vec<_> = (0..4)
            .map(|_| {
                let address = site.address();
                std::thread::spawn(move || sign_in(&address))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300 + chance.below(700) as u64));
        for thread in signing {
            refused += usize::from(thread.join().unwrap() != Some(200));
        }
        ended += usize::from(process.ended(Duration::ZERO).is_some());
        if process.ended(Duration::ZERO).is_none() {
            limit(&process, "--data=unlimited:");
            assert!(crowd.goes_on(1, REST), "it does not go on");
        } else {
            // As its supervisor does.
            process = site.start();
            process.ready();
        }
        oracles = crowd.stop();
    }
    settle_half(&mut oracles, REST);
    process.kill();
    let found = site.reckon();
    found.print(
        "F28 no memory left",
        times,
        times,
        &format!(
            "{refused} of {} people could not sign in; processes that ended and were started again {ended}",
            4 * times
        ),
    );
    found.is_sound();
}
