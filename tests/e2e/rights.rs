//! Rights hold at once, households go over with everything that belongs to them, and a checkpoint
//! phone never gets to know a stranger's number.

use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Console, Phone, TestApp, Walker};
use serde_json::{Value, json};
use sync_protocol::replica::Draft;

const NEW: &str = "0000000000000000";

fn ask(scope: &str, feed: Option<&Value>) -> Value {
    match feed {
        Some(feed) => json!([[scope, feed["cursor"], feed["view"], feed["digest"]]]),
        None => json!([[scope, 0, "", NEW]]),
    }
}

#[test]
fn i10_a_revoked_leader_gets_nothing_with_the_next_request_and_what_they_send_is_parked() {
    let server = TestApp::new().start();
    let mut pen = Pen::new(70);
    let mut phone = Phone::enrol(&server, "grid.one");
    let mut chief = Console::sign_in(&server, "chief");
    let mut officer = Console::sign_in(&server, "officer");
    let household = pen.household(server.now(), "grid:G1", 1);
    let first = phone.sync(&bytes(&[household.clone()]), &ask("grid:G1", None));
    let feed = first.json()["feeds"][0].clone();
    assert_eq!(feed["count"], 1);

    let user = server.town.user("grid.one").to_string();
    let held = chief.all(&format!("/v1/assignments?user={user}"));
    let gone = chief.call(
        "DELETE",
        &format!("/v1/assignments/{}", held[0]["assignment"]),
        None,
    );
    assert_eq!(gone.status, 204, "{}", gone.text());

    let late = pen.household(server.now(), "grid:G1", 2);
    let reply = phone
        .sync(&bytes(&[late.clone()]), &ask("grid:G1", Some(&feed)))
        .json();
    assert_eq!(
        reply["dropped"],
        json!([{"scope": "grid:G1", "reason": "revoked"}]),
        "{reply}"
    );
    assert_eq!(
        reply["verdicts"],
        json!([{"seq": 2, "verdict": "parked", "code": "out_of_scope"}])
    );
    assert!(reply.get("feeds").is_none());
    assert_eq!(reply["places"], json!([]));
    assert_eq!(phone.get("/v1/scopes").json()["places"], json!([]));
    let parked = officer.all("/v1/parked");
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0]["record"], late["record"]);

    // The phone itself is taken out of use, then blocked: each holds with the next request.
    let device = format!("/v1/devices/{}", phone.number);
    assert!(
        officer
            .call("PATCH", &device, Some(&json!({"state": "push_only"})))
            .status
            < 300
            || chief
                .call("PATCH", &device, Some(&json!({"state": "push_only"})))
                .status
                < 300
    );
    assert_eq!(phone.get("/v1/kinds").status, 403);
    let more = pen.household(server.now(), "grid:G1", 3);
    assert_eq!(
        phone.sync(&bytes(&[more]), &Value::Null).json()["verdicts"][0]["code"],
        "out_of_scope"
    );
    assert!(
        chief
            .call("PATCH", &device, Some(&json!({"state": "blocked"})))
            .status
            < 300
    );
    let answer = phone.send(&[], &Value::Null).unwrap();
    assert_eq!(
        (answer.status, answer.code().as_deref()),
        (403, Some("blocked"))
    );
    assert_eq!(phone.get("/v1/kinds").code().as_deref(), Some("blocked"));

    // A session ends at once, too.
    let user = server.town.user("officer").to_string();
    assert_eq!(officer.get("/v1/parked").status, 200);
    let closed = Console::sign_in(&server, "admin").call(
        "PATCH",
        &format!("/v1/users/{user}"),
        Some(&json!({"active": false})),
    );
    assert_eq!(closed.status, 200, "{}", closed.text());
    assert_eq!(officer.get("/v1/parked").status, 401);
}

