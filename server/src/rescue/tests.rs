//! What is carried by hand is what would have been sent: theirs who captured it, judged by their
//! rights, and there once.

use std::sync::Arc;

use serde_json::{Value, json};
use sync_protocol::id::{DeviceNumber, UserId};
use sync_protocol::mark::Mark;
use sync_protocol::wire::Request;

use super::import::{Fault, TakenIn, import};
use super::sealing::{Opener, seal};
use crate::app::App;
use crate::clock::{BUILD, Clock};
use crate::demo::district::{Scale, build, hold};
use crate::store::devices::{DeviceState, NewDevice};
use crate::store::{Error, accounts, devices, records};
use crate::sync::job::{Answer, Job, Push, PushAnswer};

const NOW: i64 = BUILD + 100_000_000;
const GRID: &str = "999999001001-01";
const OTHER: &str = "999999001001-02";

struct Trial {
    app: Arc<App>,
    leader: UserId,
    device: DeviceNumber,
}

impl Trial {
    fn new() -> Self {
        let app = App::trial(Clock::manual(NOW)).unwrap();
        let (leader, device) = app
            .store
            .write::<_, Error>(|c| {
                build(c, Scale::Small, "x", NOW - 10)?;
                let leader = accounts::insert(c, "leader", "网格员", None, NOW)?;
                hold(c, leader, "grid_leader", GRID, NOW - 10)?;
                let new = NewDevice {
                    account: leader,
                    token_hash: &[9; 32],
                    name: "phone",
                    leaves: None,
                    now: NOW,
                };
                Ok((leader, devices::insert(c, &new)?.device()))
            })
            .unwrap();
        Self {
            app,
            leader,
            device,
        }
    }

    /// The phone itself sends these lines, from its first number on.
    fn push(&self, lines: &[String]) -> usize {
        let envelope = json!({"protocol": 1, "now": NOW, "era": 1, "from": 1, "after": ""});
        let body = [&[envelope.to_string()], lines].concat().join("\n");
        let request = Request::parse(body.as_bytes()).unwrap();
        let push = Push::new(self.device, &request, NOW, None);
        let engine = self.app.engine().unwrap();
        match engine.submit(Job::Push(push)).unwrap() {
            Answer::Push(PushAnswer::Done(pushed)) => pushed.settled.len(),
            other => panic!("{other:?}"),
        }
    }

    fn file(&self, persons: &Value) -> Vec<u8> {
        let text = json!({"rescue": 1, "made": NOW, "persons": persons}).to_string();
        seal(&Opener::of(&self.app.keys).unwrap(), text.as_bytes())
    }

    fn person(&self, lines: &[String]) -> Value {
        let changes: Vec<Value> = lines.iter().map(|line| json!({ "line": line })).collect();
        json!({"name": "", "device": self.device.0, "user": self.leader, "now": NOW, "era": 1,
            "eras": {"1": 0}, "ack": 0, "ack_mark": null, "changes": changes})
    }

    fn rev(&self, record: &str) -> Option<u64> {
        let id = record.parse().unwrap();
        let rows = self
            .app
            .store
            .read::<_, Error>(|c| records::by_ids(c, &[id]));
        rows.unwrap()
            .first()
            .map(|row| crate::store::to_rev(row.rev))
    }
}

fn record(n: u8) -> String {
    format!("01a20099-0ebf-7a11-8c21-0000000000{n:02}")
}

fn household(n: u8, grid: &str) -> String {
    let stamp = format!("{:012x}{n:04x}", NOW - 5_000);
    json!({"era": 1, "schema": 1, "stamp": stamp, "kind": "household", "record": record(n),
        "scope": format!("grid:{grid}"), "set": {"number": n.to_string(), "state": "occupied"}})
    .to_string()
}

