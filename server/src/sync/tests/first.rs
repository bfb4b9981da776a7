//! A change that was judged before the fold makes what one makes that was not.

use std::sync::Arc;

use sync_protocol::change::Heading;
use sync_protocol::record::Record;
use sync_protocol::value::Members;

use super::*;
use crate::clock::BUILD;
use crate::store::{lookups, tallies};
use crate::sync::checked::Judge;
use crate::sync::job::PushLine;

/// All that can be told of what pushes left.
#[derive(Debug, PartialEq)]
struct Left {
    answers: Vec<Vec<crate::sync::job::Settled>>,
    records: Vec<Record>,
    rows: Vec<(String, i64, Option<String>, bool, bool)>,
    counts: String,
    found: Vec<usize>,
}

fn checked(trial: &Trial, job: Job) -> Job {
    let Job::Push(mut push) = job else {
        panic!("{job:?}")
    };
    let rules = trial.read(|c| trial.engine.rules(c));
    let judge = Judge {
        rules: &rules,
        key: trial.engine.search_key(),
        build: BUILD,
    };
    let lines = (push.from..).zip(&push.lines).map(|(seq, line)| {
        let judge = |change: &Heading, set: &Members<'_>| judge.check(&push, change, set);
        Arc::new(PushLine::read(seq, &line.bytes, judge))
    });
    push.lines = lines.collect();
    let makes = |line: &Arc<PushLine>| {
        let checked = line.checked.as_ref();
        checked.is_some_and(|checked| checked.traits(&rules).is_some())
    };
    assert!(push.lines.iter().any(makes), "nothing takes the short way");
    Job::Push(push)
}

/// Folds these pushes of one phone into one transaction, each of them sent twice.
fn leave(pushes: &[Vec<Value>], prepare: impl Fn(&Trial, Job) -> Job) -> Left {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let jobs: Vec<Job> = pushes
        .iter()
        .map(|lines| prepare(&trial, trial.job(&mut phone, lines)))
        .flat_map(|job| [job.clone(), job])
        .collect();
    let answers = trial.fold(&jobs).into_iter().map(|answer| match answer {
        Answer::Push(PushAnswer::Done(pushed)) => pushed.settled,
        other => panic!("{other:?}"),
    });
    let answers = answers.collect();
    let ids: Vec<RecordId> = (1..20).map(id).collect();
    let rows = trial.read(|c| records::by_ids(c, &ids));
    let counts = trial.read(|c| {
        let mut all = Vec::new();
        for scope in rows.iter().map(|row| row.scope_id) {
            all.push(format!("{:?}", tallies::of_scope(c, scope)?));
        }
        Ok(all.join("\n"))
    });
    let key = trial.engine.search_key();
    let found = ["13800000001", "13800000002", "13800000003"].map(|number| {
        let hash = key.hash("phone", number);
        trial.read(|c| lookups::under(c, &hash)).len()
    });
    Left {
        answers,
        records: rows.iter().map(|row| row.record().unwrap()).collect(),
        rows: rows
            .into_iter()
            .map(|row| (row.kind, row.time, row.parent, row.void, row.conflicted))
            .collect(),
        counts,
        found: found.to_vec(),
    }
}

#[test]
fn what_was_judged_before_makes_the_same_records_counts_and_look_ups() {
    let visit = |stamp, record, parent: RecordId, set: Value| {
        let mut line = line(stamp, record, json!({ "parent": parent, "set": set }));
        line["kind"] = json!("visit");
        line
    };
    let void = json!({"reason": "twice"});
    let pushes = [
        // One that stays alone; one that is amended by the next line; one with a child.
        vec![
            household(1, id(1)),
            household(2, id(2)),
            edit(3, id(2), "13800000002"),
        ],
        vec![
            household(4, id(3)),
            visit(5, id(4), id(3), json!({"outcome": "met"})),
            visit(6, id(5), id(3), json!({"outcome": "nobody_home"})),
        ],
        // Carrying everything; void from the start; what is amended in another push of the fold.
        vec![
            line(
                7,
                id(6),
                json!({"whole": true, "scope": format!("grid:{GRID}"), "set": {"number": "7"}}),
            ),
            line(
                8,
                id(7),
                json!({"scope": format!("grid:{GRID}"), "set": {"number": "8", "void": void}}),
            ),
            edit(9, id(1), "13800000003"),
        ],
        vec![
            // What no rule lets in, and what names nothing that is there.
            line(
                10,
                id(8),
                json!({"scope": format!("grid:{OTHER}"), "set": {"number": "9"}}),
            ),
            edit(11, id(9), "13800000003"),
            household(12, id(10)),
        ],
    ];
    let slow = leave(&pushes, |_, job| job);
    assert!(slow.records.len() >= 7, "{:#?}", slow.answers);
    assert_eq!(leave(&pushes, checked), slow);
}
