//! Values at the edge of what a database can hold: U+0000, lone surrogates, texts without an end, the
//! greatest and least of integers. Each gets its verdict or its refusal, never a fault of the server.

use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Console, Phone, TestApp};
use serde_json::json;

use crate::bodies::Tried;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn i5_texts_that_no_database_can_hold_get_their_verdict_wherever_they_stand_in_a_change() {
    let server = TestApp::new().start();
    let mut phone = Phone::enrol(&server, "grid.one");
    let mut pen = Pen::new(21);
    let good = pen.household(server.now(), "grid:G1", 1);
    let mut lines = Vec::new();
    let long = "长".repeat(5_000);
    for text in ["\u{0}", "a\u{0}b", "\u{1}", "\u{ffff}", "\u{10ffff}", &long] {
        for member in ["kind", "scope", "parent", "stamp", "saw", "record", "lost"] {
            let mut bad = good.clone();
            bad["record"] = json!(pen.id(server.now()));
            bad[member] = json!(text);
            lines.push(bad);
        }
        let mut bad = good.clone();
        bad["record"] = json!(pen.id(server.now()));
        bad["set"] = json!({ text: text });
        lines.push(bad);
        let mut bad = good.clone();
        bad["record"] = json!(pen.id(server.now()));
        bad["set"] = json!({ "phone": text, "x_unknown": { text: [text] } });
        lines.push(bad);
    }
    for number in [i64::MAX, i64::MIN, 9_007_199_254_740_991] {
        for member in ["era", "schema", "base"] {
            let mut bad = good.clone();
            bad["record"] = json!(pen.id(server.now()));
            bad[member] = json!(number);
            lines.push(bad);
        }
    }
    let mut lines = bytes(&lines);
    let text = good.to_string();
    for escape in ["\\ud800", "\\udc00\\ud800", "\\u0000"] {
        lines.push(
            text.replace("\"household\"", &format!("\"{escape}\""))
                .into_bytes(),
        );
        lines.push(
            text.replace("\"phone\"", &format!("\"{escape}\""))
                .into_bytes(),
        );
    }
    let mut tried = Tried::default();
    for some in lines.chunks(4) {
        let answer = phone.sync(some, &json!([["grid:G1", 0, "", "0000000000000000"]]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        tried.answered("a push", &answer);
    }
    assert_eq!(phone.ack, lines.len() as u64, "nothing holds up the rest");
    let mut console = Console::sign_in(&server, "officer");
    let parked = console.get("/v1/parked?state=open&limit=200");
    assert_eq!(parked.status, 200, "{}", parked.text());
    assert!(parked.json()["rows"].as_array().unwrap().len() > 20);
}

#[test]
fn texts_and_numbers_at_the_edge_never_break_a_resource() {
    let server = TestApp::new().start();
    let mut admin = Console::sign_in(&server, "admin");
    let mut tried = Tried::default();
    let numbers = [
        i64::MAX.to_string(),
        i64::MIN.to_string(),
        "9223372036854775808".to_owned(),
        "18446744073709551615".to_owned(),
        "4294967295".to_owned(),
        "-1".to_owned(),
        "0".to_owned(),
        "%00".to_owned(),
        "1%00".to_owned(),
        "x".repeat(6000),
    ];
    for number in &numbers {
        for list in [
            "assignments",
            "audit",
            "devices",
            "parked",
            "users",
            "areas",
            "alerts",
        ] {
            for query in [format!("after={number}"), format!("limit={number}")] {
                let path = format!("/v1/{list}?{query}");
                tried.answered(&path, &admin.get(&path));
            }
        }
        for (method, path) in [
            ("PATCH", format!("/v1/devices/{number}")),
            ("PATCH", format!("/v1/assignments/{number}")),
            ("DELETE", format!("/v1/assignments/{number}")),
            ("POST", format!("/v1/parked/{number}")),
            ("PATCH", format!("/v1/users/{number}")),
            ("PATCH", format!("/v1/users/u{number}")),
            ("PATCH", format!("/v1/areas/{number}")),
            ("POST", format!("/v1/records/{number}")),
            ("POST", format!("/v1/records/{number}/search")),
        ] {
            let body =
                json!({ "state": "active", "name": "x", "decision": "admit", "until": null });
            let answer = admin.call_raw(method, &path, &[JSON], body.to_string().as_bytes());
            tried.answered(&path, &answer);
        }
    }
    let bodies = [
        (
            "POST",
            "/v1/session",
            json!({ "login": "@", "password": "@" }),
        ),
        (
            "POST",
            "/v1/enrol",
            json!({ "code": "@", "token_hash": "@", "name": "@" }),
        ),
        (
            "POST",
            "/v1/enrolments",
            json!({ "user": "u3", "minutes": "@" }),
        ),
        (
            "POST",
            "/v1/areas",
            json!({ "code": "@", "parent": "@", "level": "@", "name": "@", "timezone": "@", "valid_from": "@" }),
        ),
        (
            "POST",
            "/v1/users",
            json!({ "login": "@", "name": "@", "role": "@", "area": "@", "from": "@", "until": "@" }),
        ),
        (
            "POST",
            "/v1/assignments",
            json!({ "user": "u9", "area": "@", "role": "@", "from": "@", "until": "@" }),
        ),
        ("PATCH", "/v1/assignments/1", json!({ "until": "@" })),
        (
            "POST",
            "/v1/look-up",
            json!({ "phone": "@", "purpose": "@" }),
        ),
        ("POST", "/v1/alerts/close", json!({ "id": "@" })),
        (
            "POST",
            "/v1/records/household",
            json!([{ "record": "@", "scope": "@", "set": { "phone": "@" } }]),
        ),
    ];
    let values = [
        json!("\u{0}"),
        json!("a\u{0}"),
        json!("x".repeat(5_000)),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(9_007_199_254_740_992_i64),
    ];
    for (method, path, body) in &bodies {
        let shape = body.as_object().or_else(|| body[0].as_object()).unwrap();
        for member in shape.keys() {
            for value in &values {
                let mut bad = body.clone();
                let target = if bad.is_array() {
                    &mut bad[0]
                } else {
                    &mut bad
                };
                if member == "set" {
                    target["set"] = json!({ "phone": value });
                } else {
                    target[member] = value.clone();
                }
                let answer = admin.call_raw(method, path, &[JSON], bad.to_string().as_bytes());
                tried.answered(&format!("{method} {path} {member}"), &answer);
            }
        }
    }
    // Keys and reasons in headers. (What is no header at all ends the connection, not the server.)
    for value in [
        "k".repeat(128),
        "k".repeat(4000),
        "%00".to_owned(),
        "\\u0000".to_owned(),
    ] {
        let headers = [
            JSON,
            ("idempotency-key", value.as_str()),
            ("purpose", value.as_str()),
        ];
        let new = json!([{ "scope": "grid:G1", "set": { "phone": "13800000000" } }]);
        let path = "/v1/records/household";
        let answer = admin.call_raw("POST", path, &headers, new.to_string().as_bytes());
        tried.answered(path, &answer);
    }
    println!(
        "values at the edge: {} tried, 5xx 0, {:?}",
        tried.count, tried.codes
    );
}