#[test]
fn i3_what_is_carried_by_hand_and_sent_as_well_is_there_once() {
    let trial = Trial::new();
    let lines = [household(1, GRID), household(2, GRID), household(3, OTHER)];
    // The first was sent, and its reply was lost.
    trial.push(&lines[..1]);
    let first = trial.rev(&record(1));
    let file = trial.file(&json!([trial.person(&lines)]));
    let taken = import(&trial.app, &file, None).unwrap();
    let expected = TakenIn {
        device: Some(trial.device.0),
        under: taken[0].under,
        changes: 3,
        applied: 2,
        parked: 1,
        ..TakenIn::default()
    };
    assert_eq!(taken, [expected]);
    assert_ne!(taken[0].under, Some(trial.device.0));
    assert_eq!(trial.rev(&record(1)), first, "a repeat changes nothing");
    assert!(trial.rev(&record(2)).is_some());
    assert_eq!(trial.rev(&record(3)), None, "not this leader's grid");

    let again = import(&trial.app, &file, None).unwrap();
    assert_eq!(
        (again[0].before, again[0].applied, again[0].under),
        (3, 0, taken[0].under)
    );

    // The phone reaches a network after all, and knows nothing of the file.
    let second = trial.rev(&record(2));
    assert_eq!(trial.push(&lines), 3);
    assert_eq!(trial.rev(&record(2)), second);
}

#[test]
fn the_author_of_what_was_carried_is_who_captured_it() {
    let trial = Trial::new();
    let file = trial.file(&json!([trial.person(&[household(1, GRID)])]));
    import(&trial.app, &file, None).unwrap();
    let id = record(1).parse().unwrap();
    let rows = trial
        .app
        .store
        .read::<_, Error>(|c| records::by_ids(c, &[id]));
    let record = rows.unwrap()[0].record().unwrap();
    assert_eq!(record.created.user, trial.leader);
    assert_eq!(record.created.time, NOW - 5_000);
}

#[test]
fn what_nobody_had_enrolled_for_waits_for_a_name() {
    let trial = Trial::new();
    let mut person = trial.person(&[household(1, GRID)]);
    person["device"] = Value::Null;
    person["user"] = Value::Null;
    let file = trial.file(&json!([person]));
    let waiting = import(&trial.app, &file, None).unwrap();
    assert_eq!((waiting[0].under, waiting[0].changes), (None, 1));
    assert_eq!(trial.rev(&record(1)), None);
    assert!(matches!(
        import(&trial.app, &file, Some("nobody")),
        Err(Fault::Nobody)
    ));
    let taken = import(&trial.app, &file, Some("leader")).unwrap();
    assert_eq!(taken[0].applied, 1);
    assert!(trial.rev(&record(1)).is_some());
}

#[test]
fn what_a_blocked_phone_held_is_kept_aside_and_a_stranger_s_is_refused() {
    let trial = Trial::new();
    trial
        .app
        .store
        .write::<_, Error>(|c| {
            devices::set_state(c, i64::from(trial.device.0), DeviceState::Blocked)
        })
        .unwrap();
    let file = trial.file(&json!([trial.person(&[household(1, GRID)])]));
    let taken = import(&trial.app, &file, None).unwrap();
    assert_eq!((taken[0].applied, taken[0].parked), (0, 1));

    let mut stranger = trial.person(&[household(2, GRID)]);
    stranger["user"] = json!("u999");
    let file = trial.file(&json!([stranger]));
    assert!(matches!(
        import(&trial.app, &file, None),
        Err(Fault::Stranger(_))
    ));
}

#[test]
fn a_file_of_many_is_taken_in_parts_that_follow_on_each_other() {
    let trial = Trial::new();
    let lines: Vec<String> = (0..1_050_u32)
        .map(|n| {
            let stamp = format!("{:012x}{n:04x}", NOW - 5_000);
            json!({"era": 1, "schema": 1, "stamp": stamp, "kind": "household",
                "record": format!("01a20099-0ebf-7a11-8c21-{n:012}"),
                "scope": format!("grid:{GRID}"), "set": {"number": n.to_string()}})
            .to_string()
        })
        .collect();
    let file = trial.file(&json!([trial.person(&lines)]));
    let taken = import(&trial.app, &file, None).unwrap();
    assert_eq!((taken[0].applied, taken[0].before), (1_050, 0));
    let under = DeviceNumber(taken[0].under.unwrap());
    let row = trial
        .app
        .store
        .read::<_, Error>(|c| devices::by_number(c, under))
        .unwrap()
        .unwrap();
    assert_eq!(row.ack, 1_050);
    let marks = crate::sync::numbering::Marks::from_bytes(&row.marks).unwrap();
    assert_eq!(
        marks.mark(1_050),
        Some(Mark::of(1_050, lines[1_049].as_bytes()))
    );
}
