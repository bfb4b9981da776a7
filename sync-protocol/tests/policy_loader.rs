//! Each rule of the policy's loader, broken once, and lists of areas that an officer fills.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_protocol::kind::Kinds;
use sync_protocol::policy::{Level, Policy};

fn document() -> Value {
    json!({
        "version": 2,
        "lists": { "risk": ["9999"] },
        "rule": [{
            "code": "hot", "kind": "registration", "level": "alert",
            "label": { "zh": "热", "en": "Hot" },
            "when": [{ "field": "measurement", "member": "temperature", "op": ">=", "value": 370 }],
        }],
    })
}

#[test]
fn every_fault_of_a_policy_is_reported_by_its_path() {
    let leaf = |leaf: Value| json!([leaf]);
    let cases = [
        ("/version", json!(0), "version"),
        ("/rule/0/code", json!("Hot!"), "rule[0].code"),
        ("/rule/0/kind", json!(""), "rule[0].kind"),
        ("/rule/0/level", json!("red"), "rule[0].level"),
        ("/rule/0/label", json!({ "en": "Hot" }), "rule[0].label.zh"),
        ("/rule/0/when", json!([]), "rule[0].when"),
        (
            "/rule/0/when",
            leaf(json!({ "op": "present" })),
            "rule[0].when[0].field",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask" })),
            "rule[0].when[0].op",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": "~" })),
            "rule[0].when[0].op",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": "=" })),
            "rule[0].when[0].value",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": "in", "value": "x" })),
            "rule[0].when[0].value",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": ">", "value": 36.5 })),
            "rule[0].when[0].value",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "trip", "op": "under", "list": "none" })),
            "rule[0].when[0].list",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "trip", "op": "under", "value": [""] })),
            "rule[0].when[0].value",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": ">", "list": "risk", "value": 1 })),
            "rule[0].when[0].list",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "entry": "itinerary" })),
            "rule[0].when[0].all",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "any": [] })),
            "rule[0].when[0].any",
        ),
        (
            "/rule/0/when",
            leaf(json!({ "field": "mask", "op": "present", "vlaue": 1 })),
            "rule[0].when[0].vlaue",
        ),
        ("/lists/risk", json!([""]), "lists.risk"),
        (
            "/rule/0/when",
            leaf(
                json!({ "any": [{ "any": [{ "any": [{ "any": [{ "field": "mask", "op": "present" }] }] }] }] }),
            ),
            "rule[0].when[0].any[0].any[0].any[0].any",
        ),
    ];
    Policy::from_value(document()).unwrap();
    for (pointer, value, path) in cases {
        let mut broken = document();
        *broken.pointer_mut(pointer).unwrap() = value.clone();
        let faults = Policy::from_value(broken).unwrap_err();
        assert!(
            faults.0.iter().any(|fault| fault.path == path),
            "{pointer} {value}: {faults:?}"
        );
    }
    let mut twice = document();
    let rule = twice["rule"][0].clone();
    twice["rule"].as_array_mut().unwrap().push(rule);
    assert_eq!(
        Policy::from_value(twice).unwrap_err().0[0].path,
        "rule[1].code"
    );
}

#[test]
fn a_new_risk_area_is_one_code_in_a_list() {
    let built_in = Policy::built_in().unwrap();
    let leg = "itinerary/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02";
    let fields: BTreeMap<String, Value> =
        [(leg.to_owned(), json!({ "area": "999999001002" }))].into();
    assert!(built_in.abnormal("registration", &fields).is_empty());
    let mut document = built_in.to_json();
    document["version"] = json!(2);
    document["lists"]["high_risk"] = json!(["999999"]);
    let tonight = Policy::from_value(document).unwrap();
    assert_eq!(tonight.abnormal("registration", &fields), ["risk_area"]);
    assert_eq!(tonight.rule("risk_area").unwrap().level, Level::Alert);
}

#[test]
fn an_operator_is_told_of_fields_that_no_kind_has() {
    let mut document = document();
    document["rule"][0]["when"][0]["member"] = json!("temprature");
    let policy = Policy::from_value(document).unwrap();
    let unknown = policy.unknown_paths(&Kinds::built_in().unwrap());
    assert_eq!(
        unknown,
        ["hot: there is no measurement.temprature in registration"]
    );
}

#[test]
fn every_operator_compares_as_documented() {
    let holds = |leaf: Value, value: Value| {
        let mut made = document();
        made["rule"][0]["when"] = json!([leaf]);
        let fields: BTreeMap<String, Value> = [("x".to_owned(), value)].into();
        !Policy::from_value(made)
            .unwrap()
            .abnormal("registration", &fields)
            .is_empty()
    };
    let leaf = |op: &str, value: Value| json!({ "field": "x", "op": op, "value": value });
    assert!(holds(leaf("=", json!("a")), json!("a")) && !holds(leaf("=", json!("a")), json!("b")));
    assert!(
        holds(leaf("!=", json!("a")), json!("b")) && !holds(leaf("!=", json!("a")), json!(null))
    );
    assert!(
        holds(leaf("in", json!(["a", "b"])), json!("b"))
            && !holds(leaf("in", json!(["a"])), json!("b"))
    );
    assert!(
        holds(leaf("not_in", json!(["a"])), json!("b"))
            && !holds(leaf("not_in", json!(["a"])), json!(null))
    );
    assert!(holds(leaf("<", json!(5)), json!(4)) && !holds(leaf("<", json!(5)), json!(5)));
    assert!(holds(leaf("<=", json!(5)), json!(5)) && !holds(leaf("<=", json!(5)), json!(6)));
    assert!(holds(leaf(">", json!(5)), json!(6)) && !holds(leaf(">", json!(5)), json!(5)));
    assert!(holds(leaf(">=", json!(5)), json!(5)) && !holds(leaf(">=", json!(5)), json!(4)));
    assert!(
        holds(leaf("under", json!(["9999"])), json!("999999"))
            && !holds(leaf("under", json!(["41"])), json!("999999"))
    );
    let present = json!({ "field": "x", "op": "present" });
    assert!(holds(present.clone(), json!(0)) && holds(present.clone(), json!({})));
    assert!(!holds(present.clone(), json!(false)) && !holds(present, json!("")));
    let absent = json!({ "field": "x", "op": "absent" });
    assert!(holds(absent.clone(), json!(null)) && !holds(absent, json!(0)));
}
