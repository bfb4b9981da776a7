//! The worked example of `docs/kinds.md` loads as it stands there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sync_protocol::kind::{Kind, Kinds};
use sync_protocol::policy::Policy;

fn blocks() -> Vec<String> {
    let path = format!("{}/../docs/kinds.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap();
    page.split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

#[test]
fn the_new_kind_of_the_document_loads_beside_the_built_in_ones() {
    let block = blocks()
        .into_iter()
        .find(|block| block.contains("kennel_check"))
        .unwrap();
    let kind = Kind::parse(&block).unwrap();
    let kinds = Kinds::built_in().unwrap().with(2, vec![kind]).unwrap();
    assert_eq!(
        kinds.get("kennel_check").unwrap().parent(),
        Some("household")
    );
}

#[test]
fn the_new_question_of_the_document_can_be_added() {
    let block = blocks()
        .into_iter()
        .find(|block| block.contains("luggage"))
        .unwrap();
    let added = &block[block.find("[[field]]").unwrap()..];
    let present =
        include_str!("../kinds/registration.toml").replacen("version = 1", "version = 2", 1);
    let kind = Kind::parse(&(present + added)).unwrap();
    let kinds = Kinds::built_in().unwrap().with(2, vec![kind]).unwrap();
    assert!(
        kinds
            .get("registration")
            .unwrap()
            .field("luggage")
            .is_some()
    );
}

#[test]
fn the_policy_of_the_document_loads() {
    let block = blocks()
        .into_iter()
        .find(|block| block.contains("[[rule]]"))
        .unwrap();
    assert_eq!(Policy::parse(&block).unwrap().version(), 2);
}

#[test]
fn every_reason_is_in_the_document() {
    let path = format!("{}/../docs/kinds.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap();
    let sources = [
        include_str!("../src/check/mod.rs"),
        include_str!("../src/kind/validate.rs"),
    ];
    let reasons: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.trim().strip_prefix("pub const ")?.split('"').nth(1))
        .collect();
    assert!(reasons.len() > 25, "{reasons:?}");
    for reason in reasons {
        assert!(
            page.contains(&format!("`{reason}`")),
            "{reason} is not in docs/kinds.md"
        );
    }
}
