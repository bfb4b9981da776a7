//! Load, and what hangs: a herd of phones, slow callers, a database that is frozen, a house that is
//! full. Whoever is turned away hears when to come back, and nothing is lost or done twice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kadian::accounts::devices::token_hash;
use kadian::app::App;
use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian::store::devices::{self, NewDevice};
use kadian::store::{Error, acks, bulk};
use kadian_tests::herd::{Herd, as_many_as, request};
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, free_port, peak_kib};
use kadian_tests::server::open;
use kadian_tests::{Client, Phone, TestApp, Town};
use serde_json::{Value, json};
use sync_protocol::id::UserId;
use sync_protocol::replica::Token;

/// KADIAN_TRIES=all sends the herd of the reference scale; otherwise each phone brings two entries.
fn entries_each() -> usize {
    let all = std::env::var("KADIAN_TRIES").is_ok_and(|tries| tries == "all");
    if all { 50 } else { 2 }
}

/// How many registrations of today stand at a checkpoint.
fn count_at(phone: &mut Phone, place: &str) -> u64 {
    let day = kadian::sync::day::local_day(phone.clock.now(), None);
    let scope = format!("{place}@{}", day.0);
    let ask = json!([[scope, 0, "", "0000000000000000"]]);
    let reply = phone.sync(&[], &ask).json();
    reply["feeds"][0]["count"].as_u64().unwrap_or(0)
}

#[test]
fn a_herd_is_served_whole_and_in_little_memory_and_when_it_comes_twice_nothing_is_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let phones = as_many_as(2_000);
    let (herd, code) = {
        let app = open(folder.path(), &[], Clock::system());
        let town = Town::build(&app);
        let user = town.user("volunteer");
        let herd = Herd::gather(&app, user, phones, entries_each(), "checkpoint:S1");
        (herd, town.code(&app, "mate"))
    };
    let mut process = Process::start(folder.path(), free_port(), &[]);
    process.ready();
    let idle = process.resident_kib();
    for round in ["first", "again"] {
        let rush = herd.rush(&process.address);
        println!(
            "herd of {phones} with {} entries, {round}: {:?}, {} answered 200, memory {} KiB idle, {} KiB at most",
            herd.entries,
            rush.took,
            rush.count(200),
            idle,
            peak_kib(&process.id().to_string())
        );
        assert_eq!(rush.count(200), phones);
        let each = entries_each() as u64;
        assert!(rush.acks.iter().all(|ack| *ack == each), "all acknowledged");
    }
    let mut mate = Phone::enrol_with(&process.address, &code, Clock::system());
    assert_eq!(count_at(&mut mate, "checkpoint:S1"), herd.entries as u64);
    let peak = peak_kib(&process.id().to_string());
    // Without optimisation the program's code alone takes some 20 MiB more.
    let most = if cfg!(debug_assertions) { 160 } else { 128 };
    assert!(peak < most * 1024, "{peak} KiB");
}

