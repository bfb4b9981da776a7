//! Sequences that once went wrong, each by a test of its own: several jobs in one fold, changes
//! that are kept aside and set free, purges.

mod ages;
mod fevers;
mod first;
mod presumed;
mod queues;
mod verdicts;

use serde_json::{Value, json};
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::mark::Mark;
use sync_protocol::wire::{Outcome, Request};

use super::engine::Engine;
use super::job::{Answer, Decision, Job, Movement, Purge, Push, PushAnswer, Resolution, Resolved};
use crate::app::App;
use crate::clock::{BUILD, Clock};
use crate::demo::district::{Scale, build, hold};
use crate::store::devices::{DeviceState, Leaving, NewDevice};
use crate::store::{Error, accounts, devices, exits, parked, records, scopes};

const NOW: i64 = BUILD + 100_000_000;
const GRID: &str = "999999001001-01";
const OTHER: &str = "999999001001-02";

struct Trial {
    engine: Engine,
    officer: UserId,
    leader: UserId,
    made: std::cell::Cell<u8>,
}

/// A phone that numbers what it sends.
struct Phone {
    number: DeviceNumber,
    sent: u64,
    after: String,
}

impl Trial {
    fn new() -> Self {
        let app = App::trial(Clock::manual(NOW)).unwrap();
        let (officer, leader) = app
            .store
            .write::<_, Error>(|c| {
                let district = build(c, Scale::Small, "x", NOW - 10)?;
                let leader = accounts::insert(c, "leader", "网格员", None, NOW)?;
                hold(c, leader, "grid_leader", GRID, NOW - 10)?;
                Ok((district.officer, leader))
            })
            .unwrap();
        Self {
            engine: app.engine().unwrap(),
            officer,
            leader,
            made: std::cell::Cell::new(0),
        }
    }

    fn phone(&self, account: UserId) -> Phone {
        self.phone_that(account, None)
    }

    fn phone_that(&self, account: UserId, leaves: Option<Leaving>) -> Phone {
        let made = self.made.get() + 1;
        self.made.set(made);
        let new = NewDevice {
            account,
            token_hash: &[made; 32],
            name: "phone",
            leaves,
            now: NOW,
        };
        let row = self.write(|c| devices::insert(c, &new));
        Phone {
            number: row.device(),
            sent: 0,
            after: String::new(),
        }
    }

    fn write<T>(&self, work: impl FnMut(&mut crate::store::Connection) -> Result<T, Error>) -> T {
        self.engine.store().write(work).unwrap()
    }

    fn read<T>(&self, work: impl FnOnce(&mut crate::store::Connection) -> Result<T, Error>) -> T {
        self.engine.store().read(work).unwrap()
    }

    /// The request that pushes these lines, and the phone as it is when the server has them.
    fn request(&self, phone: &mut Phone, lines: &[Value]) -> String {
        let envelope = json!({"protocol": 1, "now": NOW, "era": 1, "from": phone.sent + 1, "after": phone.after});
        let mut body = envelope.to_string();
        for line in lines {
            phone.sent += 1;
            phone.after = Mark::of(phone.sent, line.to_string().as_bytes()).to_string();
            body.push('\n');
            body.push_str(&line.to_string());
        }
        body
    }

    /// The push of these lines.
    fn job(&self, phone: &mut Phone, lines: &[Value]) -> Job {
        let body = self.request(phone, lines);
        let request = Request::parse(body.as_bytes()).unwrap();
        Job::Push(Push::new(phone.number, &request, NOW, None))
    }

    /// These jobs in one transaction.
    fn fold(&self, jobs: &[Job]) -> Vec<Answer> {
        self.engine.core().run(jobs, &mut |_| {}).unwrap()
    }

    fn push(&self, phone: &mut Phone, lines: &[Value]) -> Vec<(Outcome, String)> {
        let job = self.job(phone, lines);
        outcomes(&self.fold(&[job])[0])
    }

    fn field(&self, record: RecordId, name: &str) -> Value {
        let rows = self.read(|c| records::by_ids(c, &[record]));
        let record = rows.first().map(|row| row.record().unwrap());
        record.map_or(Value::Null, |record| {
            record
                .fields
                .get(name)
                .map_or(Value::Null, |held| held.value.clone())
        })
    }

    fn open_aside(&self, record: RecordId) -> Vec<parked::ParkedRow> {
        self.read(|c| parked::open_for(c, &[record], &[]))
    }

    fn resolve(&self, parked: i64, user: UserId, decision: Decision) -> Resolved {
        let resolution = Resolution {
            parked,
            user,
            decision,
        };
        match self.fold(&[Job::Resolve(resolution)]).remove(0) {
            Answer::Resolve(resolved) => resolved,
            other => panic!("{other:?}"),
        }
    }
}

