//! Bad bodies to every resource that takes JSON.

use kadian_tests::{Console, TestApp};
use serde_json::json;

use crate::bodies::Tried;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn bad_bodies_to_every_json_resource_are_refused_and_never_break_anything() {
    let server = TestApp::new().start();
    let mut console = Console::sign_in(&server, "chief");
    let mut admin = Console::sign_in(&server, "admin");
    let mut tried = Tried::default();
    let id = "01a20088-0ebf-7a11-8c21-6f0f2a9d4b01";
    let resources = [
        (
            "POST",
            "/v1/enrolments".to_owned(),
            json!({"user": "u3", "minutes": 10}),
        ),
        (
            "POST",
            "/v1/areas".to_owned(),
            json!({"code": "G9", "parent": "V1", "level": "grid", "name": "九号网格"}),
        ),
        (
            "PATCH",
            "/v1/areas/G1".to_owned(),
            json!({"name": "一号网格"}),
        ),
        (
            "POST",
            "/v1/users".to_owned(),
            json!({"login": "wang.wei", "name": "王伟", "role": "volunteer", "area": "S1"}),
        ),
        ("PATCH", "/v1/users/u9".to_owned(), json!({"name": "王伟"})),
        (
            "PATCH",
            "/v1/devices/1000".to_owned(),
            json!({"state": "push_only"}),
        ),
        (
            "POST",
            "/v1/assignments".to_owned(),
            json!({"user": "u9", "area": "S2", "role": "volunteer"}),
        ),
        (
            "PATCH",
            "/v1/assignments/9".to_owned(),
            json!({"until": 1_795_298_400_000_i64}),
        ),
        (
            "POST",
            "/v1/records/household".to_owned(),
            json!([{"scope": "grid:G1", "set": {"phone": "13800000000"}}]),
        ),
        (
            "POST",
            "/v1/records/household/search".to_owned(),
            json!({"area": "999999", "limit": 5, "purpose": "x"}),
        ),
        (
            "POST",
            format!("/v1/records/household/{id}"),
            json!({"base": 1, "set": {"phone": "13800000000"}}),
        ),
        (
            "POST",
            format!("/v1/records/household/{id}/move"),
            json!({"to": "grid:G2"}),
        ),
        (
            "POST",
            "/v1/look-up".to_owned(),
            json!({"phone": "13800000000", "purpose": "x"}),
        ),
        (
            "POST",
            "/v1/parked/1".to_owned(),
            json!({"decision": "dismiss", "reason": "x"}),
        ),
        (
            "POST",
            format!("/v1/conflicts/{id}"),
            json!({"base": 1, "field": "phone", "conflict": 0}),
        ),
        (
            "POST",
            "/v1/alerts/close".to_owned(),
            json!({"id": "fever:1"}),
        ),
        ("PUT", "/v1/session".to_owned(), json!({})),
    ];
    for (method, path, good) in &resources {
        let who = if path.contains("areas") {
            &mut admin
        } else {
            &mut console
        };
        let text = good.to_string();
        let mut bodies: Vec<Vec<u8>> = (0..text.len())
            .map(|length| text.as_bytes()[..length].to_vec())
            .collect();
        if *method != "PUT" {
            for at in 0..text.len() {
                let mut bad = text.clone().into_bytes();
                bad.insert(at, 0xff);
                bodies.push(bad);
            }
            for bad in [
                "null",
                "[]",
                "1",
                "\"x\"",
                "[1]",
                "[[]]",
                "{}}",
                "{} {}",
                "\u{feff}{}",
                "{\"\\ud800\":1}",
            ] {
                bodies.push(bad.as_bytes().to_vec());
            }
            bodies.push(b"[".repeat(50_000));
            bodies.push(b"{\"a\":".repeat(20));
            bodies.push(vec![b' '; 262_145]);
        }
        for bad in &bodies {
            let answer = who.call_raw(method, path, &[JSON], bad);
            if *method == "PUT" {
                tried.answered(path, &answer);
            } else if (path.ends_with("household") && bad == b"[]")
                || (method == &"PATCH" && bad == b"{}")
            {
                tried.answered(path, &answer);
            } else {
                tried.refused(
                    &format!(
                        "{path} {}",
                        String::from_utf8_lossy(&bad[..bad.len().min(80)])
                    ),
                    &answer,
                );
            }
        }
        let Some(members) = good.as_object().or_else(|| good[0].as_object()) else {
            continue;
        };
        for name in members.keys() {
            for wrong in [
                json!(true),
                json!(-1),
                json!(1.5),
                json!(u64::MAX),
                json!("\u{0}"),
                json!("x".repeat(5000)),
                json!([]),
                json!({}),
                json!(null),
                json!("' OR 1=1 --"),
            ] {
                let mut bad = good.clone();
                if bad.is_array() {
                    bad[0][name] = wrong
                } else {
                    bad[name] = wrong
                }
                tried.answered(
                    &format!("{path} {bad}"),
                    &who.call_raw(method, path, &[JSON], bad.to_string().as_bytes()),
                );
            }
        }
        for kind in ["text/plain", "application/xml", ""] {
            if *method != "PUT" {
                tried.refused(
                    kind,
                    &who.call_raw(method, path, &[("content-type", kind)], text.as_bytes()),
                );
            }
        }
    }
    println!(
        "bad bodies to {} JSON resources: {} tried, 5xx 0, {:?}",
        resources.len(),
        tried.count,
        tried.codes
    );
}
