//! F7: what is committed late must not be skipped by who reads along: many writers through several
//! processes, and pullers that know nothing but their cursor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kadian::clock::Clock;
use kadian::store::{self, records, scopes};
use kadian_tests::Phone;
use kadian_tests::cluster::Cluster;
use kadian_tests::process::free_port;
use serde_json::{Value, json};

use crate::crowd::{Crowd, seen};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

/// What a puller was sent: for each record, the last revision; and how often it began anew.
#[derive(Default)]
struct Followed {
    cursor: u64,
    view: String,
    rows: BTreeMap<String, u64>,
    resets: usize,
    pages: usize,
}

impl Followed {
    /// One page; says whether there was anything in it.
    fn page(&mut self, phone: &mut Phone, scope: &str) -> bool {
        let ask = json!([[scope, self.cursor, self.view, "0000000000000000"]]);
        let answer = phone.sync(&[], &ask);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let reply = answer.json();
        assert!(reply.get("dropped").is_none(), "{reply}");
        let feeds = reply["feeds"].as_array().cloned().unwrap_or_default();
        let mut news = false;
        for feed in feeds.iter().filter(|feed| feed["scope"] == scope) {
            self.resets += usize::from(feed["reset"] == true);
            self.cursor = feed["cursor"].as_u64().unwrap();
            feed["view"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut self.view);
            for row in feed["rows"].as_array().into_iter().flatten() {
                let record = row["record"].as_str().unwrap().to_owned();
                self.rows.insert(record, row["rev"].as_u64().unwrap());
                news = true;
            }
            news |= feed["more"] == Value::Bool(true);
        }
        self.pages += 1;
        news
    }
}

#[test]
fn f7_nobody_who_follows_a_cursor_misses_what_is_committed_late() {
    let chance = seed("F7");
    let (writers, pullers) = (scaled(8, 64), scaled(3, 20));
    let cluster = Cluster::start(&[]);
    let mut site = Site::on(&cluster.url("postgres"), 2 * writers + 2 * pullers);
    let ports = [free_port(), free_port(), free_port()];
    let mut servers: Vec<_> = ["a", "b", "c"]
        .iter()
        .zip(ports)
        .map(|(name, port)| site.start_beside(name, port))
        .collect();
    for server in &mut servers {
        server.ready();
    }
    // All work at one place, through one process or another.
    let mut oracles = Vec::new();
    for number in 0..2 * writers {
        let address = servers[number / 2 % 3].address.clone();
        let mut oracle = site.oracle(&address, &chance);
        oracle.patience = REST;
        oracle.hang_up();
        if number % 2 == 0 {
            oracle.capture(1);
            assert!(oracle.settle(REST));
            oracles.push(oracle);
        }
    }
    let app = site.open();
    let scope = app.store.read::<_, store::Error>(|c| {
        let mut scope = None;
        records::each(c, |record| scope = Some(record.id))?;
        let rows = records::by_ids(c, &[scope.unwrap()])?;
        Ok(scopes::by_ids(c, &[rows[0].scope_id])?[0]
            .scope()?
            .to_string())
    });
    let scope = scope.unwrap();
    let phones: Vec<Phone> = (0..pullers)
        .map(|number| {
            let code = site.code();
            let address = &servers[number % 3].address;
            Phone::enrol_with(address, &code, Clock::system())
        })
        .collect();
    let done = AtomicBool::new(false);
    let crowd = Crowd::start(oracles, 4);
    let followed: Vec<Followed> = std::thread::scope(|threads| {
        let following = phones.into_iter().map(|mut phone| {
            let (done, scope) = (&done, &scope);
            threads.spawn(move || {
                let mut followed = Followed::default();
                while !done.load(Ordering::Relaxed) {
                    if !followed.page(&mut phone, scope) {
                        std::thread::sleep(Duration::from_millis(3));
                    }
                }
                while followed.page(&mut phone, scope) {}
                followed
            })
        });
        let following: Vec<_> = following.collect();
        let wanted = scaled(600, 1_000_000) as u64;
        assert!(crowd.goes_on(wanted, 20 * REST), "nothing moves");
        let mut oracles = crowd.stop();
        for oracle in &mut oracles {
            assert!(oracle.settle(REST));
        }
        assert_eq!(seen(&oracles).faults, 0);
        done.store(true, Ordering::Relaxed);
        following
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for server in &mut servers {
        server.kill();
    }
    let mut stands = BTreeMap::new();
    app.store
        .read::<_, store::Error>(|c| {
            records::each(c, |record| {
                stands.insert(record.id.to_string(), record.rev);
            })
        })
        .unwrap();
    drop(app);
    let missed: usize = followed
        .iter()
        .map(|one| {
            let current = |(id, rev): &(&String, &u64)| one.rows.get(*id) != Some(*rev);
            stands.iter().filter(current).count()
        })
        .sum();
    let resets: usize = followed.iter().map(|one| one.resets).sum();
    let pages: usize = followed.iter().map(|one| one.pages).sum();
    let found = site.reckon();
    found.print(
        "F7 late commits",
        found.acked,
        found.acked,
        &format!(
            "{writers} writers, 3 processes, {pullers} pullers, {pages} pages; records missed or stale {missed}, begun anew {resets}"
        ),
    );
    found.is_sound();
    assert_eq!((missed, resets), (0, 0));
}
