//! An operator adds a question and a kind with a file, and nothing that was captured before is lost
//! or judged anew.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_protocol::kind::{Kind, Kinds, KindsError};

const REGISTRATION: &str = include_str!("../kinds/registration.toml");

fn fields(value: Value) -> BTreeMap<String, Value> {
    value.as_object().unwrap().clone().into_iter().collect()
}

fn with_question() -> Kind {
    let question = r#"
        [[field]]
        name = "luggage"
        type = "code"
        required = true
        label = { zh = "行李消毒", en = "Luggage disinfected" }
        codes = [
          { code = "yes", zh = "是", en = "Yes" },
          { code = "no", zh = "否", en = "No" },
        ]
    "#;
    Kind::parse(&(REGISTRATION.replace("version = 1", "version = 2") + question)).unwrap()
}

fn kennel() -> Kind {
    Kind::parse(
        r#"
        name = "kennel_check"
        version = 1
        label = { zh = "犬舍检查", en = "Kennel check" }
        scope = { parent = "household" }
        writers = ["grid_leader"]
        [retention]
        days = 30
        purpose = { zh = "防疫检查", en = "Checks" }
        basis = { zh = "动物防疫法", en = "Animal Epidemic Prevention Law" }
        [readers.grid_leader]
        default = "full"
        [[field]]
        name = "dogs"
        type = "integer"
        min = 0
        label = { zh = "犬只数", en = "Dogs" }
        "#,
    )
    .unwrap()
}

#[test]
fn a_question_and_a_kind_are_added_with_a_file() {
    let kinds = Kinds::built_in()
        .unwrap()
        .with(2, vec![with_question(), kennel()])
        .unwrap();
    assert_eq!(kinds.schema(), 2);
    assert!(
        kinds
            .get("registration")
            .unwrap()
            .field("luggage")
            .is_some()
    );
    assert!(
        kinds
            .at(1, "registration")
            .unwrap()
            .field("luggage")
            .is_none()
    );
    assert!(kinds.at(1, "kennel_check").is_none(), "it was unknown then");
    assert!(kinds.at(2, "kennel_check").is_some());
    assert!(
        kinds.at(3, "registration").is_none(),
        "that schema is above this one"
    );
    assert!(
        kinds.at(2, "visit").is_some(),
        "what did not change still holds"
    );
    let children: Vec<_> = kinds.children("household").map(Kind::name).collect();
    assert_eq!(children, ["kennel_check", "visit"]);
}

#[test]
fn a_change_is_checked_against_the_schema_it_was_captured_under() {
    let kinds = Kinds::built_in()
        .unwrap()
        .with(2, vec![with_question()])
        .unwrap();
    let entry = fields(
        json!({ "mode": "tally", "measurement": { "temperature": 365 }, "disposition": "passed" }),
    );
    let old = kinds
        .validate(1, "registration", &entry, true, None)
        .unwrap();
    assert!(old.is_valid(), "{old:?}");
    assert_eq!(
        old.warnings
            .iter()
            .map(|w| (w.path.as_str(), w.code))
            .collect::<Vec<_>>(),
        [("luggage", "missing")]
    );
    let new = kinds
        .validate(2, "registration", &entry, true, None)
        .unwrap();
    assert_eq!(
        new.problems
            .iter()
            .map(|p| (p.path.as_str(), p.code))
            .collect::<Vec<_>>(),
        [("luggage", "missing")]
    );
    assert!(
        kinds
            .validate(3, "registration", &entry, true, None)
            .is_none()
    );
    assert!(
        kinds
            .validate(1, "declaration", &entry, true, None)
            .is_none()
    );
}

#[test]
fn an_answer_that_came_before_its_question_is_kept_and_then_known() {
    let built_in = Kinds::built_in().unwrap();
    let answer = fields(json!({ "luggage": "yes" }));
    let before = built_in
        .validate(1, "registration", &answer, false, None)
        .unwrap();
    assert!(before.is_valid());
    assert_eq!(before.warnings.len(), 1);
    let kinds = built_in.with(2, vec![with_question()]).unwrap();
    let after = kinds
        .validate(1, "registration", &answer, false, None)
        .unwrap();
    assert_eq!((after.problems, after.warnings), (vec![], vec![]));
}

#[test]
fn a_set_that_does_not_fit_together_is_not_loaded() {
    let kinds = Kinds::built_in().unwrap();
    let refused = |schema, definitions| kinds.with(schema, definitions).unwrap_err();
    assert!(matches!(refused(1, vec![]), KindsError::Schema { .. }));
    assert!(matches!(
        refused(2, vec![kennel(), kennel()]),
        KindsError::Twice { .. }
    ));
    let child_of = |parent: &str| {
        let mut definition = kennel().to_json();
        definition["scope"]["parent"] = json!(parent);
        Kind::from_value(definition).unwrap()
    };
    assert!(matches!(
        refused(2, vec![child_of("stable")]),
        KindsError::NoParent { .. }
    ));
    assert!(matches!(
        refused(2, vec![child_of("visit")]),
        KindsError::TooDeep { .. }
    ));
    let mut renamed = with_question().to_json();
    let fields = renamed["field"].as_array_mut().unwrap();
    let lane = fields
        .iter_mut()
        .find(|field| field["name"] == "lane")
        .unwrap();
    lane["name"] = json!("track");
    let refusal = refused(2, vec![Kind::from_value(renamed).unwrap()]);
    assert!(matches!(refusal, KindsError::Shifted { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("retired = true"), "{refusal}");
}
