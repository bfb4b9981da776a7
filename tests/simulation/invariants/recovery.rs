//! When something went wrong: copies put back (I12), refusals (I14), phones that were doubled (I16).

use crate::capture::fields;
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record};
use crate::wire::Fault;
use crate::world::{HOUR, MINUTE};
use kadian::store::{devices, scopes};
use serde_json::json;
use std::collections::BTreeSet;
use sync_protocol::id::DeviceNumber;
use sync_protocol::replica::{Action, Answer, Draft, Heard, Moment};

use super::*;

#[test]
fn i12_restore_phones_bring_back_what_came_after_the_copy_and_untouched_scopes_stay_still() {
    let mut grid = grid();
    grid.world.centre.grant(4, "grid_leader", "G2", None);
    let phone = grid.world.add_right_phone();
    let cat = grid.world.add_person(phone, 4);
    grid.sync_all();
    let other = grid.world.new_id(0);
    grid.world
        .keep(
            cat,
            &Draft::create(
                other,
                "household",
                "grid:G2".parse().unwrap(),
                fields(&json!({ "number": "7" })),
            ),
        )
        .unwrap();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    let time = grid.world.time;
    grid.world.centre.copy(time);
    grid.world.pass(HOUR);
    grid.edit(grid.ann, id, &json!({ "phone": "13900000001" }));
    let later = grid.create(grid.ben, &json!({ "number": "2" }));
    grid.sync_all();
    assert_eq!(grid.world.carriers[grid.ann].replica.unsent(), 0);
    let before = grid.stored(id).unwrap();
    let head = |grid: &Grid| {
        let names = ["grid:G1".to_owned()];
        grid.world
            .centre
            .read(|c| scopes::by_names(c, &names))
            .remove(0)
            .head
    };
    let lost = head(&grid);
    grid.world.pass(HOUR);
    grid.world.restore(0, true).unwrap();
    assert!(grid.stored(later).is_none() && !grid.stored(id).unwrap().fields.contains_key("phone"));
    let served = grid.world.figures.of("rows served");
    grid.world.pass(6 * MINUTE);
    grid.sync(cat);
    assert_eq!(
        grid.world.figures.of("rows served"),
        served,
        "nothing happened in G2, nothing is sent"
    );
    // A cursor out of the future that was lost is void, also when new heads stand above it.
    let lost = u64::try_from(lost).unwrap();
    let reader = Raw::enrol(&mut grid.world.centre, OFFICER, 12);
    let reset = |grid: &Grid, cursor: u64| {
        let pull = json!([["grid:G1", cursor, "", "0000000000000000"]]);
        reader
            .post(&grid.world.centre, &[], &pull)
            .reply
            .unwrap()
            .feeds[0]
            .reset
    };
    assert!(reset(&grid, lost));
    grid.create(grid.officer, &json!({ "number": "3" }));
    grid.sync(grid.officer);
    assert!(head(&grid) > i64::try_from(lost).unwrap());
    assert!(reset(&grid, lost), "inside the leap");
    grid.sync_all();
    assert!(grid.stored(later).is_some());
    assert_eq!(grid.value(id, "phone"), "13900000001");
    assert!(
        grid.stored(id).unwrap().rev > before.rev,
        "no revision is used twice"
    );
    grid.world.settle().unwrap();
}

#[test]
fn i14_no_loop_every_refusal_changes_something_or_waits() {
    let refusals: [(u16, &str); 16] = [
        (400, "envelope"),
        (401, "token_unknown"),
        (403, "blocked"),
        (404, "not_found"),
        (409, "fork"),
        (409, "gap"),
        (409, "something_new"),
        (413, "too_large"),
        (415, "encoding"),
        (418, "teapot"),
        (426, "too_old"),
        (429, "too_many"),
        (500, "internal"),
        (502, "gateway"),
        (503, "busy"),
        (200, "captive portal"),
    ];
    for (status, code) in refusals {
        let mut grid = grid();
        for n in 0..4 {
            grid.create(grid.ann, &json!({ "number": n.to_string() }));
        }
        let phone = grid.world.carriers[grid.ann].phone;
        let mut sent: BTreeSet<Vec<u8>> = BTreeSet::new();
        let moment = Moment {
            ..grid.world.moment(phone)
        };
        // At one moment, with one answer to everything, a phone falls silent after a few attempts.
        let mut attempts = 0;
        loop {
            let replica = &mut grid.world.carriers[grid.ann].replica;
            match replica.next(moment) {
                Action::Send { attempt, body, .. } => {
                    attempts += 1;
                    assert!(attempts < 20, "{status} {code}: in a circle");
                    sent.insert(body);
                    let body = serde_json::to_vec(&json!({ "code": code })).unwrap();
                    let heard = replica.hear(
                        attempt,
                        Some(&Answer {
                            status,
                            retry_after: None,
                            body: &body,
                        }),
                        moment,
                        &[7; 32],
                    );
                    assert_ne!(heard, Heard::Applied, "{status} {code}");
                }
                Action::Enrol { attempt, .. } => {
                    attempts += 1;
                    assert!(attempts < 20, "{status} {code}: in a circle");
                    replica.enrol_failed(attempt, None, moment, &[7; 32]);
                }
                Action::Busy { .. } => panic!("{status} {code}: busy for ever"),
                Action::Wait { .. } | Action::AskForCode { .. } | Action::Blocked { .. } => break,
            }
        }
        assert_eq!(
            grid.world.carriers[grid.ann].replica.unsent(),
            4,
            "{status} {code}: nothing is given up"
        );
    }
}

