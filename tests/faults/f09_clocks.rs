//! F9: clocks that are wrong by up to ten years, on phones and on the server, and that jump.

use std::time::Duration;

use kadian::clock::Clock;
use kadian_tests::TestApp;
use serde_json::json;

use crate::book;
use crate::crowd::Crowd;
use crate::oracle::Oracle;
use crate::reckoning::Reckoning;
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const YEAR: i64 = 365 * DAY;
const SKEWS: [i64; 11] = [
    -10 * YEAR,
    -YEAR,
    -DAY,
    -10 * MINUTE,
    -MINUTE,
    0,
    MINUTE,
    10 * MINUTE,
    DAY,
    YEAR,
    10 * YEAR,
];

#[test]
fn f9_clocks_that_are_wrong_by_years_or_jump_refuse_nothing() {
    let mut chance = seed("F9");
    let mut site = Site::build(SKEWS.len());
    let mut process = site.start();
    process.ready();
    let mut oracles = site.oracles(SKEWS.len(), &site.address(), &chance);
    for (oracle, skew) in oracles.iter_mut().zip(SKEWS) {
        oracle.skew = skew;
        oracle.capture(3);
    }
    let jumps = scaled(30, 3_000);
    for _ in 0..jumps / SKEWS.len() + 1 {
        let crowd = Crowd::start(oracles, 6);
        assert!(crowd.goes_on(60, REST), "nothing moves");
        oracles = crowd.stop();
        for oracle in &mut oracles {
            oracle.skew = SKEWS[chance.below(SKEWS.len())];
        }
    }
    for oracle in &mut oracles {
        assert!(oracle.settle(REST));
    }
    process.kill();
    let found = site.reckon();
    let jumped = (jumps / SKEWS.len() + 1) * SKEWS.len();
    found.print(
        "F9 clocks of phones",
        jumped,
        jumped,
        &format!("kept aside {}", found.aside.len()),
    );
    found.is_sound();
    assert!(
        found.aside.is_empty(),
        "nothing is refused or parked for its time: {found:?}"
    );
}

#[test]
fn f9_a_phone_ten_years_ahead_does_not_win_over_a_later_amendment() {
    let chance = seed("F9 ahead");
    let mut site = Site::build(3);
    let mut process = site.start();
    process.ready();
    let mut honest = site.oracle(&site.address(), &chance);
    // The second one works elsewhere.
    site.oracle(&site.address(), &chance);
    let mut ahead = site.oracle(&site.address(), &chance);
    ahead.skew = 10 * YEAR;
    ahead.create();
    let record = honest.create();
    assert!(ahead.settle(REST) && honest.settle(REST));
    ahead.amend(record, [("lane".to_owned(), json!("ahead"))].into());
    assert!(ahead.settle(REST));
    std::thread::sleep(Duration::from_millis(5));
    honest.amend(record, [("lane".to_owned(), json!("honest"))].into());
    assert!(honest.settle(REST));
    process.kill();
    let app = site.open();
    let stands = app
        .store
        .read(|c| kadian::store::records::by_ids(c, &[record]))
        .unwrap();
    let record = stands[0].record().unwrap();
    assert_eq!(record.fields["lane"].value, "honest");
    let now = u64::try_from(app.clock.now()).unwrap();
    assert!(record.writes.iter().all(|write| write.stamp.ms <= now));
    drop(app);
    let found = site.reckon();
    found.print("F9 ten years ahead", 1, 1, "");
    found.is_sound();
}

/// By less than a record is kept (60 days for a registration): what is older than that when it comes
/// is not kept at all, by the same clock.
#[test]
fn f9_a_server_whose_clock_jumps_by_less_than_its_retention_refuses_nothing() {
    let chance = seed("F9 server");
    // Everybody has their rights since an hour ago.
    let server = TestApp::new()
        .at(Clock::system().now() - 60 * MINUTE)
        .start();
    let books: Vec<_> = (0..3)
        .map(|n| server.folder.path().join(format!("book{n}")))
        .collect();
    let mut oracles: Vec<Oracle> = books
        .iter()
        .enumerate()
        .map(|(number, book)| {
            let code = server.town.code(&server.app, "volunteer");
            let chance = chance.branch(number as u64 + 1);
            Oracle::new(&server.address, &code, "checkpoint:S1", chance, book)
        })
        .collect();
    let jumps = [0, 30 * DAY, 0, -5 * MINUTE, 7 * DAY, DAY, -9 * MINUTE, 0];
    let rounds = scaled(1, 100);
    for _ in 0..rounds {
        for jump in jumps {
            server.app.clock.set(Clock::system().now() + jump);
            for oracle in &mut oracles {
                oracle.capture(4);
                assert!(oracle.settle(REST), "refused at {jump}: {:?}", oracle.seen);
            }
        }
    }
    let found = Reckoning::of(&server.app, &book::read(&books));
    let jumped = rounds * jumps.len();
    let more = format!("kept aside {}", found.aside.len());
    found.print("F9 clock of the server", jumped, jumped, &more);
    found.is_sound();
    assert!(found.aside.is_empty(), "{found:?}");
}
