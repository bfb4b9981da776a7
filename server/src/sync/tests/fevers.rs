//! A fever is told whatever else became of the change that carries it.

use super::*;
use crate::store::{Reach, alerts};

impl Trial {
    /// The open alerts about a record.
    fn alerts(&self, record: RecordId) -> Vec<String> {
        let officer = self.officer;
        self.read(|c| {
            let reach = Reach::of(c, officer, NOW)?;
            let open = alerts::list(c, &reach, &["officer"], "open", None, 100)?;
            let record = record.to_string();
            let about = open
                .into_iter()
                .filter(|alert| alert.record.as_deref() == Some(&record));
            Ok(about.map(|alert| alert.code).collect())
        })
    }

    fn close_all(&self) {
        let officer = self.officer;
        self.write(|c| {
            let reach = Reach::of(c, officer, NOW)?;
            for alert in alerts::list(c, &reach, &["officer"], "open", None, 100)? {
                alerts::close(c, &reach, &["officer"], &alert.id, NOW)?;
            }
            Ok(())
        });
    }
}

fn visit(stamp: u16, record: RecordId, more: Value) -> Value {
    let mut visit = line(stamp, record, json!({"kind": "visit"}));
    visit
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    visit
}

fn member(of: u8, degrees: u16) -> Value {
    json!({format!("members/{}", id(of)): {"temperature": degrees}})
}

#[test]
fn a_second_fever_in_a_record_is_told_although_the_first_was_seen_to() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let mut set = member(11, 385);
    set["outcome"] = json!("met");
    let first = visit(2, id(2), json!({"parent": id(1), "set": set}));
    trial.push(&mut phone, &[household(1, id(1)), first]);
    assert_eq!(trial.alerts(id(2)), ["fever"]);
    trial.close_all();
    assert!(trial.alerts(id(2)).is_empty());
    let well = visit(3, id(2), json!({"base": 1, "set": member(12, 365)}));
    assert_eq!(trial.push(&mut phone, &[well]), [APPLIED]);
    assert!(trial.alerts(id(2)).is_empty(), "nothing new");
    let second = visit(4, id(2), json!({"base": 1, "set": member(13, 396)}));
    assert_eq!(trial.push(&mut phone, &[second]), [APPLIED]);
    assert_eq!(trial.alerts(id(2)), ["fever"]);
}

#[test]
fn a_fever_that_was_seen_to_is_no_news_when_it_comes_again_under_another_number() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let mut set = member(11, 385);
    set["outcome"] = json!("met");
    let lines = [
        household(1, id(1)),
        visit(2, id(2), json!({"parent": id(1), "set": set})),
    ];
    trial.push(&mut phone, &lines);
    trial.close_all();
    // Enrolled anew, it sends again what no backup holds yet.
    let mut anew = trial.phone(trial.leader);
    trial.push(&mut anew, &lines);
    assert!(trial.alerts(id(2)).is_empty());
}

#[test]
fn a_fever_that_loses_against_a_later_value_is_told_all_the_same() {
    let trial = Trial::new();
    let mut one = trial.phone(trial.leader);
    let mut other = trial.phone(trial.officer);
    let mut set = member(11, 366);
    set["outcome"] = json!("met");
    let later = visit(9, id(2), json!({"parent": id(1), "set": set}));
    trial.push(&mut one, &[household(1, id(1)), later]);
    assert!(trial.alerts(id(2)).is_empty());
    let mut set = member(11, 391);
    set["outcome"] = json!("met");
    let earlier = visit(2, id(2), json!({"parent": id(1), "set": set}));
    let settled = trial.push(&mut other, &[earlier]);
    assert_eq!(settled[0].0, Outcome::Merged);
    assert_eq!(trial.alerts(id(2)), ["fever"]);
}
