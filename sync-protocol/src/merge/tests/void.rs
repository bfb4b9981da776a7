//! I18: voiding hides a record and keeps it; what others amended without knowing is flagged.

use serde_json::json;

use super::{by, record};
use crate::record::Record;

#[test]
fn i18_voiding_keeps_a_concurrent_amendment_and_flags_it_in_both_orders() {
    let voids = by(2, 1, 900).seen(1);
    let amends = by(3, 1, 500).seen(1);
    for void_first in [true, false] {
        let mut household = record();
        by(1, 1, 0).sets(&mut household, json!({"phone": "1", "count": 1}));
        let mut steps = [
            (&voids, json!({"void": "twice entered"})),
            (&amends, json!({"phone": "3"})),
        ];
        if !void_first {
            steps.reverse();
        }
        for (who, set) in steps {
            who.sets(&mut household, set);
        }
        assert!(household.is_void());
        assert_eq!(household.values()["phone"], json!("3"));
        assert_eq!(
            Vec::from_iter(&household.amended_after_void),
            ["phone"],
            "void first: {void_first}"
        );
        by(2, 2, 1_000)
            .seen(3)
            .sets(&mut household, json!({"void": null}));
        assert!(!household.is_void() && household.amended_after_void.is_empty());
    }
}

#[test]
fn i18_whoever_amends_a_record_knowing_it_void_raises_no_flag() {
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 500)
        .seen(1)
        .sets(&mut household, json!({"void": true}));
    by(3, 1, 900)
        .seen(2)
        .sets(&mut household, json!({"phone": "3"}));
    by(2, 2, 950).sets(&mut household, json!({"count": 2}));
    assert!(household.is_void() && household.amended_after_void.is_empty());
}

#[test]
fn i18_an_amendment_that_lost_its_field_is_flagged_in_both_orders() {
    for void_first in [true, false] {
        let mut household = record();
        by(1, 1, 800).sets(&mut household, json!({"phone": "1"}));
        let amend = |household: &mut Record| by(3, 1, 500).sets(household, json!({"phone": "3"}));
        if !void_first {
            amend(&mut household);
        }
        by(2, 1, 900)
            .seen(1)
            .sets(&mut household, json!({"void": true}));
        if void_first {
            amend(&mut household);
        }
        assert_eq!(
            Vec::from_iter(&household.amended_after_void),
            ["phone"],
            "void first: {void_first}"
        );
    }
}

#[test]
fn i18_a_void_that_loses_leaves_the_flags_of_the_one_that_stands() {
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 900)
        .seen(1)
        .sets(&mut household, json!({"void": "by two"}));
    by(3, 1, 500)
        .seen(1)
        .sets(&mut household, json!({"phone": "3"}));
    by(4, 1, 600)
        .seen(1)
        .sets(&mut household, json!({"void": null}));
    assert_eq!(household.values()["void"], json!("by two"));
    assert_eq!(Vec::from_iter(&household.amended_after_void), ["phone"]);
}

#[test]
fn i18_a_masked_field_that_nobody_amended_is_not_flagged() {
    let mut household = record();
    by(1, 1, 0).sets(&mut household, json!({"phone": "1"}));
    by(2, 1, 500)
        .seen(1)
        .masked("phone")
        .sets(&mut household, json!({"void": true}));
    assert!(household.amended_after_void.is_empty());
}