#[test]
fn i11_a_moved_household_leaves_here_and_is_there_and_the_old_leaders_late_work_is_shown_to_the_new()
 {
    let server = TestApp::new().start();
    let mut pen = Pen::new(71);
    let (mut old, mut new) = (
        Phone::enrol(&server, "grid.one"),
        Phone::enrol(&server, "grid.two"),
    );
    let mut officer = Console::sign_in(&server, "officer");
    let now = server.now();
    let household = pen.household(now, "grid:G1", 1);
    let id = household["record"].as_str().unwrap().to_owned();
    let visit_id = pen.id(now);
    let mut visit = pen.change(
        now,
        "visit",
        &visit_id,
        json!({"visited_at": now, "manner": "door", "outcome": "met", "at_home": 3}),
    );
    visit["parent"] = json!(id);
    let reply = old
        .sync(&bytes(&[household, visit]), &ask("grid:G1", None))
        .json();
    let feed = reply["feeds"][0].clone();
    assert_eq!(
        (feed["count"].clone(), reply["ack"].clone()),
        (json!(2), json!(2))
    );
    let row = feed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["record"] == id.as_str())
        .unwrap()
        .clone();

    let moved = officer.post(
        &format!("/v1/records/household/{id}/move"),
        &json!({"to": "grid:G2"}),
    );
    assert_eq!(moved.json(), json!({"moved": 2}), "{}", moved.text());

    // The old leader, offline meanwhile, has edited the household and written another visit.
    let mut edit = pen.change(now, "household", &id, json!({"phone": "13800009999"}));
    (edit["base"], edit["saw"]) = (row["rev"].clone(), row["stamp"].clone());
    let late_id = pen.id(now);
    let mut late = pen.change(
        now,
        "visit",
        &late_id,
        json!({"visited_at": now, "outcome": "nobody_home"}),
    );
    late["parent"] = json!(id);
    let reply = old
        .sync(&bytes(&[edit, late]), &ask("grid:G1", Some(&feed)))
        .json();
    assert_eq!(
        reply["verdicts"],
        json!([{"seq": 3, "last": 4, "verdict": "parked", "code": "out_of_scope"}]),
        "{reply}"
    );
    let exits = reply["feeds"][0]["exits"].as_array().unwrap().clone();
    let mut left: Vec<_> = exits
        .iter()
        .map(|exit| exit["record"].as_str().unwrap())
        .collect();
    left.sort_unstable();
    let mut wanted = [id.as_str(), visit_id.as_str()];
    wanted.sort_unstable();
    assert_eq!(left, wanted);
    assert!(
        exits
            .iter()
            .all(|exit| exit["reason"] == "moved" && exit.get("to").is_none()),
        "{exits:?}"
    );
    assert_eq!(reply["feeds"][0]["count"], 0);

    let there = new.sync(&[], &ask("grid:G2", None)).json();
    let rows = there["feeds"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row["parent"] == id.as_str()));
    // What waits is shown to the officer of the village and to the new leader's console.
    let mut leader = Console::sign_in(&server, "grid.two");
    for who in [&mut officer, &mut leader] {
        let parked = who.all("/v1/parked");
        assert_eq!(parked.len(), 2, "{parked:?}");
        assert!(
            parked
                .iter()
                .all(|row| row["code"] == "out_of_scope" && row["area"] == "G2"),
            "{parked:?}"
        );
    }
    let mut before = Console::sign_in(&server, "grid.one");
    assert!(
        before.all("/v1/parked").is_empty(),
        "the old leader reads nothing there any more"
    );
    // Admitted by the new owner, both are in the record.
    let parked = leader.all("/v1/parked");
    for row in &parked {
        let done = leader.post(
            &format!("/v1/parked/{}", row["id"]),
            &json!({"decision": "admit"}),
        );
        assert_eq!(done.status, 200, "{}", done.text());
    }
    let feed = there["feeds"][0].clone();
    let reply = new.sync(&[], &ask("grid:G2", Some(&feed))).json();
    assert_eq!(reply["feeds"][0]["count"], 3, "{reply}");
    let rows = reply["feeds"][0]["rows"].as_array().unwrap();
    let household = rows
        .iter()
        .find(|row| row["record"] == id.as_str())
        .unwrap();
    assert_eq!(household["set"]["phone"], "13800009999");
}

