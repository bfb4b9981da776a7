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
