//! The kinds and the policy that come with the program: that they load, that the example of the
//! protocol's documents is a valid change, and who sees what of it.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and its fixtures are literals"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_protocol::kind::{Kinds, Visibility};
use sync_protocol::policy::Policy;

fn fields(value: Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().clone().into_iter().collect()
}

const LEG: &str = "itinerary/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02";

fn example() -> BTreeMap<String, Value> {
    fields(json!({
        "person": { "name": "王伟", "phone": "13800000000" },
        "measurement": { "temperature": 365, "method": "forehead" },
        "health_code": "green",
        LEG: { "area": "999999", "left": "2026-11-20" },
    }))
}

#[test]
fn the_built_in_kinds_and_policy_load() {
    let kinds = Kinds::built_in().unwrap();
    assert_eq!(
        kinds.names().collect::<Vec<_>>(),
        ["household", "registration", "visit"]
    );
    assert_eq!(kinds.schema(), 1);
    let policy = Policy::built_in().unwrap();
    assert_eq!(policy.unknown_paths(&kinds), Vec::<String>::new());
}

#[test]
fn the_example_of_the_protocol_is_valid() {
    let kinds = Kinds::built_in().unwrap();
    let verdict = kinds
        .get("registration")
        .unwrap()
        .validate(&example(), true);
    assert_eq!(verdict.problems, []);
    let household = kinds.get("household").unwrap();
    let verdict = household.validate(&fields(json!({ "phone": "13900000000" })), false);
    assert_eq!((verdict.problems, verdict.warnings), (vec![], vec![]));
}

#[test]
fn a_tally_entry_needs_no_identity_and_a_full_one_does() {
    let kinds = Kinds::built_in().unwrap();
    let kind = kinds.get("registration").unwrap();
    let counted = fields(
        json!({ "mode": "tally", "disposition": "passed", "measurement": { "temperature": 364 } }),
    );
    let verdict = kind.validate(&counted, true);
    assert_eq!((verdict.problems, verdict.warnings), (vec![], vec![]));
    let full = fields(
        json!({ "mode": "full", "disposition": "passed", "measurement": { "temperature": 364 } }),
    );
    let problems = kind.validate(&full, true).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].path.as_str(), problems[0].code),
        ("person", "missing")
    );
}

#[test]
fn a_volunteer_sees_a_stranger_masked_and_own_entries_whole() {
    let kinds = Kinds::built_in().unwrap();
    let kind = kinds.get("registration").unwrap();
    let mut record = example();
    record.insert(
        "person".into(),
        json!({ "name": "王伟", "phone": "13800000000", "document": "resident_id", "number": "999999199001011238" }),
    );
    record.insert(
        "vehicle".into(),
        json!({ "plate": "豫P12345", "cargo": "x" }),
    );
    let view = kind.view(&["volunteer"]);
    let shown = view.project(record.clone(), false);
    let expected = json!({
        "person": { "name": "王*", "phone": "*0000" },
        "vehicle": { "plate": "豫P12345" },
        "health_code": "green",
    });
    assert_eq!(shown, fields(expected));
    assert_eq!(view.project(record.clone(), true), record);
    assert_eq!(view.shows("person"), Visibility::Masked);
    assert_eq!(view.shows(LEG), Visibility::None);
    assert!(view.masks("person", false) && !view.masks("person", true));
    assert!(!kind.view(&["admin"]).sees_kind());
    assert!(
        kind.view(&["admin"])
            .project(record.clone(), true)
            .is_empty()
    );
}

#[test]
fn a_second_reading_decides_about_a_fever_and_a_star_is_only_noticed() {
    let policy = Policy::built_in().unwrap();
    let abnormal = |value: Value| policy.abnormal("registration", &fields(value));
    assert_eq!(
        abnormal(json!({ "measurement": { "temperature": 373 } })),
        ["fever"]
    );
    assert!(abnormal(json!({ "measurement": { "temperature": 372 } })).is_empty());
    assert!(abnormal(json!({ "measurement": { "temperature": 380, "recheck": 366 } })).is_empty());
    assert_eq!(
        abnormal(json!({ "measurement": { "temperature": 365, "recheck": 374 } })),
        ["fever"]
    );
    assert_eq!(
        abnormal(
            json!({ "health_code": "red", "antigen": "positive", "symptoms": { "present": ["cough"] } })
        ),
        ["positive_test", "red_code", "symptoms"]
    );
    let star = fields(json!({ "itinerary_code": { "code": "green", "star": true } }));
    assert!(policy.abnormal("registration", &star).is_empty());
    assert_eq!(policy.notices("registration", &star), ["star"]);
}
