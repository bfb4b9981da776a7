//! A list far larger than one reply: it comes in pages, goes on where it was cut, takes up what
//! changes meanwhile, and costs by what stands in it.

use kadian::app::App;
use kadian::clock::Clock;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, free_port, peak_kib};
use kadian_tests::server::open;
use kadian_tests::{Phone, TestApp, Town, Walker};
use serde_json::{Value, json};
use sync_protocol::change::{Change, Line, parse};
use sync_protocol::id::UserId;
use sync_protocol::replica::{Action, Replica};
use sync_protocol::wire::MAX_PAGE_BYTES;

const HOUSEHOLDS: usize = 10_000;
/// What is around the rows of a reply.
const AROUND: usize = 4 * 1024;

/// Households of a grid, written by the server; their ids.
fn settle(app: &App, user: UserId, place: &str, count: usize) -> Vec<String> {
    let engine = app.engine().unwrap();
    let (now, mut pen) = (app.clock.now(), Pen::new(21));
    let lines: Vec<Value> = (0..count).map(|n| pen.household(now, place, n)).collect();
    let ids = lines
        .iter()
        .map(|line| line["record"].as_str().unwrap().to_owned());
    let change = |line: &Value| -> Change {
        match parse(line.to_string().as_bytes()) {
            Ok(Line::Change(change)) => *change,
            other => panic!("{other:?}"),
        }
    };
    let chunks = || {
        lines
            .chunks(500)
            .map(|chunk| Ok(chunk.iter().map(change).collect()))
    };
    let brought = engine.bring(user, chunks).unwrap();
    assert_eq!(brought.created, count as u64);
    ids.collect()
}

/// Rows that ever came.
fn rows_received(walker: &Walker) -> usize {
    let text = String::from_utf8_lossy(&walker.received);
    text.matches("\"rev\":").count()
}

#[test]
fn ten_thousand_households_come_in_pages_that_go_on_where_they_were_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (ids, codes) = {
        let app = open(folder.path(), &[], Clock::system());
        let town = Town::build(&app);
        let ids = settle(&app, town.user("officer"), "grid:G1", HOUSEHOLDS);
        let codes = [0, 1].map(|_| town.code(&app, "grid.one"));
        app.stop();
        (ids, codes)
    };
    let mut process = Process::start(folder.path(), free_port(), &[]);
    process.ready();
    let clock = Clock::system();
    let mut mate = Phone::enrol_with(&process.address, &codes[1], clock.clone());
    let before = peak_kib(&process.id().to_string());

    let mut walker = Walker::with_code(&process.address, &codes[0], clock.clone(), 1);
    walker.sync_at_most(12);
    let held = walker.replica.bodies().count();
    assert!(
        (1_000..HOUSEHOLDS - 1_000).contains(&held),
        "in the middle: {held}"
    );
    // A reply is on its way when the app is killed.
    assert!(matches!(
        walker.replica.next(walker.moment()),
        Action::Send { .. }
    ));
    let kept = serde_json::to_vec(&walker.replica).unwrap();
    let mut replica: Replica = serde_json::from_slice(&kept).unwrap();
    replica.wake(walker.moment());
    walker.replica = replica;

    // Meanwhile somebody changes what has come, what has not come, and adds some.
    let mut pen = Pen::new(22);
    let now = clock.now();
    let mut lines: Vec<Value> = Vec::new();
    for id in ids[..20].iter().chain(&ids[HOUSEHOLDS - 20..]) {
        lines.push(pen.change(now, "household", id, json!({"phone": "13900000000"})));
    }
    lines.extend((0..5).map(|n| pen.household(now, "grid:G1", HOUSEHOLDS + n)));
    let answer = mate.sync(&bytes(&lines), &Value::Null);
    assert_eq!(answer.json()["ack"], 45, "{}", answer.text());

    walker.sync();
    assert!(walker.replica.all_sent_all_current(walker.moment()));
    assert_eq!(walker.replica.bodies().count(), HOUSEHOLDS + 5);
    let changed = walker
        .replica
        .bodies()
        .filter(|(_, row)| row.set.get("phone") == Some(&json!("13900000000")));
    assert_eq!(changed.count(), 40);
    let (rows, most_sent) = (
        rows_received(&walker),
        walker.costs.iter().map(|c| c.sent).max().unwrap(),
    );
    let most = walker.costs.iter().map(|cost| cost.inflated).max().unwrap();
    let after = peak_kib(&process.id().to_string());
    println!(
        "{HOUSEHOLDS} households: {} requests, {rows} rows, at most {most_sent} bytes there and {most} back ({} packed in all), server memory {before} KiB before and {after} KiB at most",
        walker.costs.len(),
        walker.costs.iter().map(|cost| cost.received).sum::<usize>(),
    );
    // Nothing came twice but what was changed after it had come, or may have.
    assert!(rows <= HOUSEHOLDS + 45, "{rows}");
    assert!(most <= MAX_PAGE_BYTES + AROUND && most_sent < 2 * 1024);
    assert!(
        after - before < 32 * 1024,
        "the pages of the database are kept, the list is not"
    );
}

#[test]
fn a_list_costs_by_what_stands_in_it_and_not_by_what_it_went_through() {
    const COUNT: usize = 100;
    let server = TestApp::new().start();
    let mut pen = Pen::new(23);
    for (login, place, times) in [("grid.one", "grid:G1", 0), ("grid.two", "grid:G2", 100)] {
        let mut phone = Phone::enrol(&server, login);
        // The same people in both grids.
        pen.chance = kadian::demo::chance::Chance::new(24);
        let made: Vec<Value> = (0..COUNT)
            .map(|n| pen.household(server.now(), place, n))
            .collect();
        phone.sync(&bytes(&made), &Value::Null);
        for time in 0..times {
            let lines: Vec<Value> = made
                .iter()
                .map(|line| {
                    // The last change makes them what they were.
                    let phone = if time + 1 == times {
                        line["set"]["phone"].clone()
                    } else {
                        json!(format!("139{time:08}"))
                    };
                    pen.change(
                        server.now(),
                        "household",
                        line["record"].as_str().unwrap(),
                        json!({"phone": phone}),
                    )
                })
                .collect();
            let answer = phone.sync(&bytes(&lines), &Value::Null);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    let mut figures = Vec::new();
    for (login, seed) in [("grid.one", 5), ("grid.two", 6)] {
        let mut walker = Walker::with_code(
            &server.address,
            &server.town.code(&server.app, login),
            server.app.clock.clone(),
            seed,
        );
        let began = std::time::Instant::now();
        walker.sync();
        let took = began.elapsed();
        assert_eq!(walker.replica.bodies().count(), COUNT);
        let bytes: usize = walker.costs.iter().map(|cost| cost.inflated).sum();
        println!(
            "{login}: {} requests, {} rows, {bytes} bytes, {took:?}",
            walker.costs.len(),
            rows_received(&walker)
        );
        figures.push((walker.costs.len(), rows_received(&walker), bytes));
    }
    let (once, often) = (figures[0], figures[1]);
    assert_eq!((once.0, once.1), (often.0, often.1));
    assert!(often.2 < once.2 + once.2 / 50, "{figures:?}");
}
