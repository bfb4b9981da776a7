//! F3: the connection dies at every byte of request and reply, either way, closed or reset.

use std::time::Duration;

use serde_json::json;

use crate::oracle::{Oracle, Turn};
use crate::proxy::{End, Fault, Proxy, Way};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);
/// Entries in each request.
const ENTRIES: usize = 2;

#[test]
fn f3_a_connection_that_dies_at_any_byte_loses_nothing_and_doubles_nothing() {
    let mut chance = seed("F3");
    let mut site = Site::build(1);
    let mut process = site.start();
    process.ready();
    let proxy = Proxy::to(&site.address());
    let mut oracle = site.oracle(&proxy.address, &chance);
    oracle.fresh = true;
    oracle.gzip = false;
    oracle.capture(1);
    assert!(oracle.settle(REST));
    // How long request and reply are.
    proxy.bytes();
    capture_alike(&mut oracle);
    assert!(oracle.settle(REST));
    let (up, down) = proxy.bytes();
    let mut places: Vec<(Way, u64, End)> = [(Way::Up, up), (Way::Down, down)]
        .into_iter()
        .flat_map(|(way, length)| (0..length).map(move |after| (way, after)))
        .flat_map(|(way, after)| [End::Closed, End::Reset].map(|end| (way, after, end)))
        .collect();
    let all = places.len();
    let wanted = scaled(240, all);
    // Some of all, spread evenly, from a chosen beginning.
    let step = (all / wanted).max(1);
    let first = chance.below(step);
    places = places.into_iter().skip(first).step_by(step).collect();
    let (mut struck, mut survived, mut answered) = (0, 0, 0);
    for (way, after, end) in &places {
        let before = oracle.replica.numbers().1;
        capture_alike(&mut oracle);
        proxy.next([Fault::Cut {
            way: *way,
            after: *after,
            end: *end,
        }]);
        oracle.replica.hurry();
        match oracle.turn() {
            // Numbers and clocks may have fewer digits than in the request that was measured.
            Turn::Heard(_, Some(200)) => answered += 1,
            Turn::Heard(..) => struck += 1,
            Turn::Wait(wait) => panic!("told to wait {wait:?} at {way:?} {after}"),
        }
        assert!(
            oracle.settle(REST),
            "stuck after a cut at {way:?} {after} {end:?}"
        );
        survived += usize::from(oracle.replica.numbers().1 == before + ENTRIES as u64);
    }
    process.kill();
    let found = site.reckon();
    found.print(
        "F3 cuts",
        struck,
        survived - answered,
        &format!(
            "{all} places in a request of {up} and a reply of {down} bytes, {answered} requests came through before their cut"
        ),
    );
    found.is_sound();
    assert_eq!(survived, places.len());
    assert!(struck * 10 > places.len() * 9, "the cuts strike: {struck}");
    assert_eq!(oracle.seen.forks + oracle.seen.gaps, 0);
}

/// Captures entries that all say the same, so that each request is as long as the one that was
/// measured and a place in it is a place in the others.
fn capture_alike(oracle: &mut Oracle) {
    for _ in 0..ENTRIES {
        let set = [
            ("mode".to_owned(), json!("full")),
            ("direction".to_owned(), json!("in")),
            (
                "person".to_owned(),
                json!({"name": "演示一", "phone": "19900000001"}),
            ),
            (
                "measurement".to_owned(),
                json!({"temperature": 365, "method": "forehead"}),
            ),
            ("health_code".to_owned(), json!("green")),
            ("disposition".to_owned(), json!("passed")),
        ];
        oracle.create_of(set.into(), false);
    }
}

#[test]
fn f3_a_network_that_is_slow_or_swallows_what_is_sent_loses_nothing_and_doubles_nothing() {
    let chance = seed("F3 slow");
    let mut site = Site::build(1);
    let mut process = site.start();
    process.ready();
    let proxy = Proxy::to(&site.address());
    let mut oracle = site.oracle(&proxy.address, &chance);
    oracle.fresh = true;
    oracle.gzip = false;
    oracle.capture(1);
    assert!(oracle.settle(REST));
    oracle.patience = Duration::from_millis(600);
    let faults = [
        Fault::Delay(Duration::from_millis(100)),
        // Longer than the phone waits: the answer comes to nobody.
        Fault::Delay(Duration::from_millis(700)),
        Fault::Trickle {
            way: Way::Up,
            every: Duration::from_micros(200),
        },
        Fault::Trickle {
            way: Way::Down,
            every: Duration::from_micros(200),
        },
        Fault::BlackHole(Way::Up),
        Fault::BlackHole(Way::Down),
    ];
    let rounds = scaled(1, 200);
    for _ in 0..rounds {
        for fault in &faults {
            let before = oracle.replica.numbers().1;
            for _ in 0..ENTRIES {
                oracle.create();
            }
            proxy.next([fault.clone()]);
            oracle.replica.hurry();
            let turn = oracle.turn();
            if matches!(fault, Fault::BlackHole(_)) {
                assert_eq!(oracle.replica.numbers().1, before, "{turn:?}");
            }
            assert!(oracle.settle(REST), "stuck after {fault:?}");
        }
    }
    process.kill();
    let found = site.reckon();
    let injected = rounds * faults.len();
    found.print("F3 slow and swallowing", injected, injected, "");
    found.is_sound();
    assert_eq!(oracle.seen.forks + oracle.seen.gaps, 0);
}