fn outcomes(answer: &Answer) -> Vec<(Outcome, String)> {
    let Answer::Push(PushAnswer::Done(pushed)) = answer else {
        panic!("{answer:?}");
    };
    let settled = pushed.settled.iter();
    settled
        .map(|one| (one.outcome, one.code.clone().unwrap_or_default()))
        .collect()
}

fn id(number: u8) -> RecordId {
    RecordId::at(1_795_000_000_000, &[number; 10])
}

fn line(stamp: u16, record: RecordId, more: Value) -> Value {
    let mut line = json!({
        "era": 1, "schema": 1, "stamp": format!("{:012x}{stamp:04x}", NOW - 1_000),
        "kind": "household", "record": record,
    });
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    line
}

fn household(stamp: u16, record: RecordId) -> Value {
    line(
        stamp,
        record,
        json!({"scope": format!("grid:{GRID}"), "set": {"number": "1", "phone": "13800000001"}}),
    )
}

fn edit(stamp: u16, record: RecordId, phone: &str) -> Value {
    line(stamp, record, json!({"base": 1, "set": {"phone": phone}}))
}

const APPLIED: (Outcome, String) = (Outcome::Applied, String::new());

fn aside(outcome: Outcome, code: &str) -> (Outcome, String) {
    (outcome, code.to_owned())
}

#[test]
fn nothing_of_a_revoked_phone_enters_a_record_when_what_it_stood_behind_is_dismissed() {
    let trial = Trial::new();
    let mut owner = trial.phone(trial.leader);
    assert_eq!(trial.push(&mut owner, &[household(1, id(1))]), [APPLIED]);
    let mut stolen = trial.phone(trial.leader);
    trial.write(|c| devices::set_state(c, i64::from(stolen.number.0), DeviceState::PushOnly));
    let lines = [
        edit(1, id(1), "13800000002"),
        edit(2, id(1), "13800000003"),
        line(
            3,
            id(2),
            json!({"schema": 9, "scope": format!("grid:{GRID}"), "set": {"number": "9"}}),
        ),
    ];
    let out = aside(Outcome::Parked, "out_of_scope");
    assert_eq!(
        trial.push(&mut stolen, &lines),
        [out.clone(), out.clone(), out]
    );
    let first = trial.open_aside(id(1))[0].id;
    let dismissed = trial.resolve(first, trial.officer, Decision::Dismiss("stolen".into()));
    assert!(matches!(dismissed, Resolved::Done(_)), "{dismissed:?}");
    trial.fold(&[Job::Readmit { after: 0 }]);
    assert_eq!(trial.field(id(1), "phone"), "13800000001");
    assert_eq!(trial.field(id(2), "number"), Value::Null);
}

#[test]
fn what_is_purged_takes_no_other_record_along_and_closes_no_entry_of_another() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    // A visit tells of the members of its household under their own ids.
    let member = id(9);
    let visit = |seq, id, degrees| {
        let set = json!({"outcome": "met", format!("members/{member}"): {"temperature": degrees}});
        let under = json!({"kind": "visit", "parent": self::id(1), "set": set});
        line(seq, id, under)
    };
    let carrier = line(
        4,
        id(4),
        json!({"scope": format!("grid:{GRID}"), "set": {"number": "4", format!("notes/{}", id(1)): {"text": "x"}}}),
    );
    let lines = [
        household(1, id(1)),
        visit(2, id(2), 365),
        visit(3, id(3), 366),
        carrier,
    ];
    assert_eq!(trial.push(&mut phone, &lines), [APPLIED; 4]);
    let purge = Purge {
        records: vec![id(2), id(4)],
        scopes: Vec::new(),
        quiet_since: None,
    };
    trial.fold(&[Job::Purge(purge)]);
    let of_member = json!({"set": {format!("members/{member}"): {"name": "王伟"}}});
    let lines = [
        edit(5, id(1), "13800000004"),
        line(6, id(1), of_member),
        visit(7, id(5), 391),
        visit(8, id(2), 367),
    ];
    let settled = trial.push(&mut phone, &lines);
    assert_eq!(settled[..3], [APPLIED; 3]);
    assert_eq!(settled[3], aside(Outcome::Invalid, "purged"));
    let standing = trial.read(|c| crate::store::purged::standing(c, 10));
    assert_eq!(standing, []);
}

