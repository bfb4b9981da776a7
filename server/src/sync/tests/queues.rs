//! What stands aside and waits for its turn.

use super::*;

#[test]
fn what_waits_for_a_record_that_the_same_fold_makes_goes_in_after_it() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.officer);
    let early = trial.job(&mut other, &[edit(5, id(1), "13800000005")]);
    let late = trial.job(&mut one, &[household(1, id(1))]);
    trial.fold(&[early, late]);
    assert_eq!(trial.field(id(1), "phone"), json!("13800000005"));
    assert!(trial.open_aside(id(1)).is_empty());
}

#[test]
fn of_a_revoked_phone_nothing_that_waits_in_the_same_fold_goes_in() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut stolen = trial.phone(trial.officer);
    trial.write(|c| devices::set_state(c, i64::from(stolen.number.0), DeviceState::PushOnly));
    let early = trial.job(&mut stolen, &[edit(5, id(1), "13800000005")]);
    let late = trial.job(&mut one, &[household(1, id(1))]);
    trial.fold(&[early, late]);
    assert_eq!(trial.field(id(1), "phone"), json!("13800000001"));
    assert_eq!(trial.open_aside(id(1)).len(), 1);
}

#[test]
fn what_was_refused_under_a_number_that_was_left_is_refused_however_often_it_comes_again() {
    let trial = Trial::new();
    let mut before = trial.phone(trial.leader);
    let bad = line(
        2,
        id(1),
        json!({"scope": format!("grid:{GRID}"), "set": {"number": 17}}),
    );
    let verdict = trial.push(&mut before, &[bad.clone()]);
    assert_eq!(verdict[0].0, Outcome::Invalid);
    let leaves = Leaving {
        line: i64::from(before.number.0),
        number: i64::from(before.number.0),
        knew: 0,
    };
    let mut after = trial.phone_that(trial.leader, Some(leaves));
    let text = trial.request(&mut after, &[bad]);
    let again = || {
        let request = Request::parse(text.as_bytes()).unwrap();
        let job = Job::Push(Push::new(after.number, &request, NOW, None));
        outcomes(&trial.fold(&[job])[0])
    };
    assert_eq!(again(), verdict);
    assert_eq!(again(), verdict, "the reply was lost");
}

#[test]
fn what_waited_and_turns_out_invalid_is_kept_as_invalid_with_its_place() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.officer);
    let misfit = line(5, id(1), json!({"base": 1, "set": {"number": 17}}));
    let verdict = trial.push(&mut other, &[misfit]);
    assert_eq!(verdict[0], aside(Outcome::Parked, "waiting"));
    trial.push(&mut one, &[household(1, id(1))]);
    let open = trial.open_aside(id(1));
    let row = &open[0];
    assert_eq!(
        (row.verdict.as_str(), row.detail.as_str()),
        ("invalid", "set.number")
    );
}

#[test]
fn i15_values_that_lose_have_a_bound_like_those_that_stand() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.officer);
    let small: serde_json::Map<String, Value> = (0..40)
        .map(|n| (format!("x_{n}"), json!("new")))
        .chain([("number".to_owned(), json!("1"))])
        .collect();
    let made = json!({"scope": format!("grid:{GRID}"), "set": small});
    assert_eq!(trial.push(&mut one, &[line(99, id(1), made)]), [APPLIED]);
    let outcomes: Vec<Outcome> = (0..40)
        .map(|n| {
            let old = json!({"scope": format!("grid:{GRID}"), "set": {"number": "1", format!("x_{n}"): "x".repeat(15_000)}});
            trial.push(&mut other, &[line(n, id(1), old)])[0].0
        })
        .collect();
    assert_eq!(outcomes[0], Outcome::Merged);
    assert_eq!(outcomes[39], Outcome::Parked);
    let rows = trial.read(|c| records::by_ids(c, &[id(1)]));
    assert!(rows[0].body.len() < 400_000, "{}", rows[0].body.len());
}