#[test]
fn slow_callers_are_cut_off_and_cost_the_others_nothing() {
    let server = TestApp::new().start();
    let user = server.town.user("volunteer");
    let tokens = enlist(&server.app, user, 200, 5);
    let slow: Vec<TcpStream> = (0..as_many_as(2_000))
        .map(|number| {
            let mut stream = TcpStream::connect(&server.address).unwrap();
            let head = format!(
                "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 5000\r\n\r\n{{",
                tokens[number % tokens.len()].reveal()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    let mut phone = Phone::enrol(&server, "mate");
    let mut pen = Pen::new(6);
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(4) {
        let line = pen.registration(server.now(), "checkpoint:S1");
        let asked = Instant::now();
        let answer = phone.sync(&bytes(&[line]), &Value::Null);
        slowest = slowest.max(asked.elapsed());
        assert_eq!(answer.status, 200, "{}", answer.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    println!(
        "beside {} slow callers the slowest push took {slowest:?}",
        slow.len()
    );
    let mut cut = 0;
    for mut stream in slow {
        let left = Duration::from_secs(30).saturating_sub(began.elapsed());
        stream
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .unwrap();
        let mut got = Vec::new();
        let closed = stream.read_to_end(&mut got).is_ok();
        cut += usize::from(closed && got.starts_with(b"HTTP/1.1 408"));
    }
    assert_eq!(cut, as_many_as(2_000), "all within 30 s");
    assert_eq!(server.app.bodies.taken(), 0);
    assert_eq!(server.app.admission.depth(), (0, 0));
}

/// Phones of somebody, by their tokens.
fn enlist(app: &App, user: UserId, count: usize, seed: u64) -> Vec<Token> {
    let mut chance = Chance::new(seed);
    let tokens: Vec<Token> = (0..count).map(|_| Token::of(&chance.bytes())).collect();
    let now = app.clock.now();
    app.store
        .write::<_, Error>(|c| {
            for token in &tokens {
                let new = NewDevice {
                    account: user,
                    token_hash: &token_hash(token.reveal()).unwrap(),
                    name: "a phone",
                    leaves: None,
                    now,
                };
                devices::insert(c, &new)?;
            }
            Ok(())
        })
        .unwrap();
    tokens
}

/// Holds the only writer for a while; returns when it is held.
fn freeze(app: &Arc<App>, time: Duration) -> std::thread::JoinHandle<()> {
    let app = Arc::clone(app);
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        app.store
            .write::<_, Error>(|_| {
                tell.send(()).unwrap();
                std::thread::sleep(time);
                Ok(())
            })
            .unwrap();
    });
    told.recv().unwrap();
    thread
}

/// Waits until writing threads have taken up so many jobs.
fn until_taken_up(app: &App, count: u64) {
    let taken = || {
        let figures = app.metrics.render();
        let mut lines = figures.lines();
        let count = lines.find_map(|line| line.strip_prefix("kadian_fold_wait_seconds_count "));
        count.map_or(0, |count| count.trim().parse().unwrap())
    };
    let began = Instant::now();
    while taken() < count {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "nobody takes it up"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a phone hears that has sent the head of a request and nothing of its body.
fn knock(address: &str, token: &Token) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 5000\r\n\r\n",
        token.reveal()
    );
    let began = Instant::now();
    stream.write_all(head.as_bytes()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut got = [0; 2048];
    let size = stream.read(&mut got).unwrap_or(0);
    let text = String::from_utf8_lossy(&got[..size]).to_lowercase();
    (text, began.elapsed())
}

fn is_turned_away(text: &str) -> bool {
    let told = text.split("retry-after: ").nth(1);
    let told = told.and_then(|rest| rest.split("\r\n").next()?.parse::<u64>().ok());
    text.starts_with("http/1.1 503") && told.is_some_and(|seconds| (2..=240).contains(&seconds))
}

/// The status of a request.
fn post(address: &str, request: &[u8]) -> u16 {
    let mut client = Client::new(address).patience(Duration::from_secs(60));
    client.send(request).map_or(0, |answer| answer.status)
}

#[test]
fn while_the_database_is_frozen_nobody_waits_for_ever_and_afterwards_all_is_as_sent() {
    let server = TestApp::new().start();
    let user = server.town.user("volunteer");
    let herd = Arc::new(Herd::gather(&server.app, user, 150, 1, "checkpoint:S1"));
    let late = enlist(&server.app, user, 1, 9).remove(0);
    let writers = server.app.store.writers();
    let early = enlist(&server.app, user, writers, 8);
    let frozen = freeze(&server.app, Duration::from_secs(13));
    // Each writing thread has something in hand before the others come: they wait in the queue, and
    // are withdrawn from it when nobody has taken them up.
    let in_hand: Vec<_> = (1..)
        .zip(early)
        .map(|(count, token)| {
            let entry = Pen::new(5 + count).registration(server.now(), "checkpoint:S1");
            let request = request(&token, server.now(), &bytes(&[entry]));
            let address = server.address.clone();
            let sent = std::thread::spawn(move || post(&address, &request));
            until_taken_up(&server.app, count);
            sent
        })
        .collect();
    let rushing = {
        let (herd, address) = (Arc::clone(&herd), server.address.clone());
        std::thread::spawn(move || herd.rush(&address))
    };
    // All turns are taken and none is given back: whoever comes now is told before it is read.
    std::thread::sleep(Duration::from_secs(7));
    let (text, took) = knock(&server.address, &late);
    assert!(
        is_turned_away(&text) && took < Duration::from_secs(2),
        "{took:?} {text}"
    );
    let rush = rushing.join().unwrap();
    frozen.join().unwrap();
    for sent in in_hand {
        assert_eq!(sent.join().unwrap(), 200, "what is in hand is done");
    }
    println!(
        "frozen for 13 s: {} of 150 served, {} heard 503, the last after {:?}",
        rush.count(200),
        rush.count(503),
        rush.took
    );
    assert_eq!(
        rush.count(200) + rush.count(503),
        150,
        "{:?}",
        rush.statuses
    );
    assert!(rush.count(503) > 0 && rush.took < Duration::from_secs(32));
    let again = herd.rush(&server.address);
    assert_eq!(again.count(200), 150, "{:?}", again.statuses);
    assert!(again.took < Duration::from_secs(10), "{:?}", again.took);
    let mut mate = Phone::enrol(&server, "mate");
    assert_eq!(count_at(&mut mate, "checkpoint:S1"), 150 + writers as u64);
}

#[test]
fn a_full_house_says_so_before_it_reads_and_a_fever_inside_goes_first() {
    let server = TestApp::new().set("http.waiting", "12").start();
    let user = server.town.user("volunteer");
    let now = server.now();
    let tokens = enlist(&server.app, user, 13, 3);
    let mut pen = Pen::new(4);
    let mut registrations = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|_| pen.registration(now, "checkpoint:S1"))
            .collect()
    };
    let many: Vec<Vec<u8>> = tokens[1..9]
        .iter()
        .map(|token| request(token, now, &bytes(&registrations(500))))
        .collect();
    let first = request(&tokens[0], now, &bytes(&registrations(1)));
    let mut fever = registrations(2);
    fever[1]["set"]["measurement"]["temperature"] = json!(393);
    let fever = request(&tokens[9], now, &bytes(&fever));

    let frozen = freeze(&server.app, Duration::from_secs(5));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut sent = Vec::new();
    let mut send = |name: &'static str, request: Vec<u8>| {
        let (order, address) = (Arc::clone(&order), server.address.clone());
        sent.push(std::thread::spawn(move || {
            let status = post(&address, &request);
            order.lock().unwrap().push(name);
            assert_eq!(status, 200, "{name}");
        }));
        std::thread::sleep(Duration::from_millis(50));
    };
    send("first", first);
    for request in many {
        send("many", request);
    }
    send("fever", fever);
    // Two more are still being read; then the house is full.
    let slow: Vec<TcpStream> = tokens[10..12]
        .iter()
        .map(|token| {
            let mut stream = TcpStream::connect(&server.address).unwrap();
            let head = format!("POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 5000\r\n\r\n{{", token.reveal());
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    while server.app.admission.depth().0 < 12 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (text, took) = knock(&server.address, &tokens[12]);
    assert!(
        is_turned_away(&text) && took < Duration::from_secs(2),
        "{took:?} {text}"
    );
    frozen.join().unwrap();
    for thread in sent {
        thread.join().unwrap();
    }
    drop(slow);
    let order = order.lock().unwrap();
    let after = order
        .iter()
        .rev()
        .take_while(|name| **name != "fever")
        .count();
    assert!(after >= 4, "{order:?}");
}

#[test]
fn what_breaks_a_fold_fails_alone() {
    let server = TestApp::new().start();
    let user = server.town.user("volunteer");
    let now = server.now();
    let tokens = enlist(&server.app, user, 12, 5);
    let broken = tokens[4].reveal().to_owned();
    server
        .app
        .store
        .write::<_, Error>(|c| {
            let row = devices::by_token(c, &token_hash(&broken).unwrap())?.unwrap();
            let mut row = acks::load(c, &[row.number])?.remove(0);
            row.marks = b"no marks".to_vec();
            bulk::save_acks(c, &[&row])
        })
        .unwrap();
    let mut pen = Pen::new(8);
    let frozen = freeze(&server.app, Duration::from_millis(1_500));
    let sent: Vec<_> = tokens
        .iter()
        .enumerate()
        .map(|(number, token)| {
            let mut lines = bytes(&[pen.registration(now, "checkpoint:S1")]);
            if number == 7 {
                lines[0] = br#"{"era":1,"set":"\u0000"#.to_vec();
            }
            let (request, address) = (request(token, now, &lines), server.address.clone());
            std::thread::spawn(move || post(&address, &request))
        })
        .collect();
    frozen.join().unwrap();
    for (number, thread) in sent.into_iter().enumerate() {
        let expected = if number == 4 { 500 } else { 200 };
        assert_eq!(thread.join().unwrap(), expected, "phone {number}");
    }
    let mut mate = Phone::enrol(&server, "mate");
    assert_eq!(count_at(&mut mate, "checkpoint:S1"), 10);
}
