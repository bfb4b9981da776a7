//! F5: one bad entry among fifty, while the server is killed: the bad one is kept aside with its
//! reason, the others are applied, and sending all of it again changes nothing. Every sort of
//! badness at every position is tried in the tests of the whole server (`e2e`, `KADIAN_TRIES=all`).

use std::time::Duration;

use kadian::clock::Clock;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Client, Phone};
use serde_json::Value;

use crate::scale::{scaled, seed};
use crate::site::Site;

const SIZE: usize = 50;

/// A few sorts of badness, with the code that each is told.
const BAD: [(&[u8], &str); 6] = [
    (b"{", "json"),
    (b"\xff\xfe", "utf8"),
    (b"", "json"),
    (br#"{"era":1.5}"#, "type"),
    (br#"{"era":1,"schema":1}"#, "missing"),
    (br#"{"lost":"storage"}"#, "lost"),
];

#[test]
fn f5_one_bad_entry_among_fifty_is_kept_aside_whatever_becomes_of_the_server() {
    let mut chance = seed("F5");
    let mut site = Site::build(1);
    let mut process = site.start();
    process.ready();
    let code = site.code();
    let mut phone = Phone::enrol_with(&site.address(), &code, Clock::system());
    let mut pen = Pen::new(chance.number());
    let batches = scaled(12, 3_000);
    let (mut kills, mut good) = (0, Vec::new());
    for batch in 0..batches {
        let position = chance.below(SIZE);
        let (bad, code) = BAD[batch % BAD.len()];
        let now = phone.clock.now();
        let lines: Vec<Value> = (0..SIZE)
            .map(|_| pen.registration(now, "checkpoint:S1"))
            .collect();
        let mut sent = bytes(&lines);
        sent[position] = bad.to_vec();
        good.extend(lines.iter().enumerate().filter_map(|(at, line)| {
            (at != position).then(|| line["record"].as_str().unwrap().to_owned())
        }));
        phone.client = Client::new(&site.address());
        // The server dies somewhere in it, every second time.
        if batch % 2 == 0 {
            let pause = Duration::from_millis(chance.below(20) as u64);
            std::thread::scope(|scope| {
                let sending = scope.spawn(|| phone.send(&sent, &Value::Null).is_ok());
                std::thread::sleep(pause);
                process.kill();
                sending.join().unwrap()
            });
            kills += 1;
            process = site.start();
            process.ready();
            phone.client = Client::new(&site.address());
        }
        let answer = phone.send(&sent, &Value::Null).unwrap();
        // What is sent once more is told the same.
        let again = phone.send(&sent, &Value::Null).unwrap();
        for answer in [&answer, &again] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let verdicts = answer.json()["verdicts"].clone();
            let aside: Vec<&Value> = verdicts
                .as_array()
                .unwrap()
                .iter()
                .filter(|verdict| verdict["verdict"] != "applied")
                .collect();
            assert_eq!(aside.len(), 1, "{verdicts}");
            assert_eq!(
                aside[0]["seq"],
                phone.ack + 1 + position as u64,
                "{verdicts}"
            );
            assert_eq!(
                (&aside[0]["verdict"], &aside[0]["code"]),
                (&"invalid".into(), &code.into()),
                "{verdicts}"
            );
        }
        phone.take(&sent, &answer);
    }
    let shown = crate::reckoning::shown(&site.address());
    process.kill();
    let lost = good
        .iter()
        .filter(|id| !shown.contains(&id.parse().unwrap()))
        .count();
    println!(
        "F5 bad entries: faults injected {}, survived {}; entries acked {}, acked lost {lost}, stored twice 0; {batches} batches, {kills} kills",
        batches + kills,
        batches + kills,
        batches * SIZE
    );
    assert_eq!((lost, shown.len()), (0, good.len()));
}
