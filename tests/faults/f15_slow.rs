//! F15: callers that send or read a byte at a time, and never come to an end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kadian_tests::Client;
use kadian_tests::process::Process;

use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
/// Whoever is too slow is cut off after so long.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a slow caller is slow at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    Head,
    Body,
    /// Asks, and reads nothing of the answers to many requests.
    Reading,
}

struct Caller {
    stream: TcpStream,
    slow: Slow,
    open: bool,
}

impl Caller {
    fn new(address: &str, slow: Slow, token: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = match slow {
            Slow::Head => "POST /v1/sync HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(),
            Slow::Body => format!(
                "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 60000\r\n\r\n"
            ),
            Slow::Reading => "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200),
        };
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self {
            stream,
            slow,
            open: true,
        }
    }

    /// One byte more.
    fn tick(&mut self) {
        if !self.open {
            return;
        }
        let done = match self.slow {
            Slow::Head | Slow::Body => {
                let mut answer = [0; 512];
                let closed = matches!(self.stream.read(&mut answer), Ok(0));
                let written = self.stream.write(b"x");
                if closed { Ok(0) } else { written }
            }
            Slow::Reading => {
                let mut one = [0; 1];
                self.stream.read(&mut one)
            }
        };
        self.open = match done {
            Ok(size) => size > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
    }
}

/// Connections that a process holds.
fn sockets(process: &Process) -> usize {
    let held = std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap();
    let links = held.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

/// How long each of some plain requests takes, the slowest but one first.
fn p99(address: &str) -> Duration {
    let mut client = Client::new(address).patience(REST);
    let mut took: Vec<Duration> = (0..100)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(
                client.ask("GET", "/v1/limits", &[], b"").unwrap().status,
                200
            );
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[98]
}

#[test]
fn f15_callers_that_are_slow_keep_nobody_waiting_and_are_cut_off() {
    let chance = seed("F15");
    let mut site = Site::build(1);
    let (mut process, mut oracles) = site.begin(1, &chance);
    let token = oracles[0].token();
    let before = p99(&site.address());
    let count = scaled(60, 2_000);
    oracles[0].hang_up();
    let held = sockets(&process);
    let memory = process.resident_kib();
    let sorts = [Slow::Head, Slow::Body, Slow::Reading];
    let mut callers: Vec<Caller> = (0..count)
        .map(|number| Caller::new(&site.address(), sorts[number % 3], &token))
        .collect();
    let began = Instant::now();
    let (mut worst, mut gone, mut left) = (Duration::ZERO, Duration::ZERO, count);
    // What the server still holds counts: what it has sent may wait here for long.
    while left > 0 && began.elapsed() < 2 * PATIENCE {
        for caller in &mut callers {
            caller.tick();
        }
        if began.elapsed() < Duration::from_secs(6) {
            worst = worst.max(p99(&site.address()));
            oracles[0].capture(20);
            assert!(oracles[0].settle(REST), "a phone is kept waiting");
            oracles[0].hang_up();
        }
        std::thread::sleep(Duration::from_millis(500));
        left = sockets(&process).saturating_sub(held);
        gone = began.elapsed();
    }
    let more = process.resident_kib().saturating_sub(memory);
    process.kill();
    let found = site.reckon();
    found.print(
        "F15 slow callers",
        count,
        count - left,
        &format!(
            "all gone after {} s; p99 of others {} ms before, {} ms meanwhile; {more} KiB more memory",
            gone.as_secs(),
            before.as_millis(),
            worst.as_millis()
        ),
    );
    found.is_sound();
    assert_eq!(left, 0, "not cut off");
    assert!(gone < PATIENCE, "{gone:?}");
    assert!(
        worst < 2 * before + Duration::from_millis(300),
        "{before:?} {worst:?}"
    );
}
