//! What makes a record is taken for new without a look.

use super::*;

#[test]
fn a_record_that_was_there_after_all_is_merged_and_not_made_anew() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.leader);
    assert_eq!(trial.push(&mut one, &[household(1, id(1))]), [APPLIED]);
    // Another phone makes the same record, and one that is new, with one that amends.
    let again = line(
        5,
        id(1),
        json!({"scope": format!("grid:{GRID}"), "set": {"phone": "13800000009"}}),
    );
    let lines = [
        household(2, id(2)),
        again,
        edit(6, id(2), "13800000004"),
        household(7, id(3)),
    ];
    let outcomes = trial.push(&mut other, &lines);
    assert_eq!(outcomes[0], APPLIED);
    assert_eq!(outcomes[3], APPLIED);
    assert_eq!(trial.field(id(1), "number"), json!("1"), "of the first");
    assert_eq!(trial.field(id(1), "phone"), json!("13800000009"));
    let rows = trial.read(|c| records::by_ids(c, &[id(1)]));
    let record = rows[0].record().unwrap();
    assert_eq!(record.writes.len(), 2, "both writes are known: {record:?}");
    assert_eq!(trial.field(id(2), "phone"), json!("13800000004"));
}

#[test]
fn what_waits_for_a_record_is_set_free_by_the_one_that_makes_it_unseen() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.leader);
    let waits = aside(Outcome::Parked, "waiting");
    assert_eq!(
        trial.push(&mut other, &[edit(5, id(1), "13800000009")]),
        [waits]
    );
    assert_eq!(trial.push(&mut one, &[household(1, id(1))]), [APPLIED]);
    assert_eq!(trial.field(id(1), "phone"), json!("13800000009"));
    assert!(trial.open_aside(id(1)).is_empty());
}

#[test]
fn what_says_no_place_is_judged_by_the_record_that_stands() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let visit = |stamp, more: Value| {
        let mut line = line(stamp, id(2), more);
        line["kind"] = json!("visit");
        line
    };
    let made = visit(2, json!({"parent": id(1), "set": {"outcome": "met"}}));
    assert_eq!(
        trial.push(&mut phone, &[household(1, id(1)), made]),
        [APPLIED, APPLIED]
    );
    // Made before the first push was answered: none of these has a base.
    let lines = [
        line(3, id(1), json!({"set": {"phone": "13800000009"}})),
        visit(4, json!({"set": {"outcome": "nobody_home"}})),
        line(5, id(1), json!({"set": {"void": {"reason": "twice"}}})),
    ];
    assert_eq!(trial.push(&mut phone, &lines), [APPLIED, APPLIED, APPLIED]);
    assert_eq!(trial.field(id(1), "phone"), json!("13800000009"));
    assert_eq!(trial.field(id(2), "outcome"), json!("nobody_home"));
    assert_eq!(trial.field(id(1), "void"), json!({"reason": "twice"}));
}

#[test]
fn what_came_under_another_number_before_is_a_repeat_whatever_became_of_rights() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    assert_eq!(trial.push(&mut phone, &[household(1, id(1))]), [APPLIED]);
    let left = i64::from(phone.number.0);
    // The phone takes a new number of its line, and sends all again under it.
    let new = NewDevice {
        account: trial.leader,
        token_hash: &[99; 32],
        name: "phone",
        leaves: Some(Leaving {
            line: left,
            number: left,
            knew: 0,
        }),
        now: NOW,
    };
    let row = trial.write(|c| devices::insert(c, &new));
    let mut other = Phone {
        number: row.device(),
        sent: 0,
        after: String::new(),
    };
    trial.write(|c| devices::set_state(c, row.number, DeviceState::PushOnly));
    assert_eq!(
        trial.push(&mut other, &[household(1, id(1))]),
        [APPLIED],
        "known before anything else is asked"
    );
    assert!(trial.open_aside(id(1)).is_empty());
}

#[test]
fn a_scope_that_is_purged_beside_a_push_keeps_nothing_and_counts_right() {
    for purge_first in [true, false] {
        let trial = Trial::new();
        let mut one = trial.phone(trial.leader);
        let mut other = trial.phone(trial.leader);
        assert_eq!(trial.push(&mut one, &[household(1, id(1))]), [APPLIED]);
        let rows = trial.read(|c| records::by_ids(c, &[id(1)]));
        let purge = Job::Purge(Purge {
            records: Vec::new(),
            scopes: vec![rows[0].scope_id],
            quiet_since: None,
        });
        let again = line(
            5,
            id(1),
            json!({"scope": format!("grid:{GRID}"), "set": {"phone": "13800000009"}}),
        );
        let push = trial.job(&mut other, &[again]);
        let jobs = if purge_first {
            [purge, push]
        } else {
            [push, purge]
        };
        trial.fold(&jobs);
        let left = trial.read(|c| records::by_ids(c, &[id(1)]));
        assert!(left.is_empty(), "{purge_first}: {left:?}");
        let holdings = trial.read(|c| scopes::holdings(c, &[rows[0].scope_id]));
        assert!(
            holdings.iter().all(|holding| holding.count == 0),
            "{purge_first}: {holdings:?}"
        );
        let key = trial.engine.search_key();
        for number in ["13800000001", "13800000009"] {
            let hash = key.hash("phone", number);
            let found = trial.read(|c| crate::store::lookups::under(c, &hash));
            assert!(found.is_empty(), "{purge_first}: {found:?}");
        }
    }
}