#[test]
fn i10_a_grid_that_is_handed_over_leaves_the_old_phone_and_comes_to_the_new_one() {
    let server = TestApp::new().start();
    let mut pen = Pen::new(72);
    let mut chief = Console::sign_in(&server, "chief");
    let mut old = Walker::enrol(&server, "grid.one", 1);
    for number in 0..5 {
        let change = pen.household(server.now(), "grid:G1", number);
        let set = change["set"]
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .collect();
        let draft = Draft::create(
            change["record"].as_str().unwrap().parse().unwrap(),
            "household",
            "grid:G1".parse().unwrap(),
            set,
        );
        old.replica.capture(&draft, old.moment()).unwrap();
    }
    old.sync();
    assert_eq!(old.replica.bodies().count(), 5);
    let mut new = Walker::enrol(&server, "grid.two", 2);
    let (from, to) = (
        server.town.user("grid.one").to_string(),
        server.town.user("grid.two").to_string(),
    );
    // Written before the phone hears of it; so it is this person's late work.
    let change = pen.household(server.now(), "grid:G1", 9);
    let set = change["set"]
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .collect();
    let draft = Draft::create(
        change["record"].as_str().unwrap().parse().unwrap(),
        "household",
        "grid:G1".parse().unwrap(),
        set,
    );
    old.replica.capture(&draft, old.moment()).unwrap();
    let handed = chief.post("/v1/assignments", &json!({"user": to, "area": "G1", "role": "grid_leader", "instead_of": from, "revoke": true}));
    assert!(handed.status < 300, "{}", handed.text());
    old.sync();
    assert_eq!(
        old.replica.bodies().count(),
        0,
        "nothing of the grid is left on the old phone"
    );
    assert_eq!(old.replica.unsent(), 0);
    new.sync();
    assert_eq!(new.replica.bodies().count(), 5);
    let mut leader = Console::sign_in(&server, "grid.two");
    let parked = leader.all("/v1/parked");
    assert_eq!(parked.len(), 1);
    let done = leader.post(
        &format!("/v1/parked/{}", parked[0]["id"]),
        &json!({"decision": "admit"}),
    );
    assert_eq!(done.status, 200, "{}", done.text());
    new.sync();
    assert_eq!(
        new.replica.bodies().count(),
        6,
        "nothing was lost on the way"
    );
}

#[test]
fn i10_a_checkpoint_phone_never_receives_a_strangers_identity_number() {
    let server = TestApp::new().start();
    let mut pen = Pen::new(73);
    let mut writer = Phone::enrol(&server, "mate");
    let mut walker = Walker::enrol(&server, "volunteer", 3);
    let mut numbers = Vec::new();
    let mut chief = Console::sign_in(&server, "chief");
    for round in 0..6 {
        let lines: Vec<Value> = (0..10)
            .map(|_| {
                let mut change = pen.registration(server.now(), "checkpoint:S1");
                change["set"][format!("itinerary/{}", pen.id(server.now()))] =
                    json!({"area": "999999", "left": "2026-11-20"});
                numbers.push(
                    change["set"]["person"]["number"]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                );
                change
            })
            .collect();
        writer.sync(&bytes(&lines), &Value::Null);
        walker.sync();
        // Their own is theirs to see; an edit by an officer makes it come as a row.
        let own = pen.registration(server.now(), "checkpoint:S1");
        let id = own["record"].as_str().unwrap();
        let set = own["set"]
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .collect();
        let draft = Draft::create(
            id.parse().unwrap(),
            "registration",
            "checkpoint:S1".parse().unwrap(),
            set,
        );
        walker.replica.capture(&draft, walker.moment()).unwrap();
        walker.sync();
        for record in [id, lines[round]["record"].as_str().unwrap()] {
            let row = chief
                .get(&format!("/v1/records/registration/{record}"))
                .json();
            let mut person = row["row"]["set"]["person"].clone();
            person["occupation"] = json!("司机");
            let edited = chief.post(
                &format!("/v1/records/registration/{record}"),
                &json!({"base": row["row"]["rev"], "set": {"person": person}}),
            );
            assert_eq!(edited.status, 200, "{}", edited.text());
        }
        walker.sync();
        // A look-up of somebody of another checkpoint shows no more.
        let stranger = &lines[round]["set"]["person"];
        for term in [
            json!({"phone": stranger["phone"]}),
            json!({"identity": stranger["number"]}),
        ] {
            let mut term = term;
            term["purpose"] = json!("second reading");
            let mut console = Console {
                client: server.client(),
                token: String::new(),
            };
            let (_, token) = (&mut console, &writer.token);
            let bearer = format!("Bearer {token}");
            let answer = server
                .client()
                .ask(
                    "POST",
                    "/v1/look-up",
                    &[
                        ("content-type", "application/json"),
                        ("authorization", &bearer),
                    ],
                    term.to_string().as_bytes(),
                )
                .unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            walker.received.extend_from_slice(&answer.plain());
        }
    }
    let received = String::from_utf8_lossy(&walker.received).into_owned();
    let hits = numbers
        .iter()
        .filter(|number| received.contains(*number))
        .count();
    let itineraries = received.matches("\"left\"").count();
    println!(
        "a checkpoint phone: {} bytes received, {} strangers' numbers looked for, {hits} found, {itineraries} itineraries",
        received.len(),
        numbers.len()
    );
    assert!(received.contains("司机"), "their own row came");
    assert!(
        received.contains("**") || received.contains('*'),
        "strangers came masked"
    );
    assert_eq!((hits, itineraries), (0, 0));
}