#[test]
fn i16_fork_visible_at_the_first_push_that_differs() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    let twin = grid.world.clone_both_go_on(grid.ann);
    grid.edit(grid.ann, id, &json!({ "phone": "13900000001" }));
    grid.world.pass(HOUR);
    grid.edit(twin, id, &json!({ "state": "empty" }));
    grid.sync(grid.ann);
    assert_eq!(grid.world.figures.of("forks seen"), 0);
    grid.sync(twin);
    assert_eq!(grid.world.figures.of("forks seen"), 1);
    let numbers = [grid.ann, twin].map(|carrier| {
        grid.world.carriers[carrier]
            .replica
            .identity()
            .unwrap()
            .device
    });
    assert_ne!(numbers[0], numbers[1]);
    let lines = numbers.map(|number: DeviceNumber| {
        grid.world
            .centre
            .read(|c| devices::by_number(c, number))
            .unwrap()
            .line
    });
    assert_eq!(lines[0], lines[1], "both stay one line");
    assert_eq!(grid.value(id, "phone"), "13900000001");
    assert_eq!(grid.value(id, "state"), "empty");
    // By hand: the same number for other content is refused, and nothing of it is taken.
    let one = Raw::enrol(&mut grid.world.centre, OFFICER, 16);
    let now = grid.world.centre.now();
    let lines = |id: u32| {
        vec![line(
            now,
            "household",
            id,
            "grid:G1",
            &json!({ "number": "1" }),
        )]
    };
    assert_eq!(
        one.post(&grid.world.centre, &lines(1), &json!([])).status,
        200
    );
    assert_eq!(
        one.post(&grid.world.centre, &lines(2), &json!([])).status,
        409
    );
    assert!(grid.stored(record(2)).is_none());
    // A phone put back to a day before it had packed anything forks too.
    let clone = grid.world.carriers[grid.ben].replica.clone();
    grid.edit(grid.ben, id, &json!({ "number": "2" }));
    grid.sync(grid.ben);
    grid.world.put_phone_back(grid.ben, clone);
    grid.sync(grid.ben);
    assert_eq!(grid.world.figures.of("forks seen"), 2);
    grid.world.settle().unwrap();
}

#[test]
fn i16_fork_visible_but_a_phone_that_only_lost_its_marks_goes_on_under_its_number() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    let number = grid.world.carriers[grid.ann]
        .replica
        .identity()
        .unwrap()
        .device;
    grid.world.carriers[grid.ann].replica.lose_marks(1);
    grid.edit(grid.ann, id, &json!({ "number": "2" }));
    grid.sync(grid.ann);
    assert_eq!(grid.value(id, "number"), "2");
    assert_eq!(grid.world.figures.of("forks seen"), 0);
    assert_eq!(
        grid.world.carriers[grid.ann]
            .replica
            .identity()
            .unwrap()
            .device,
        number
    );
}

#[test]
fn i16_fork_visible_also_to_a_phone_that_lost_its_marks() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    let twin = grid.world.clone_both_go_on(grid.ann);
    grid.edit(twin, id, &json!({ "state": "empty" }));
    grid.world.carriers[twin].replica.hurry();
    assert!(grid.world.sync_with(twin, Fault::RequestLost).unwrap());
    grid.world.carriers[twin].replica.lose_marks(2);
    grid.world.pass(HOUR);
    grid.edit(grid.ann, id, &json!({ "phone": "13900000001" }));
    grid.sync(grid.ann);
    grid.sync(twin);
    assert_eq!(grid.world.figures.of("forks seen"), 1);
    assert_eq!(
        grid.value(id, "state"),
        "empty",
        "it does not take the other's ack for its own"
    );
}
