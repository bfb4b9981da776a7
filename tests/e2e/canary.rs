//! A person whom nobody could overlook is driven through everything that can happen to an entry,
//! with the log at its finest. Where people's data has no business (the log, the metrics, problem
//! documents, addresses in replies) nothing of them may stand.

use kadian::clock::Clock;
use kadian_tests::http::Answer;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, free_port};
use kadian_tests::server::open;
use kadian_tests::{Client, Console, Phone, Town};
use serde_json::{Value, json};

const NAME: &str = "钟离金丝雀";
const NUMBER: &str = "999999198804017911";
const PHONE: &str = "13877714159";
const PLATE: &str = "豫PQ7Z3K";
const ADDRESS: &str = "金丝雀胡同七号";
const CANARY: [&str; 5] = [NAME, NUMBER, PHONE, PLATE, ADDRESS];

/// Everything that must not hold them.
#[derive(Default)]
struct Net {
    caught: Vec<(String, String)>,
    problems: usize,
    server_faults: usize,
}

impl Net {
    /// Headers of any answer, bodies of refusals.
    fn take(&mut self, what: &str, answer: &Answer) {
        for (name, value) in &answer.headers {
            self.look(&format!("{what}: header {name}"), value);
        }
        if answer.status >= 400 {
            self.problems += 1;
            self.server_faults += usize::from(answer.status >= 500);
            self.look(&format!("{what}: {}", answer.status), &answer.text());
        }
    }

    fn look(&mut self, what: &str, text: &str) {
        for one in CANARY {
            let escaped: String = one
                .chars()
                .map(|c| {
                    if c.is_ascii() {
                        c.to_string()
                    } else {
                        format!("\\u{:04x}", c as u32)
                    }
                })
                .collect();
            let encoded: String = one
                .bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() {
                        char::from(b).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect();
            for form in [one, &escaped, &encoded] {
                if text.to_lowercase().contains(&form.to_lowercase()) {
                    let line = text
                        .lines()
                        .find(|line| line.to_lowercase().contains(&form.to_lowercase()));
                    self.caught.push((
                        what.to_owned(),
                        line.unwrap_or_default().chars().take(300).collect(),
                    ));
                }
            }
        }
    }
}

fn person() -> Value {
    json!({"name": NAME, "phone": PHONE, "document": "resident_id", "number": NUMBER})
}

#[test]
fn s11_a_person_driven_through_everything_leaves_no_trace_in_logs_metrics_problems_or_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let codes: Vec<String> = {
        let app = open(folder.path(), &[], clock.clone());
        let town = Town::build(&app);
        ["volunteer", "mate", "grid.one"]
            .iter()
            .map(|login| town.code(&app, login))
            .collect()
    };
    let mut process = Process::start(
        folder.path(),
        free_port(),
        &[("log.filter", "trace"), ("log.format", "json")],
    );
    process.ready();
    let now = clock.now();
    // The net holds, in every disguise.
    let mut net = Net::default();
    for disguise in [
        format!("x{NAME}y"),
        "\\u949F\\u79BB\\u91D1\\u4E1D\\u96C0".to_owned(),
        "q=%E8%B1%ABPQ7Z3K".to_owned(),
    ] {
        net.look("trial", &disguise);
        assert!(!net.caught.is_empty(), "{disguise}");
        net.caught.clear();
    }
    let mut pen = Pen::new(11);
    let mut phones: Vec<Phone> = codes
        .iter()
        .map(|code| Phone::enrol_with(&process.address, code, clock.clone()))
        .collect();
    let mut chief = Console::sign_in_at(&process.address, "chief");

