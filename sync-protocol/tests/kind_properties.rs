//! What must hold of kinds for every record and every definition.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sync_protocol::kind::{Kind, Kinds, ROLES};
use sync_protocol::policy::Policy;

static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds::built_in().unwrap());
static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::built_in().unwrap());

const ENTRY: &str = "01a20099-0ebf-7a11-8c21-6f0f2a9d4b02";

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            Just("tally"),
            Just("green"),
            Just("passport"),
            Just("2026-11-22"),
            Just("13800000000")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names that kinds have, and names that nobody has.
fn any_key() -> impl Strategy<Value = String> {
    let kinds = &*KINDS;
    let mut names = vec![
        "void".to_owned(),
        "joined_into".to_owned(),
        "abnormal".to_owned(),
    ];
    for kind in kinds.newest() {
        for field in kind.fields() {
            names.push(field.name.clone());
            names.push(format!("{}/{ENTRY}", field.name));
            names.extend(field.members().iter().map(|member| member.name.clone()));
        }
    }
    prop_oneof![4 => prop::sample::select(names), 1 => any::<String>()]
}

fn any_fields() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map(any_key(), any_json(), 0..12)
}

fn any_roles() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(ROLES.to_vec(), 0..=ROLES.len())
}

/// Every pointer into a definition.
fn pointers(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                pointers(member, format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
    into.push(at);
}

/// The field, the member and the value that stands there.
type Mark = (String, Option<String>, String);

/// A record in which every value of every field is a mark of its own, known by its path.
fn marked(kind: &Kind) -> (BTreeMap<String, Value>, Vec<Mark>) {
    let mut fields = BTreeMap::new();
    let mut marks = Vec::new();
    let mut mark = |field: &str, member: Option<&str>| {
        let text = format!("Mark{:04}Of{:04}", marks.len(), marks.len());
        marks.push((field.to_owned(), member.map(str::to_owned), text.clone()));
        Value::from(text)
    };
    for field in kind.fields() {
        let name = if field.is_map() {
            format!("{}/{ENTRY}", field.name)
        } else {
            field.name.clone()
        };
        let value = if field.members().is_empty() {
            mark(&field.name, None)
        } else {
            let mut object = Map::new();
            for member in field.members() {
                object.insert(member.name.clone(), mark(&field.name, Some(&member.name)));
            }
            object.insert(
                "unheard_of".to_owned(),
                mark(&field.name, Some("unheard_of")),
            );
            Value::Object(object)
        };
        fields.insert(name, value);
    }
    fields.insert("unheard_of".to_owned(), mark("unheard_of", None));
    fields.insert(
        "void".to_owned(),
        json!({ "reason": mark("void", Some("reason")) }),
    );
    (fields, marks)
}

/// How visible a path is to a role, read anew from the exported definition: the path itself, else
/// its field, else the default.
fn visibility(
    definition: &Value,
    roles: &[&str],
    field: &str,
    member: Option<&str>,
    own: bool,
) -> u8 {
    let rank = |text: &str| {
        ["none", "masked", "full"]
            .iter()
            .position(|one| *one == text)
            .unwrap()
    };
    let mut best = 0;
    for role in roles {
        let view = &definition["readers"][role];
        if view.is_null() {
            continue;
        }
        let named = |path: &str| {
            ["none", "masked", "full"].iter().position(|seen| {
                view[seen]
                    .as_array()
                    .is_some_and(|paths| paths.iter().any(|one| one == path))
            })
        };
        let mut seen = member
            .and_then(|member| named(&format!("{field}.{member}")))
            .or_else(|| named(field))
            .unwrap_or_else(|| rank(view["default"].as_str().unwrap()));
        if own {
            seen = seen.max(view["own"].as_str().map_or(0, rank));
        }
        best = best.max(seen);
    }
    u8::try_from(best).unwrap()
}

proptest! {
    #[test]
    fn no_change_makes_a_kind_or_a_policy_panic(set in any_fields(), creating in any::<bool>(), roles in any_roles()) {
        let kinds = &*KINDS;
        let policy = &*POLICY;
        for kind in kinds.newest() {
            let _ = kind.validate(&set, creating);
            let _ = kind.search_terms(&set);
            let view = kind.view(&roles);
            let shown = view.project(set.clone(), creating);
            prop_assert!(shown.keys().all(|name| set.contains_key(name)));
            // What is shown once is shown again as it is: a projection adds nothing.
            let again = view.project(shown.clone(), creating);
            prop_assert!(again.keys().eq(shown.keys()));
            let abnormal = policy.abnormal(kind.name(), &set);
            for (_, value) in kind.tallies(&set, &abnormal, false) {
                prop_assert!(value.len() <= 48);
            }
        }
    }

    #[test]
    fn what_is_refused_or_flagged_never_repeats_the_value(set in any_fields()) {
        let kinds = &*KINDS;
        for kind in kinds.newest() {
            let verdict = kind.validate(&set, true);
            for path in verdict.problems.iter().map(|p| &p.path).chain(verdict.warnings.iter().map(|w| &w.path)) {
                prop_assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./-".contains(&b)), "{:?}", path);
            }
        }
    }

    #[test]
    fn a_view_never_shows_what_it_hides(roles in any_roles(), own in any::<bool>()) {
        let kinds = &*KINDS;
        for kind in kinds.newest() {
            let (fields, marks) = marked(kind);
            let definition = kind.to_json();
            let view = kind.view(&roles);
            let shown = json!(view.project(fields.clone(), own)).to_string();
            for (field, member, mark) in marks {
                let seen = visibility(&definition, &roles, &field, member.as_deref(), own);
                let whole = shown.contains(&mark);
                let of_plate = member.as_deref() == Some("plate");
                prop_assert!(!whole || seen == 2 || (seen == 1 && of_plate), "{field} {member:?} is shown to {roles:?}");
                if seen == 0 {
                    prop_assert!(!shown.contains(&mark[4..8]) && !shown.contains(&mark[10..]), "{field} {member:?} shines through");
                }
                let known = kind.field(&field).is_some_and(|f| member.as_ref().is_none_or(|m| f.member(m).is_some()));
                if seen == 2 && known {
                    prop_assert!(whole, "{field} {member:?} is missing for {roles:?}");
                }
            }
            for name in fields.keys() {
                let alone: BTreeMap<_, _> = fields.iter().filter(|(key, _)| *key == name).map(|(k, v)| (k.clone(), v.clone())).collect();
                let whole = view.project(alone.clone(), own) == alone;
                prop_assert!(whole || view.masks(name, own), "{name} is altered, but counts as seen");
            }
        }
    }

    #[test]
    fn more_roles_never_see_less(roles in any_roles(), more in any_roles()) {
        let kinds = &*KINDS;
        let both: Vec<&str> = roles.iter().chain(&more).copied().collect();
        for kind in kinds.newest() {
            for field in kind.fields() {
                prop_assert!(kind.view(&roles).shows(&field.name) <= kind.view(&both).shows(&field.name));
            }
        }
    }

    #[test]
    fn any_definition_loads_or_says_why_and_reads_back(pick in any::<prop::sample::Index>(), kind in 0usize..3, value in any_json(), remove in any::<bool>()) {
        let kinds = &*KINDS;
        let definition = kinds.newest().nth(kind).unwrap().to_json();
        let mut all = Vec::new();
        pointers(&definition, String::new(), &mut all);
        let pointer = &all[pick.index(all.len())];
        let mut made = definition;
        match (remove, pointer.rsplit_once('/')) {
            (true, Some((parent, key))) => match made.pointer_mut(parent).unwrap() {
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                object => drop(object.as_object_mut().unwrap().remove(key)),
            },
            _ => *made.pointer_mut(pointer).unwrap() = value,
        }
        match Kind::from_value(made) {
            Ok(kind) => {
                let again = Kind::from_value(kind.to_json()).unwrap();
                prop_assert_eq!(&again, &kind);
                prop_assert_eq!(again.succeeds(&kind), Ok(()));
            }
            Err(faults) => prop_assert!(!faults.0.is_empty()),
        }
    }
}

#[test]
fn the_built_in_kinds_read_back_and_follow_themselves() {
    for kind in KINDS.newest() {
        let again = Kind::from_json(&kind.to_json().to_string()).unwrap();
        assert_eq!(&again, kind);
        assert_eq!(kind.succeeds(kind), Ok(()));
    }
    let policy = &*POLICY;
    assert_eq!(
        Policy::from_json(&policy.to_json().to_string()).unwrap(),
        *policy
    );
}

#[test]
fn a_fingerprint_changes_exactly_when_the_view_does() {
    let kinds = &*KINDS;
    let print = |kind: &Kind, roles: &[&str]| {
        let mut told = Vec::new();
        kind.view(roles)
            .fingerprint_into(&mut |text: &str| told.push(text.to_owned()));
        told
    };
    let kind = kinds.get("registration").unwrap();
    assert_eq!(
        print(kind, &["officer"]),
        print(kind, &["volunteer", "officer"])
    );
    assert_ne!(print(kind, &["officer"]), print(kind, &["volunteer"]));
    assert_ne!(print(kind, &["officer"]), print(kind, &[]));
    let mut definition = kind.to_json();
    definition["label"]["en"] = json!("Another label");
    definition["retention"]["days"] = json!(9);
    assert_eq!(
        print(
            &Kind::from_value(definition.clone()).unwrap(),
            &["volunteer"]
        ),
        print(kind, &["volunteer"])
    );
    definition["readers"]["volunteer"]["own"] = json!("masked");
    assert_ne!(
        print(&Kind::from_value(definition).unwrap(), &["volunteer"]),
        print(kind, &["volunteer"])
    );
}
