//! A change that no feed shows its phone is named with the place where its record is.

use super::*;
use crate::sync::exchange::Begun;
use sync_protocol::wire::Verdict;

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
    let push = Job::Push(Push::new(phone.number, &request, NOW));
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