    // Good, flagged, feverish, parked, invalid in every way, merged, voided.
    let mut good = pen.registration(now, "checkpoint:S1");
    good["set"]["person"] = person();
    good["set"]["vehicle"] = json!({"plate": PLATE});
    good["set"]["residence"] = json!({"area": "999999", "address": ADDRESS});
    good["set"]["measurement"]["temperature"] = json!(391);
    let with = |pen: &mut Pen, pointer: &str, value: Value| {
        let mut bad = good.clone();
        bad["record"] = json!(pen.id(now));
        *bad.pointer_mut(pointer).unwrap() = value;
        bad
    };
    let text = good.to_string();
    let mut lines = bytes(&[
        good.clone(),
        with(&mut pen, "/scope", json!("checkpoint:S3")),
        with(&mut pen, "/scope", json!(NAME)),
        with(&mut pen, "/kind", json!("unicorn")),
        with(&mut pen, "/kind", json!(NAME)),
        with(&mut pen, "/stamp", json!(NUMBER)),
        with(&mut pen, "/set/person", json!(NAME)),
        with(&mut pen, "/set/person/number", json!(format!("{NUMBER}9"))),
        with(&mut pen, "/set/person/phone", json!(PHONE.repeat(9))),
        with(&mut pen, "/set/measurement/temperature", json!(PHONE)),
        with(&mut pen, "/set/disposition", json!(NAME)),
        with(&mut pen, "/set/health_code", json!({NAME: PHONE})),
        json!({NAME: NUMBER, "lost": NAME}),
        json!([NAME]),
    ]);
    let mut odd = good.clone();
    odd["record"] = json!(pen.id(now));
    odd["set"][NAME] = json!(NUMBER);
    odd["set"][format!("itinerary/{NUMBER}")] = json!({"area": ADDRESS});
    lines.push(odd.to_string().into_bytes());
    lines.push(text.as_bytes()[..text.len() - 3].to_vec());
    lines.push(text.replace(NAME, &format!("{NAME}\\u0000")).into_bytes());
    let answer = phones[0].sync(&lines, &Value::Null);
    net.take("push", &answer);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["verdicts"][0]["verdict"],
        "applied",
        "{}",
        answer.text()
    );
    assert!(
        answer.json()["verdicts"].as_array().unwrap().len() > 10,
        "{}",
        answer.text()
    );
    net.look("verdicts", &answer.json()["verdicts"].to_string());
    let mut edit = pen.change(
        now,
        "registration",
        good["record"].as_str().unwrap(),
        json!({"person": person(), "void": NAME}),
    );
    edit["base"] = json!(1);
    edit["saw"] = json!("01a1ffd20c11000000012cc9");
    let mut merge = pen.change(
        now,
        "registration",
        good["record"].as_str().unwrap(),
        json!({"disposition": "held"}),
    );
    merge["base"] = json!(1);
    merge["saw"] = json!("01a1ffd20c11000000012cc9");
    net.take(
        "edits",
        &phones[1].sync(&bytes(&[edit, merge]), &Value::Null),
    );
    let mut household = pen.household(now, "grid:G1", 1);
    household["set"]["phone"] = json!(PHONE);
    household["set"]["address"] = json!({"text": ADDRESS});
    household["set"][format!("members/{}", pen.id(now))] = json!({"name": NAME, "phone": PHONE});
    net.take(
        "household",
        &phones[2].sync(
            &bytes(&[household.clone()]),
            &json!([["grid:G1", 0, "", "0000000000000000"]]),
        ),
    );
    // Envelopes that hold what they should not.
    for bad in [
        json!({"protocol": 1, "now": NAME}),
        json!({NAME: 1}),
        json!([NAME]),
        json!(NAME),
        {
            let mut bad = phones[0].envelope();
            bad["pull"] = json!([[NAME, 0, "", "0"]]);
            bad
        },
        {
            let mut bad = phones[0].envelope();
            bad["grants"] = json!({NAME: PHONE});
            bad
        },
        {
            let mut bad = phones[0].envelope();
            bad["eras"] = json!({NUMBER: PHONE});
            bad
        },
        {
            let mut bad = phones[0].envelope();
            bad["after"] = json!(NUMBER);
            bad
        },
        {
            let mut bad = phones[0].envelope();
            bad["pull"] = json!([[format!("grid:{PHONE}"), 0, PHONE, "0000000000000000"]]);
            bad
        },
    ] {
        net.take(
            "envelope",
            &phones[0].post(bad.to_string().as_bytes()).unwrap(),
        );
    }
    // Looking for them, rightly and wrongly.
    for (path, body) in [
        (
            "/v1/records/registration/search",
            json!({"phone": PHONE, "purpose": NAME}),
        ),
        (
            "/v1/records/registration/search",
            json!({"identity": NUMBER}),
        ),
        ("/v1/records/registration/search", json!({"plate": PLATE})),
        (
            "/v1/records/registration/search",
            json!({"phone": NAME, "plate": PLATE}),
        ),
        ("/v1/records/registration/search", json!({"scope": NAME})),
        (
            "/v1/records/registration/search",
            json!({"after": NAME, "area": ADDRESS}),
        ),
        ("/v1/records/registration/search", json!({NAME: PHONE})),
        ("/v1/look-up", json!({"phone": PHONE, "purpose": NAME})),
        ("/v1/look-up", json!({"identity": NUMBER, "purpose": "x"})),
        (
            "/v1/look-up",
            json!({"identity": NAME, "phone": PHONE, "purpose": "x"}),
        ),
        (
            "/v1/records/household",
            json!([{"scope": "grid:G1", "set": {"phone": PHONE, "address": NAME}}]),
        ),
        (
            "/v1/records/household",
            json!([{"scope": ADDRESS, "set": {"phone": PHONE}}]),
        ),
        (
            "/v1/users",
            json!({"login": "canary", "name": NAME, "role": NAME, "area": "V1"}),
        ),
        (
            "/v1/users",
            json!({"login": NAME, "name": NAME, "role": "volunteer", "area": "S1"}),
        ),
        (
            "/v1/users",
            json!({"login": PHONE, "name": NAME, "role": "volunteer", "area": "S1", "password": NUMBER}),
        ),
        (
            "/v1/users",
            json!({"login": PHONE, "name": NAME, "role": "volunteer", "area": ADDRESS}),
        ),
        ("/v1/session", json!({"login": PHONE, "password": NAME})),
        ("/v1/enrol", json!({"code": NAME, "token_hash": NUMBER})),
        (
            "/v1/enrol",
            json!({"code": NUMBER, "token_hash": "0".repeat(64), "name": NAME}),
        ),
        (
            "/v1/assignments",
            json!({"user": NAME, "area": ADDRESS, "role": NAME}),
        ),
        ("/v1/alerts/close", json!({"id": NAME})),
    ] {
        net.take(path, &chief.post(path, &body));
    }
    // In addresses and headers, where a client should never put them.
    let encoded: String = NAME.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [
        format!("/v1/records/registration/{NUMBER}"),
        format!("/v1/records/{encoded}/{PHONE}"),
        format!("/v1/parked?state={encoded}"),
        format!("/v1/areas?under={PHONE}"),
        format!("/{encoded}/{NUMBER}?q={PHONE}"),
        format!("/v1/users?after={PHONE}x"),
        format!("/problems/{encoded}"),
        format!("/v1/tallies?area={encoded}&day={NUMBER}"),
        format!("/v1/audit?after={encoded}"),
    ] {
        let purpose = [
            ("purpose", NAME),
            ("referer", PHONE),
            ("user-agent", NUMBER),
            ("idempotency-key", NUMBER),
            ("x-request-id", PHONE),
        ];
        net.take(
            &path.chars().take(14).collect::<String>(),
            &chief.call_raw("GET", &path, &purpose, b""),
        );
    }
    let record = format!(
        "/v1/records/registration/{}",
        good["record"].as_str().unwrap()
    );
    net.take(
        "show",
        &chief.call_raw("GET", &record, &[("purpose", NAME)], b""),
    );
    net.take(
        "stale",
        &chief.post(&record, &json!({"base": 1, "set": {"person": person()}})),
    );
    net.take(
        "move",
        &chief.post(&format!("{record}/move"), &json!({"to": ADDRESS})),
    );
    for path in ["/v1/parked", "/v1/conflicts", "/v1/alerts"] {
        net.take(path, &chief.get(path));
    }
    let parked = chief.all("/v1/parked");
    net.take(
        "decide",
        &chief.post(
            &format!("/v1/parked/{}", parked[0]["id"]),
            &json!({"decision": NAME}),
        ),
    );
    net.take(
        "decide",
        &chief.post(
            &format!("/v1/parked/{}", parked[0]["id"]),
            &json!({"decision": "admit"}),
        ),
    );
    net.take(
        "decide",
        &chief.post(
            &format!("/v1/parked/{}", parked[1]["id"]),
            &json!({"decision": "dismiss", "reason": NAME}),
        ),
    );
    // A body that the database gives back damaged makes a fault of the server: nobody hears why.
    {
        let app = open(folder.path(), &[], clock.clone());
        let id = good["record"].as_str().unwrap().parse().unwrap();
        let mut row = app
            .store
            .read(|c| kadian::store::records::by_ids(c, &[id]))
            .unwrap()
            .remove(0);
        row.body = [b"\x01{\"id\":\"", text.as_bytes()].concat();
        app.store
            .write(|c| kadian::store::bulk::change_records(c, std::slice::from_ref(&row)))
            .unwrap();
    }
    net.take("damaged", &chief.get(&record));
    net.take(
        "damaged",
        &chief.post("/v1/records/registration/search", &json!({"phone": PHONE})),
    );
    let mut again = pen.change(
        now,
        "registration",
        good["record"].as_str().unwrap(),
        json!({"person": person()}),
    );
    again["base"] = json!(1);
    let sent = phones[1].send(&bytes(&[again]), &Value::Null).unwrap();
    net.take("damaged", &sent);

    let metrics = Client::new(&process.address)
        .ask("GET", "/metrics", &[], b"")
        .unwrap()
        .text();
    net.look("metrics", &metrics);
    process.kill();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    net.look("log", &log);
    println!(
        "a canary: {} problem documents ({} faults of the server), {} lines of log, hits {}",
        net.problems,
        net.server_faults,
        log.lines().count(),
        net.caught.len()
    );
    assert!(net.server_faults > 0, "a fault of the server was provoked");
    assert!(log.lines().count() > 100);
    assert_eq!(net.caught, [], "the canary was seen");
}
