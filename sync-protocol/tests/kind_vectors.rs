//! Every vector of kinds and policy. The files are language-neutral; `about` in each says how its
//! cases are read.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_protocol::kind::{Kind, Kinds};
use sync_protocol::policy::Policy;

fn file(name: &str) -> Value {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases(file: &Value) -> &Vec<Value> {
    file["cases"].as_array().unwrap()
}

fn fields(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().clone().into_iter().collect()
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The definition with the edits of a case.
fn edited(definition: &Value, case: &Value) -> Value {
    let mut made = definition.clone();
    for (pointer, value) in case["set"].as_object().unwrap() {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match made.pointer_mut(parent).unwrap() {
            Value::Array(items) if key == "-" => items.push(value.clone()),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            object => object[key] = value.clone(),
        }
    }
    for pointer in texts(&case["remove"]) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match made.pointer_mut(parent).unwrap() {
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            object => drop(object.as_object_mut().unwrap().remove(key).unwrap()),
        }
    }
    made
}

#[test]
fn the_loader_reports_every_fault_by_its_path() {
    let file = file("kind-loader");
    for case in cases(&file) {
        let loaded = Kind::from_value(edited(&file["definition"], case));
        match (loaded, case["fault"].as_str()) {
            (Ok(_), None) => {}
            (Err(faults), Some(path)) => {
                assert!(
                    faults.0.iter().any(|fault| fault.path == path),
                    "{case}: {faults}"
                );
                assert!(
                    faults.0.iter().all(|fault| fault.message.len() > 10),
                    "{case}: {faults}"
                );
            }
            (loaded, _) => panic!("{case}: {loaded:?}"),
        }
    }
}

#[test]
fn a_kind_may_grow_and_not_shift() {
    let file = file("kind-succession");
    let older = Kind::from_value(file["definition"].clone()).unwrap();
    for case in cases(&file) {
        let newer = Kind::from_value(edited(&file["definition"], case)).unwrap();
        match (newer.succeeds(&older), case["refused"].as_str()) {
            (Ok(()), None) => {
                assert_eq!(json!(newer.recounts(&older)), case["recounts"], "{case}");
                assert_eq!(json!(newer.reindexes(&older)), case["reindexes"], "{case}");
            }
            (Err(refusals), Some(path)) => {
                assert!(
                    refusals.iter().any(|refusal| refusal.path == path),
                    "{case}: {refusals:?}"
                );
            }
            (outcome, _) => panic!("{case}: {outcome:?}"),
        }
    }
}

#[test]
fn changes_are_checked_against_their_kind() {
    let kinds = Kinds::built_in().unwrap();
    for case in cases(&file("kind-validate")) {
        let kind = kinds.get(case["kind"].as_str().unwrap()).unwrap();
        let day = case["day"].as_str().map(|day| day.parse().unwrap());
        let verdict = kind.validate_on(&fields(&case["set"]), case["creating"] == true, day);
        let problems: Vec<_> = verdict
            .problems
            .iter()
            .map(|p| json!([p.path, p.code]))
            .collect();
        let warnings: Vec<_> = verdict
            .warnings
            .iter()
            .map(|w| json!([w.path, w.code]))
            .collect();
        assert_eq!(
            (json!(problems), json!(warnings)),
            (case["problems"].clone(), case["warnings"].clone()),
            "{case}"
        );
    }
}

#[test]
fn a_record_shows_what_the_view_allows() {
    let kinds = Kinds::built_in().unwrap();
    for case in cases(&file("kind-view")) {
        let kind = kinds.get(case["kind"].as_str().unwrap()).unwrap();
        let roles = texts(&case["roles"]);
        let view = kind.view(&roles.iter().map(String::as_str).collect::<Vec<_>>());
        let shown = view.project(fields(&case["fields"]), case["own"] == true);
        assert_eq!(shown, fields(&case["shown"]), "{case}");
    }
}

#[test]
fn a_record_counts_under_its_tallies() {
    let kinds = Kinds::built_in().unwrap();
    for case in cases(&file("kind-tally")) {
        let kind = kinds.get(case["kind"].as_str().unwrap()).unwrap();
        let mut pairs = kind.tallies(
            &fields(&case["fields"]),
            &texts(&case["abnormal"]),
            case["void"] == true,
        );
        pairs.sort();
        assert_eq!(json!(pairs), case["tallies"], "{case}");
    }
}

#[test]
fn a_record_is_found_by_its_normalised_values() {
    let kinds = Kinds::built_in().unwrap();
    for case in cases(&file("kind-search")) {
        let kind = kinds.get(case["kind"].as_str().unwrap()).unwrap();
        assert_eq!(
            json!(kind.search_terms(&fields(&case["fields"]))),
            case["terms"],
            "{case}"
        );
    }
}

#[test]
fn the_policy_says_what_is_abnormal() {
    let policy = Policy::built_in().unwrap();
    for case in cases(&file("kind-policy")) {
        let (kind, fields) = (case["kind"].as_str().unwrap(), fields(&case["fields"]));
        assert_eq!(
            json!(policy.abnormal(kind, &fields)),
            case["abnormal"],
            "{case}"
        );
        assert_eq!(
            json!(policy.notices(kind, &fields)),
            case["notices"],
            "{case}"
        );
    }
}
