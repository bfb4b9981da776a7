//! The field app beside the program: its bundled definitions are the built-in ones.

use serde_json::{Value, json};
use sync_protocol::kind::Kinds;
use sync_protocol::policy::Policy;

const BUNDLED: &str = "server/web/src/core/definitions/bundled.json";

/// With `KADIAN_BLESS=1` the file is written anew.
#[test]
fn the_app_brings_the_kinds_and_the_policy_that_the_program_brings() {
    let kinds = Kinds::built_in().unwrap();
    let policy = Policy::built_in().unwrap();
    let shown: Vec<Value> = kinds.newest().map(|kind| kind.to_json()).collect();
    let built_in = json!({ "kinds": shown, "policy": policy.to_json() });
    let path = crate::tree::root().join(BUNDLED);
    if std::env::var_os("KADIAN_BLESS").is_some() {
        std::fs::write(&path, format!("{built_in}\n")).unwrap();
    }
    let bundled: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        bundled, built_in,
        "{BUNDLED} is old: KADIAN_BLESS=1 cargo test -p kadian-tests --test conformance app"
    );
}
