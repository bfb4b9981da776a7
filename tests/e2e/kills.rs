//! `kill -9` of the real server at random moments under load. Eight clients write down, before and
//! after each request, what they sent and what was answered; at the end their books are held
//! against the database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, free_port};
use kadian_tests::server::open;
use kadian_tests::{Console, Phone, Town};
use serde_json::{Value, json};

const CLIENTS: usize = 8;
/// A restart must be ready after so long.
const READY: Duration = Duration::from_secs(2);

fn kills() -> usize {
    let given = std::env::var("KADIAN_KILLS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(15)
}

/// One client's book: a line for each change, `sent <seq> <record> <sort>`, then `acked <up to>`;
/// what has a `sent` and no `acked` is unknown.
struct Book {
    file: File,
}

impl Book {
    fn write(&mut self, line: &str) {
        self.file.write_all(line.as_bytes()).unwrap();
        self.file.flush().unwrap();
    }
}

/// Sends batches until told to stop, each again and again until it is answered.
fn work(
    mut phone: Phone,
    mut book: Book,
    seed: u64,
    done: &AtomicBool,
    acked: &AtomicU64,
) -> Phone {
    let mut pen = Pen::new(seed);
    let mut made: Vec<String> = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let now = phone.clock.now();
        let count = 1 + pen.chance.below(25);
        let lines: Vec<Value> = (0..count)
            .map(|_| {
                if !made.is_empty() && pen.chance.percent(30) {
                    // An edit of one's own; each stands in a field of its own, so that none overtakes another.
                    let record = made[pen.chance.below(made.len())].clone();
                    let note = format!("notes/{}", pen.id(now));
                    pen.change(now, "registration", &record, json!({note: {"text": "又"}}))
                } else {
                    let change = pen.registration(now, "checkpoint:S1");
                    made.push(change["record"].as_str().unwrap().to_owned());
                    change
                }
            })
            .collect();
        for (seq, line) in (phone.ack + 1..).zip(&lines) {
            let sort = if line.get("scope").is_some() {
                "new"
            } else {
                "edit"
            };
            book.write(&format!(
                "sent {seq} {} {sort}\n",
                line["record"].as_str().unwrap()
            ));
        }
        let lines = bytes(&lines);
        // Until it is answered, only this very pack may be sent.
        loop {
            match phone.send(&lines, &Value::Null) {
                Ok(answer) if answer.status == 200 => {
                    let reply = answer.json();
                    let odd = reply["verdicts"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .find(|v| v["verdict"] != "applied");
                    assert!(odd.is_none(), "{reply}");
                    phone.take(&lines, &answer);
                    book.write(&format!("acked {}\n", phone.ack));
                    acked.fetch_add(count as u64, Ordering::Relaxed);
                    break;
                }
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{}", answer.text());
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
    phone
}

/// One change in a client's book.
struct Noted {
    seq: u64,
    record: String,
    acked: bool,
}

fn read_book(path: &Path) -> Vec<Noted> {
    let mut text = String::new();
    File::open(path).unwrap().read_to_string(&mut text).unwrap();
    let mut noted: Vec<Noted> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["sent", seq, record, _] => noted.push(Noted {
                seq: seq.parse().unwrap(),
                record: record.to_owned(),
                acked: false,
            }),
            ["acked", seq] => {
                let last: u64 = seq.parse().unwrap();
                noted
                    .iter_mut()
                    .filter(|one| one.seq <= last)
                    .for_each(|one| one.acked = true);
            }
            _ => panic!("{line}"),
        }
    }
    noted
}

#[test]
fn i3_i4_killed_at_random_moments_the_server_loses_nothing_acknowledged_and_applies_nothing_twice()
{
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let codes: Vec<String> = {
        let app = open(folder.path(), &[], clock.clone());
        let town = Town::build(&app);
        (0..CLIENTS).map(|_| town.code(&app, "volunteer")).collect()
    };
    let port = free_port();
    let mut process = Process::start(folder.path(), port, &[]);
    let first = process.ready();
    let done = Arc::new(AtomicBool::new(false));
    let acked = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = codes
        .iter()
        .enumerate()
        .map(|(number, code)| {
            let mut phone = Phone::enrol_with(&process.address, code, clock.clone());
            phone.client =
                kadian_tests::Client::new(&process.address).patience(Duration::from_secs(5));
            let book = Book {
                file: File::create(folder.path().join(format!("book{number}"))).unwrap(),
            };
            let (done, acked) = (Arc::clone(&done), Arc::clone(&acked));
            std::thread::spawn(move || work(phone, book, number as u64, &done, &acked))
        })
        .collect();
    let mut chance = Chance::new(clock.now().unsigned_abs());
    let mut worst = first;
    let (mut killed, mut idle) = (0, 0);
    let began = Instant::now();
    for _ in 0..kills() {
        let before = acked.load(Ordering::Relaxed);
        // Now and then while it is still opening its database.
        let most = if chance.percent(10) { 30 } else { 300 };
        std::thread::sleep(Duration::from_millis(1 + chance.below(most) as u64));
        process.kill();
        killed += 1;
        idle += u64::from(acked.load(Ordering::Relaxed) == before);
        process = Process::start(folder.path(), port, &[]);
        if chance.percent(90) {
            worst = worst.max(process.ready());
        }
    }
    worst = worst.max(process.ready());
    std::thread::sleep(Duration::from_millis(300));
    done.store(true, Ordering::Relaxed);
    let phones: Vec<Phone> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let took = began.elapsed();
    // What each client noted, under the number of its phone.
    let mut noted = BTreeMap::new();
    for (number, phone) in phones.iter().enumerate() {
        for one in read_book(&folder.path().join(format!("book{number}"))) {
            noted.insert((phone.number, one.seq), one);
        }
    }
    let acknowledged = noted.values().filter(|one| one.acked).count();
    let wanted: BTreeSet<&str> = noted.values().map(|one| one.record.as_str()).collect();

    // What the server shows: every record once, and counts that fit.
    let mut console = Console::sign_in_at(&process.address, "chief");
    let mut shown = BTreeSet::new();
    let mut days = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let mut search = json!({"area": "999999", "limit": 200});
        if !after.is_null() {
            search["after"] = after;
        }
        let page = console.post("/v1/records/registration/search", &search);
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        for row in page["rows"].as_array().unwrap() {
            assert!(
                shown.insert(row["record"].as_str().unwrap().to_owned()),
                "a record stands twice"
            );
            days.insert(
                row["scope"]
                    .as_str()
                    .unwrap()
                    .split_once('@')
                    .unwrap()
                    .1
                    .to_owned(),
            );
        }
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let missing = wanted
        .iter()
        .filter(|record| !shown.contains(**record))
        .count();
    let strange = shown
        .iter()
        .filter(|record| !wanted.contains(record.as_str()))
        .count();
    let mut counted = 0;
    for day in days {
        let tallies = console
            .get(&format!("/v1/tallies?area=999999&day={day}"))
            .json();
        let rows = tallies["counts"].as_array().unwrap().iter();
        counted += rows
            .filter(|row| row["tally"] == "disposition")
            .map(|row| row["live"].as_u64().unwrap())
            .sum::<u64>();
    }
    process.kill();

    // Which change of which phone stands where, from the database itself.
    let app = open(folder.path(), &[], clock);
    let mut standing: BTreeMap<(u32, u64), Vec<String>> = BTreeMap::new();
    let ids: Vec<_> = shown.iter().map(|id| id.parse().unwrap()).collect();
    for some in ids.chunks(500) {
        for row in app
            .store
            .read(|c| kadian::store::records::by_ids(c, some))
            .unwrap()
        {
            for write in row.record().unwrap().writes {
                standing
                    .entry((write.stamp.device, write.seq))
                    .or_default()
                    .push(row.id.clone());
            }
        }
    }
    let lost = noted
        .iter()
        .filter(|(key, one)| {
            one.acked && standing.get(key).is_none_or(|at| !at.contains(&one.record))
        })
        .count();
    let twice = standing.values().filter(|at| at.len() > 1).count();
    let unknown = standing
        .keys()
        .filter(|key| !noted.contains_key(key))
        .count();
    println!(
        "kill -9: {killed} kills in {:.0} s ({idle} before anything more was acknowledged), {acknowledged} changes acknowledged, {} records, lost {lost}, applied twice {twice}, worst restart {} ms",
        took.as_secs_f64(),
        shown.len(),
        worst.as_millis()
    );
    assert_eq!(
        (lost, twice, unknown, missing, strange),
        (0, 0, 0, 0, 0),
        "lost, twice, unknown, missing, strange"
    );
    assert_eq!(counted, shown.len() as u64, "the counts are exact");
    assert!(worst < READY, "{worst:?}");
}
