//! Clients that write down, before and after each request, what they sent and what was answered; and
//! the reckoning that holds their books against what the server shows and the database holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kadian::clock::Clock;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::server::open;
use kadian_tests::{Client, Console, Phone};
use serde_json::{Value, json};

/// One client's book: a line for each change, `sent <seq> <record> <sort>`, then `acked <up to>`;
/// what has a `sent` and no `acked` is unknown.
pub(crate) struct Book {
    file: File,
    /// Each client draws by itself.
    seed: u64,
}

impl Book {
    pub(crate) fn begin(folder: &Path, number: u64) -> Self {
        Self {
            file: File::create(name(folder, number)).unwrap(),
            seed: number,
        }
    }

    fn write(&mut self, line: &str) {
        self.file.write_all(line.as_bytes()).unwrap();
        self.file.flush().unwrap();
    }
}

fn name(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("book{number}"))
}

/// Sends batches until told to stop, each again and again until it is answered, wherever it can.
pub(crate) fn work(
    mut phone: Phone,
    addresses: &[String],
    mut book: Book,
    done: &AtomicBool,
    acked: &AtomicU64,
) -> Phone {
    let mut pen = Pen::new(book.seed);
    let clients = addresses.iter();
    let mut clients: Vec<Client> = clients
        .map(|address| Client::new(address).patience(Duration::from_secs(5)))
        .collect();
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
            let at = pen.chance.below(clients.len());
            std::mem::swap(&mut phone.client, &mut clients[at]);
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

/// What the books came to: nothing lost, nothing twice.
pub(crate) struct Reckoning {
    pub(crate) acknowledged: usize,
    pub(crate) records: usize,
}

/// Holds the books of these phones, in their order, against what the server at `address` shows, and,
/// once `end` has stopped it, against the database.
pub(crate) fn reckon(
    folder: &Path,
    phones: &[Phone],
    address: &str,
    end: impl FnOnce(),
) -> Reckoning {
    // What each client noted, under the number of its phone.
    let mut noted = BTreeMap::new();
    for (number, phone) in (0..).zip(phones) {
        for one in read_book(&name(folder, number)) {
            noted.insert((phone.number, one.seq), one);
        }
    }
    let acknowledged = noted.values().filter(|one| one.acked).count();
    let wanted: BTreeSet<&str> = noted.values().map(|one| one.record.as_str()).collect();

    // What the server shows: every record once, and counts that fit.
    let mut console = Console::sign_in_at(address, "chief");
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
    end();

    // Which change of which phone stands where, from the database itself.
    let app = open(folder, &[], Clock::system());
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
    assert_eq!(
        (lost, twice, unknown, missing, strange),
        (0, 0, 0, 0, 0),
        "lost, twice, unknown, missing, strange"
    );
    assert_eq!(counted, shown.len() as u64, "the counts are exact");
    Reckoning {
        acknowledged,
        records: shown.len(),
    }
}
