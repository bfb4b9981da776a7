//! Two at the same moment about the same record: both make it; one waits for what the other makes.

use std::sync::Barrier;

use kadian::store::{Error, parked, records};
use serde_json::{Value, json};

use super::{PROCESSES, all_taken};
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record, visit};
use crate::world::World;

const ROUNDS: u32 = 30;

/// Two phones, each at a process of its own, that push something in each round at the same moment.
fn race(
    seed: u64,
    one: impl Fn(u32) -> Vec<u8> + Sync,
    two: impl Fn(u32) -> Vec<u8> + Sync,
) -> World {
    let mut world = World::empty(seed);
    world.centre.open_patient(PROCESSES);
    let phones = [1, 2].map(|salt| Raw::enrol(&mut world.centre, OFFICER, salt));
    let centre = &world.centre;
    let start = Barrier::new(2);
    let lines: [&(dyn Fn(u32) -> Vec<u8> + Sync); 2] = [&one, &two];
    std::thread::scope(|threads| {
        for (process, (mut phone, line)) in phones.into_iter().zip(lines).enumerate() {
            let start = &start;
            threads.spawn(move || {
                for round in 0..ROUNDS {
                    let lines = [line(round)];
                    start.wait();
                    phone.push_to(centre, process, &lines);
                }
            });
        }
    });
    world
}

#[test]
fn i6_a_record_that_two_processes_make_at_the_same_moment_is_one_with_what_both_said() {
    let now = World::empty(0).centre.now() - 1000;
    let make = |set: Value| move |round| line(now, "household", round, "grid:G1", &set);
    let mut world = race(
        42,
        make(json!({ "number": "7" })),
        make(json!({ "phone": "13900000001" })),
    );
    for round in 0..ROUNDS {
        let row = world
            .centre
            .read(|c| records::by_ids(c, &[record(round)]))
            .remove(0);
        let fields = row.record().unwrap().fields;
        assert_eq!(fields["number"].value, json!("7"), "round {round}");
        assert_eq!(fields["phone"].value, json!("13900000001"), "round {round}");
    }
    world.look_at_books().unwrap();
}

#[test]
fn i4_what_waits_for_a_record_never_stays_waiting_when_somebody_makes_it_just_then() {
    let now = World::empty(0).centre.now() - 1000;
    let make = move |round| {
        line(
            now,
            "household",
            round,
            "grid:G1",
            &json!({ "number": "7" }),
        )
    };
    let need = move |round: u32| {
        if round.is_multiple_of(2) {
            return visit(now, 1000 + round, round);
        }
        // An edit of a row that is not there any more, or not yet.
        let edit = line(
            now,
            "household",
            round,
            "grid:G1",
            &json!({ "phone": "13900000001" }),
        );
        let mut edit: Value = serde_json::from_slice(&edit).unwrap();
        edit["base"] = json!(1);
        serde_json::to_vec(&edit).unwrap()
    };
    let mut world = race(43, make, need);
    let open: Vec<_> = world.centre.read(|c| {
        let mut rows = Vec::new();
        for number in 1000..1010 {
            rows.extend(parked::of_device(c, number)?);
        }
        rows.retain(|row| row.state == "open");
        Ok::<_, Error>(rows)
    });
    let open: Vec<_> = open
        .iter()
        .map(|row| (row.seq, row.code.as_str()))
        .collect();
    assert_eq!(open, [], "these wait for what is there");
    for round in 0..ROUNDS {
        if round.is_multiple_of(2) {
            let rows = world
                .centre
                .read(|c| records::by_ids(c, &[record(1000 + round)]));
            assert_eq!(rows.len(), 1, "the visit of round {round}");
        } else {
            let row = world
                .centre
                .read(|c| records::by_ids(c, &[record(round)]))
                .remove(0);
            let fields = row.record().unwrap().fields;
            assert_eq!(fields["phone"].value, json!("13900000001"), "round {round}");
        }
    }
    world.look_at_books().unwrap();
}

#[test]
fn i3_the_same_push_at_two_processes_at_once_is_taken_once() {
    let mut world = World::empty(44);
    world.centre.open_patient(PROCESSES);
    let mut phone = Raw::enrol(&mut world.centre, OFFICER, 1);
    let now = world.centre.now() - 1000;
    for round in 0..ROUNDS {
        let lines: Vec<_> = (0..3)
            .map(|n| {
                line(
                    now,
                    "household",
                    10 * round + n,
                    "grid:G1",
                    &json!({ "number": "7" }),
                )
            })
            .collect();
        let (centre, phone_now, start) = (&world.centre, &phone, &Barrier::new(PROCESSES));
        let lines_now = &lines;
        std::thread::scope(|threads| {
            for process in 0..PROCESSES {
                threads.spawn(move || {
                    start.wait();
                    let posted = phone_now.post_to(centre, process, lines_now, &json!([]));
                    let reply = posted.reply.unwrap_or_else(|| panic!("{}", posted.status));
                    assert!(all_taken(&reply));
                    assert_eq!(reply.ack, u64::from(3 * (round + 1)));
                });
            }
        });
        phone.advance(&lines);
    }
    for id in 0..10 * ROUNDS {
        let rows = world.centre.read(|c| records::by_ids(c, &[record(id)]));
        let writes: usize = rows
            .iter()
            .map(|row| row.record().unwrap().writes.len())
            .sum();
        assert_eq!(writes, usize::from(id % 10 < 3), "{id} is written once");
    }
    world.look_at_books().unwrap();
}
