//! What a request costs in bytes of body: a village's line is thin, and a village has many phones.

use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Phone, TestApp, Walker};
use serde_json::{Value, json};
use sync_protocol::replica::Draft;

fn set_of(change: &Value) -> sync_protocol::change::Fields {
    change["set"]
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .collect()
}

#[test]
fn a_push_of_fifty_good_registrations_is_one_request_and_a_reply_below_400_bytes() {
    let server = TestApp::new().start();
    let mut walker = Walker::enrol(&server, "volunteer", 1);
    walker.follow(&["checkpoint:S1"]);
    walker.sync();
    let mut pen = Pen::new(50);
    // The first entries of a day make its scope, which is then asked for from 0 once.
    let mut figures = Vec::new();
    for round in ["first of the day", "later"] {
        for _ in 0..50 {
            let change = pen.registration(server.now(), "checkpoint:S1");
            let record = change["record"].as_str().unwrap().parse().unwrap();
            let draft = Draft::create(
                record,
                "registration",
                "checkpoint:S1".parse().unwrap(),
                set_of(&change),
            );
            walker.replica.capture(&draft, walker.moment()).unwrap();
        }
        walker.costs.clear();
        walker.sync();
        assert!(walker.replica.all_sent_all_current(walker.moment()));
        println!(
            "push of 50, {round}: {} request(s), {:?}",
            walker.costs.len(),
            walker.costs[0]
        );
        figures.push(walker.costs.clone());
    }
    assert!(
        figures.iter().all(|costs| costs.len() == 1),
        "one request each"
    );
    // Asked from 0, a scope is sent whole, as nothing is known of what the phone holds.
    assert!(figures[0][0].received < 6_000, "{figures:?}");
    // The replica asks for yesterday too, which costs some 150 bytes before packing.
    assert!(figures[1][0].received < 400, "{figures:?}");

    // Today's scope alone, not packed at all.
    let mut phone = Phone::enrol(&server, "mate");
    let today = walker
        .replica
        .held()
        .map(|(scope, _)| scope.to_string())
        .max()
        .unwrap();
    let known = phone
        .sync(&[], &json!([[today, 0, "", "0000000000000000"]]))
        .json()["feeds"][0]
        .clone();
    let lines: Vec<Value> = (0..50)
        .map(|_| pen.registration(server.now(), "checkpoint:S1"))
        .collect();
    let ask = json!([[today, known["cursor"], known["view"], known["digest"]]]);
    let answer = phone.sync(&bytes(&lines), &ask);
    println!(
        "push of 50 with one scope, not packed: {} bytes back",
        answer.body.len()
    );
    assert_eq!(
        answer.json()["feeds"][0]["own"][0][1],
        50,
        "{}",
        answer.text()
    );
    assert!(answer.body.len() < 400, "{}", answer.text());
}

#[test]
fn an_idle_sync_of_a_phone_with_five_scopes_costs_below_800_bytes_both_ways() {
    let mut server = TestApp::new().start();
    for number in 0..4 {
        let code = format!("99999900100100{number}");
        server.town.found(&server.app, &code, "V1", "grid", "网格");
        server
            .town
            .give(&server.app, "grid.one", "grid_leader", &code);
    }
    let user = server.town.hire(&server.app, "walker", "volunteer", "S1");
    assert!(user.0 > 0);
    let mut pen = Pen::new(7);
    let mut phone = Phone::enrol(&server, "grid.one");
    let lines: Vec<Value> = (0..20)
        .map(|n| {
            let place = if n % 5 == 4 {
                "grid:G1".to_owned()
            } else {
                format!("grid:99999900100100{}", n % 5)
            };
            pen.household(server.now(), &place, n)
        })
        .collect();
    phone.sync(&bytes(&lines), &Value::Null);
    let mut walker = Walker::enrol(&server, "grid.one", 2);
    walker.sync();
    walker.costs.clear();
    walker.sync();
    let held = walker.replica.held().count();
    assert_eq!(held, 5);
    let cost = walker.costs[0];
    println!(
        "idle sync of {held} scopes: {} request(s), {} bytes there, {} back",
        walker.costs.len(),
        cost.sent,
        cost.received
    );
    assert_eq!(walker.costs.len(), 1);
    assert!(cost.sent + cost.inflated < 800, "{cost:?}");
}

#[test]
fn a_cold_pull_of_a_list_of_27_households_is_one_request_below_4608_bytes_packed() {
    let server = TestApp::new().start();
    let mut pen = Pen::new(27);
    let mut phone = Phone::enrol(&server, "grid.one");
    let lines: Vec<Value> = (0..27)
        .map(|n| pen.household(server.now(), "grid:G1", n))
        .collect();
    phone.sync(&bytes(&lines), &Value::Null);
    let mut walker = Walker::enrol(&server, "grid.one", 3);
    walker.sync();
    let pulls: Vec<_> = walker
        .costs
        .iter()
        .filter(|cost| cost.inflated > 1000)
        .collect();
    println!(
        "cold pull of 27 households: {} request(s), {} bytes packed, {} unpacked",
        pulls.len(),
        pulls[0].received,
        pulls[0].inflated
    );
    assert_eq!(pulls.len(), 1);
    assert!(pulls[0].received < 4_608, "{pulls:?}");
    assert!(walker.replica.all_sent_all_current(walker.moment()));
}