#[test]
fn a_whole_change_supersedes_what_came_before_it_and_nothing_that_came_after() {
    let trial = Trial::new();
    let mut owner = trial.phone(trial.officer);
    trial.push(&mut owner, &[household(1, id(1))]);
    let stranger = trial.write(|c| {
        let stranger = accounts::insert(c, "stranger", "网格员", None, NOW)?;
        hold(c, stranger, "grid_leader", OTHER, NOW)?;
        Ok(stranger)
    });
    let mut phone = trial.phone(stranger);
    let whole = line(
        2,
        id(1),
        json!({"whole": true, "scope": format!("grid:{GRID}"), "set": {"number": "1", "phone": "13800000002"}}),
    );
    let lines = [
        edit(1, id(1), "13800000005"),
        whole,
        edit(3, id(1), "13800000003"),
    ];
    trial.push(&mut phone, &lines);
    let open = trial.open_aside(id(1));
    assert_eq!(open.len(), 3);
    let resolved = trial.resolve(open[1].id, trial.officer, Decision::Admit);
    assert!(matches!(resolved, Resolved::Done(_)), "{resolved:?}");
    assert_eq!(
        trial.field(id(1), "phone"),
        "13800000003",
        "the last word counts"
    );
    assert!(trial.open_aside(id(1)).is_empty());
}

#[test]
fn a_push_that_stands_twice_in_one_fold_hears_the_same_verdicts_twice() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let bad = line(
        2,
        id(2),
        json!({"scope": format!("grid:{GRID}"), "set": {"phone": "12345"}}),
    );
    let job = trial.job(&mut phone, &[household(1, id(1)), bad, household(3, id(3))]);
    let answers = trial.fold(&[job.clone(), job]);
    assert_eq!(outcomes(&answers[0])[1].0, Outcome::Invalid);
    assert_eq!(outcomes(&answers[0]), outcomes(&answers[1]));
}

#[test]
fn what_names_no_place_is_shown_where_its_author_works_and_can_be_decided_about() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    assert_eq!(
        trial.push(&mut phone, &[edit(1, id(7), "13800000002")]),
        [aside(Outcome::Parked, "waiting")]
    );
    let row = &trial.open_aside(id(7))[0];
    assert_eq!(row.area.as_deref(), Some(GRID));
    let dismissed = trial.resolve(row.id, trial.leader, Decision::Dismiss("typo".into()));
    assert!(matches!(dismissed, Resolved::Done(_)), "{dismissed:?}");
}

#[test]
fn a_write_in_the_fold_of_a_purge_is_no_longer_about_anybody() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    trial.push(&mut phone, &[household(1, id(1))]);
    let purge = Job::Purge(Purge {
        records: vec![id(1)],
        scopes: Vec::new(),
        quiet_since: None,
    });
    let late = trial.job(&mut phone, &[edit(2, id(1), "13800000002")]);
    let answers = trial.fold(&[purge, late]);
    assert_eq!(outcomes(&answers[1]), [aside(Outcome::Invalid, "purged")]);
    let kept = trial.read(|c| parked::of_device(c, i64::from(phone.number.0)));
    assert!(kept.iter().all(|row| row.body.is_empty()), "{kept:?}");
}

#[test]
fn a_purge_takes_along_what_the_same_fold_wrote_about_what_goes() {
    let left = |purges: bool| {
        let trial = Trial::new();
        let [mut one, mut other] = [(); 2].map(|()| trial.phone(trial.leader));
        trial.push(&mut one, &[household(1, id(1))]);
        // One edit loses against the other, and one change does not fit.
        let edits = [edit(3, id(1), "13800000003"), edit(4, id(1), "no number")];
        let mut jobs = vec![
            trial.job(&mut one, &[edit(2, id(1), "13800000002")]),
            trial.job(&mut other, &edits),
        ];
        if purges {
            jobs.push(Job::Purge(Purge {
                records: vec![id(1)],
                scopes: Vec::new(),
                quiet_since: None,
            }));
        }
        trial.fold(&jobs);
        trial.read(|c| {
            let history = crate::store::history::of(c, id(1))?;
            let kept = parked::of_device(c, i64::from(other.number.0))?;
            let kept: usize = kept.iter().map(|row| row.body.len()).sum();
            Ok((history.len(), kept))
        })
    };
    let (history, kept) = left(false);
    assert!(history > 0 && kept > 0, "there is something to forget");
    assert_eq!(left(true), (0, 0));
}

#[test]
fn i11_a_record_that_goes_to_and_fro_in_one_fold_leaves_no_exit_where_it_stands() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    trial.push(&mut phone, &[household(1, id(1))]);
    let step = |to: &str| {
        Job::Move(Movement {
            record: id(1),
            to: format!("grid:{to}").parse().unwrap(),
            user: trial.officer,
        })
    };
    trial.fold(&[step(OTHER), step(GRID)]);
    let (row, left) = trial.read(|c| {
        let row = records::by_ids(c, &[id(1)])?.remove(0);
        let left = exits::above(c, row.scope_id, 0, 10)?;
        Ok((row, left))
    });
    let name = trial.read(|c| scopes::by_ids(c, &[row.scope_id]))[0]
        .name
        .clone();
    assert_eq!(name, format!("grid:{GRID}"));
    assert_eq!(left, []);
}
