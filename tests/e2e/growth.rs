//! Kinds grow while phones are connected: by a file and the command line, and over HTTP. Nobody
//! starts anything again, and nothing is lost.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kadian::clock::Clock;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, binary, free_port};
use kadian_tests::server::{open, settings};
use kadian_tests::{Console, Phone, Town};
use serde_json::{Value, json};

const REGISTRATION: &str = include_str!("../../sync-protocol/kinds/registration.toml");
const LUGGAGE: &str = r#"
[[field]]
name = "luggage"
type = "code"
label = { zh = "行李消毒", en = "Luggage disinfected" }
codes = [
  { code = "yes", zh = "是", en = "Yes" },
  { code = "no", zh = "否", en = "No" },
]
"#;
const KENNELS: &str = r#"
name = "kennel_check"
version = 1
label = { zh = "犬舍检查", en = "Kennel check" }
scope = { parent = "household" }
writers = ["grid_leader"]

[retention]
days = 30
purpose = { zh = "动物防疫检查", en = "Checks against animal epidemics" }
basis = { zh = "动物防疫法", en = "Animal Epidemic Prevention Law" }

[readers.grid_leader]
default = "full"

[readers.officer]
default = "full"

[[field]]
name = "dogs"
type = "integer"
required = true
label = { zh = "犬数", en = "Dogs" }
"#;

#[test]
fn a_field_and_a_kind_are_added_while_phones_are_connected_and_nothing_is_lost_or_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let codes: Vec<String> = {
        let app = open(folder.path(), &[], clock.clone());
        let town = Town::build(&app);
        ["volunteer", "mate", "volunteer", "grid.one"]
            .iter()
            .map(|login| town.code(&app, login))
            .collect()
    };
    let mut process = Process::start(folder.path(), free_port(), &[]);
    process.ready();
    let started = process.id();
    let mut leader = Phone::enrol_with(&process.address, &codes[3], clock.clone());
    let done = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = codes[..3]
        .iter()
        .enumerate()
        .map(|(number, code)| {
            let mut phone = Phone::enrol_with(&process.address, code, clock.clone());
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                let mut pen = Pen::new(number as u64);
                let (mut sent, mut schema, mut with_luggage) = (0, 0, 0);
                while !done.load(Ordering::Relaxed) || with_luggage == 0 {
                    let lines: Vec<Value> = (0..5)
                        .map(|_| {
                            let mut change = pen.registration(phone.clock.now(), "checkpoint:S1");
                            if pen.schema >= 2 {
                                change["set"]["luggage"] = json!("yes");
                                with_luggage += 1;
                            }
                            change
                        })
                        .collect();
                    let answer = phone.sync(&bytes(&lines), &Value::Null);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let reply = answer.json();
                    assert!(
                        reply["verdicts"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .all(|v| v["verdict"] == "applied"),
                        "{reply}"
                    );
                    sent += 5;
                    if reply["schema"] != schema {
                        // As the page says: fetch the kinds when the reply's are newer.
                        let kinds = phone.get("/v1/kinds").json();
                        schema = kinds["schema"].as_u64().unwrap();
                        let registration = kinds["kinds"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .find(|kind| kind["name"] == "registration")
                            .unwrap();
                        if registration["field"].to_string().contains("luggage") {
                            pen.schema = schema;
                        }
                    }
                }
                (phone, sent, with_luggage)
            })
        })
        .collect();

    // A phone that was built for the kind already sends it before the server knows it.
    let mut pen = Pen::new(80);
    let now = clock.now();
    let household = pen.household(now, "grid:G1", 1);
    let check_id = pen.id(now);
    let mut check = pen.change(
        now,
        "kennel_check",
        &check_id,
        json!({"dogs": 2, "unheard_of": {"kept": true}}),
    );
    check["parent"] = household["record"].clone();
    let reply = leader
        .sync(&bytes(&[household.clone(), check]), &Value::Null)
        .json();
    assert_eq!(reply["verdicts"][1]["code"], "unknown_kind", "{reply}");

    // The field by a file, from the command line, beside the running server.
    let file = folder.path().join("registration.toml");
    let grown = REGISTRATION.replacen("version = 1", "version = 2", 1) + LUGGAGE;
    std::fs::write(&file, grown).unwrap();
    let mut command = Command::new(binary());
    command
        .args(["kind", "add"])
        .arg(&file)
        .env_clear()
        .current_dir(folder.path());
    for (name, value) in settings(folder.path()) {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The kind over HTTP.
    let mut admin = Console::sign_in_at(&process.address, "admin");
    let toml = [("content-type", "application/toml")];
    let added = admin.call_raw("POST", "/v1/kinds", &toml, KENNELS.as_bytes());
    assert_eq!(added.status, 200, "{}", added.text());
    assert_eq!(
        added.json()["admitted"],
        1,
        "what waited for the kind is admitted: {}",
        added.text()
    );

    std::thread::sleep(std::time::Duration::from_millis(300));
    done.store(true, Ordering::Relaxed);
    let (mut sent, mut with_luggage) = (0, 0);
    for thread in busy {
        let (phone, some, more) = thread.join().unwrap();
        assert_eq!(phone.ack, some, "every change is answered for");
        sent += some;
        with_luggage += more;
    }
    assert_eq!(process.id(), started);
    // The kennel check is in its household's grid, with the field that nobody knows.
    let reply = leader
        .sync(&[], &json!([["grid:G1", 0, "", "0000000000000000"]]))
        .json();
    let rows = reply["feeds"][0]["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["record"] == check_id.as_str())
        .unwrap();
    assert_eq!(
        (&row["set"]["dogs"], &row["set"]["unheard_of"]),
        (&json!(2), &json!({"kept": true})),
        "{row}"
    );
    let mut chief = Console::sign_in_at(&process.address, "chief");
    let (mut found, mut answered, mut after) = (0, 0, Value::Null);
    loop {
        let mut search = json!({"area": "999999", "limit": 200});
        if !after.is_null() {
            search["after"] = after;
        }
        let page = chief
            .post("/v1/records/registration/search", &search)
            .json();
        found += page["rows"].as_array().unwrap().len() as u64;
        answered += page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["set"]["luggage"] == "yes")
            .count();
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    println!(
        "kinds grew while 3 phones sent: {sent} changes, {found} found, {with_luggage} with the new field, 0 lost"
    );
    assert_eq!((found, answered), (sent, with_luggage));
}
