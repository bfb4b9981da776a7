//! A change that no feed shows its phone is named with the place where its record is.

use super::*;
use crate::sync::exchange::Begun;
use sync_protocol::wire::{Reply, Verdict};

impl Trial {
    /// Takes a push of these lines to its reply, with this done between the commit and the answer.
    fn answered(&self, phone: &mut Phone, lines: &[Value], between: impl FnOnce()) -> Vec<Verdict> {
        let text = self.request(phone, lines);
        let request = Request::parse(text.as_bytes()).unwrap();
        let Ok(Begun::Waits(push)) = self.engine.begin(phone.number, &request, NOW) else {
            panic!("a push waits for its commit");
        };
        let answer = self.engine.submit(Job::Push(push)).unwrap();
        between();
        let finished = self
            .engine
            .finish(phone.number, &request.envelope, answer, NOW);
        finished
            .unwrap_or_else(|refusal| panic!("{refusal:?}"))
            .reply
            .verdicts
    }

    fn to_other_grid(&self, record: RecordId) -> Job {
        Job::Move(Movement {
            record,
            to: format!("grid:{OTHER}").parse().unwrap(),
            user: self.officer,
        })
    }
}

fn places(verdicts: &[Verdict]) -> Vec<Option<String>> {
    let scope = |verdict: &Verdict| verdict.scope.as_ref().map(ToString::to_string);
    verdicts.iter().map(scope).collect()
}

#[test]
fn a_verdict_names_the_place_where_the_change_put_its_record() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let lines = [household(1, id(1)), household(2, id(2))];
    let verdicts = trial.answered(&mut phone, &lines, || {});
    assert_eq!(places(&verdicts), [Some(format!("grid:{GRID}"))]);
    assert_eq!((verdicts[0].seq, verdicts[0].last), (1, Some(2)), "one run");
}

#[test]
fn what_was_moved_before_the_answer_is_not_said_to_be_where_it_was_put() {
    let trial = Trial::new();
    trial.write(|c| hold(c, trial.leader, "grid_leader", OTHER, NOW - 10));
    let mut phone = trial.phone(trial.leader);
    let verdicts = trial.answered(&mut phone, &[household(1, id(1))], || {
        trial.fold(&[trial.to_other_grid(id(1))]);
    });
    assert_eq!(places(&verdicts), [Some(format!("grid:{OTHER}"))]);
}

#[test]
fn what_is_moved_in_the_fold_that_takes_it_is_named_where_it_is() {
    let trial = Trial::new();
    trial.write(|c| hold(c, trial.leader, "grid_leader", OTHER, NOW - 10));
    let mut phone = trial.phone(trial.leader);
    let text = trial.request(&mut phone, &[household(1, id(1))]);
    let request = Request::parse(text.as_bytes()).unwrap();
    let push = Job::Push(Push::new(phone.number, &request, NOW, None));
    let answer = trial.fold(&[push, trial.to_other_grid(id(1))]).remove(0);
    let finished = trial
        .engine
        .finish(phone.number, &request.envelope, answer, NOW);
    let finished = finished.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(
        places(&finished.reply.verdicts),
        [Some(format!("grid:{OTHER}"))]
    );
}

/// What a phone that knows its grants hears of a push: at once, if so, and after a look into the database.
fn heard(trial: &Trial, phone: &mut Phone, lines: &[Value], others: &[Job]) -> [Option<Reply>; 2] {
    let text = trial.request(phone, lines);
    let mut request = Request::parse(text.as_bytes()).unwrap();
    let push = Job::Push(Push::new(phone.number, &request, NOW, None));
    let jobs: Vec<Job> = [push].into_iter().chain(others.iter().cloned()).collect();
    let answer = trial.fold(&jobs).remove(0);
    // Who has no grants yet is told of them, which takes a look.
    let finished = trial
        .engine
        .finish(phone.number, &request.envelope, answer.clone(), NOW);
    let mut looked = finished
        .unwrap_or_else(|refusal| panic!("{refusal:?}"))
        .reply;
    request.envelope.grants = looked.grants.take().unwrap_or_default();
    looked.places = None;
    let Answer::Push(PushAnswer::Done(pushed)) = &answer else {
        panic!("it was taken");
    };
    [pushed.reply_at_once(&request.envelope, NOW), Some(looked)]
}

#[test]
fn a_push_that_asks_for_nothing_is_answered_at_once_as_it_would_be_after_a_look() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let lines = [
        household(1, id(1)),
        line(
            2,
            id(2),
            json!({"scope": "grid:nowhere", "set": {"number": "2"}}),
        ),
        household(3, id(3)),
        json!({"nothing": true}),
    ];
    let [told, looked] = heard(&trial, &mut phone, &lines, &[]);
    assert_eq!(told, looked);
    assert_eq!(told.unwrap().verdicts.len(), 4);
    // The same again, as after a reply that was lost, and more.
    phone.sent = 0;
    phone.after = String::new();
    let more = [edit(5, id(1), "13800000002")];
    let more: Vec<Value> = lines.iter().chain(&more).cloned().collect();
    let [told, looked] = heard(&trial, &mut phone, &more, &[]);
    assert_eq!(told, looked);
    let places = places(&told.unwrap().verdicts);
    assert_eq!(places[0], Some(format!("grid:{GRID}")));
    // Beside a move it is looked up where its records are.
    let others = [trial.to_other_grid(id(9))];
    let [told, _] = heard(&trial, &mut phone, &[household(6, id(9))], &others);
    assert_eq!(told, None);
}

#[test]
fn i10_who_may_not_look_there_any_more_is_told_no_place() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    trial.push(&mut phone, &[household(1, id(1))]);
    // Their days at the grid are over: what they bring late is taken, and they see nothing there.
    trial.write(|c| {
        let held = crate::store::grants::of_account(c, trial.leader)?;
        held.iter()
            .try_for_each(|grant| crate::store::grants::set_until(c, grant.grant.id, Some(NOW - 5)))
    });
    let [told, looked] = heard(&trial, &mut phone, &[household(2, id(2))], &[]);
    assert_eq!(told, looked);
    let verdicts = told.unwrap().verdicts;
    assert_eq!(verdicts[0].verdict, Outcome::Applied);
    assert_eq!(places(&verdicts), [None]);
}

#[test]
fn a_revoked_phone_is_not_answered_at_once() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    trial.push(&mut phone, &[household(1, id(1))]);
    trial.write(|c| devices::set_state(c, i64::from(phone.number.0), DeviceState::PushOnly));
    let edits = [edit(2, id(1), "13800000002")];
    let [told, looked] = heard(&trial, &mut phone, &edits, &[]);
    assert_eq!(told, None);
    assert_eq!(looked.unwrap().verdicts[0].verdict, Outcome::Parked);
}
