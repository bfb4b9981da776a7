//! What happens at the office while phones push: rights taken away, records moved and purged, parked
//! changes admitted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use kadian::store::{Error, parked, purged, records};
use kadian::sync::job::{Answer, Decision, Job, Movement, Purge, Resolution, Resolved};
use serde_json::json;
use sync_protocol::id::{RecordId, UserId};

use super::{PROCESSES, all_taken};
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record, visit};
use crate::rights::GRIDS;
use crate::world::World;

const LEADER: i64 = 2;
/// Somebody without any right.
const STRANGER: i64 = 3;

#[test]
fn i10_of_what_is_pushed_after_a_right_was_revoked_nothing_enters_at_any_process() {
    let mut world = World::empty(45);
    world.centre.open_patient(PROCESSES);
    world.centre.grant(LEADER, "grid_leader", "G1", None);
    let grant = world.centre.grants.last().unwrap().id;
    let phones: Vec<Raw> = (0..6)
        .map(|n| Raw::enrol(&mut world.centre, LEADER, 1 + n))
        .collect();
    let centre = &world.centre;
    let now = centre.now();
    let (revoked, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (before, after) = std::thread::scope(|threads| {
        let pushing: Vec<_> = (0..)
            .zip(phones)
            .map(|(n, mut phone)| {
                let (revoked, done) = (&revoked, &done);
                threads.spawn(move || {
                    let (mut before, mut after) = (0, 0);
                    for round in 0.. {
                        if after > 3 && done.load(Ordering::Acquire) {
                            break;
                        }
                        let gone = revoked.load(Ordering::Acquire);
                        let id = 1000 * n + round;
                        let set = json!({ "number": "7" });
                        let lines = [line(now, "household", id, "grid:G1", &set)];
                        let taken = all_taken(&phone.push_to(centre, n as usize, &lines));
                        assert!(!(gone && taken), "it went in after the right had gone");
                        *(if gone { &mut after } else { &mut before }) += 1;
                    }
                    (before, after)
                })
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(300));
        centre.write(|c| kadian::store::grants::revoke(c, grant, now).map(|_| ()));
        revoked.store(true, Ordering::Release);
        done.store(true, Ordering::Release);
        pushing
            .into_iter()
            .map(|one| one.join().unwrap())
            .fold((0, 0), |sum, one: (u32, u32)| {
                (sum.0 + one.0, sum.1 + one.1)
            })
    });
    assert!(before > 0 && after > 0, "{before} before, {after} after");
    world.look_at_books().unwrap();
}

const HOUSEHOLDS: u32 = 20;
const PURGED: u32 = 4;
const PUSHERS: u32 = 4;
const ROUNDS: u32 = 12;

#[test]
fn i4_i11_moves_purges_and_decisions_among_running_pushes_lose_nothing_and_part_no_family() {
    let mut world = World::empty(46);
    world.centre.open_patient(PROCESSES);
    let now = world.centre.now() - 1000;
    let households: Vec<_> = (0..HOUSEHOLDS)
        .map(|n| {
            line(
                now,
                "household",
                n,
                "grid:G1",
                &json!({ "number": n.to_string() }),
            )
        })
        .collect();
    Raw::enrol(&mut world.centre, OFFICER, 200).push(&world.centre, &households);
    let phones: Vec<Raw> = (0..PUSHERS)
        .map(|n| Raw::enrol(&mut world.centre, OFFICER, 1 + n as u8))
        .collect();
    let numbers: Vec<i64> = phones.iter().map(|phone| i64::from(phone.number)).collect();
    let mut stranger = Raw::enrol(&mut world.centre, STRANGER, 201);
    let centre = &world.centre;
    std::thread::scope(|threads| {
        for (n, mut phone) in (0..PUSHERS).zip(phones) {
            threads.spawn(move || {
                for round in 0..ROUNDS {
                    let household = (3 * n + round) % HOUSEHOLDS;
                    let lines = [
                        visit(now, 1000 * (n + 1) + round, household),
                        line(
                            now,
                            "household",
                            household,
                            "grid:G1",
                            &json!({ format!("x_{n}"): round }),
                        ),
                    ];
                    phone.push_to(centre, n as usize, &lines);
                }
            });
        }
        threads.spawn(move || {
            for round in 0..ROUNDS {
                let set = json!({ "number": "s" });
                let lines = [line(now, "household", 50_000 + round, "grid:G2", &set)];
                let reply = stranger.push_to(centre, round as usize, &lines);
                assert!(!all_taken(&reply), "who has no right is kept aside");
                let number = i64::from(stranger.number);
                let parked = centre.read(|c| parked::of_device(c, number));
                let resolution = Resolution {
                    parked: parked[round as usize].id,
                    user: UserId(OFFICER),
                    decision: Decision::Admit,
                };
                let answer = centre.engines[round as usize % PROCESSES]
                    .submit(Job::Resolve(resolution))
                    .unwrap();
                assert!(
                    matches!(answer, Answer::Resolve(Resolved::Done(ref done)) if done.len() == 1),
                    "{answer:?}"
                );
            }
        });
        threads.spawn(move || {
            for round in 0..2 * HOUSEHOLDS {
                let movement = Movement {
                    record: record(round % HOUSEHOLDS),
                    to: format!("grid:{}", GRIDS[round as usize % 3])
                        .parse()
                        .unwrap(),
                    user: UserId(OFFICER),
                };
                let engine = &centre.engines[round as usize % PROCESSES];
                engine.submit(Job::Move(movement)).unwrap();
            }
        });
        threads.spawn(move || {
            for household in 0..PURGED {
                std::thread::sleep(std::time::Duration::from_millis(30));
                let purge = Purge {
                    records: vec![record(household)],
                    scopes: Vec::new(),
                    quiet_since: None,
                };
                centre.engines[household as usize % PROCESSES]
                    .submit(Job::Purge(purge))
                    .unwrap();
            }
        });
    });
    // Every visit is where its household is, or gone with it, or kept aside.
    let visits: BTreeMap<RecordId, RecordId> = (0..PUSHERS)
        .flat_map(|n| (0..ROUNDS).map(move |round| (n, round)))
        .map(|(n, round)| {
            let household = (3 * n + round) % HOUSEHOLDS;
            (record(1000 * (n + 1) + round), record(household))
        })
        .collect();
    let ids: Vec<RecordId> = visits.keys().copied().collect();
    let (rows, gone, aside) = centre.read(|c| {
        let rows = records::by_ids(c, &ids)?;
        let gone: BTreeSet<RecordId> = purged::among(c, &ids)?.into_iter().collect();
        let mut aside = BTreeSet::new();
        for number in &numbers {
            for row in parked::of_device(c, *number)? {
                aside.extend(row.record.and_then(|id| id.parse::<RecordId>().ok()));
            }
        }
        Ok::<_, Error>((rows, gone, aside))
    });
    let standing: BTreeSet<RecordId> = rows.iter().map(|row| row.id.parse().unwrap()).collect();
    for (id, household) in &visits {
        let places = [&standing, &gone, &aside].map(|some| some.contains(id));
        assert!(places.contains(&true), "{id} of {household} is nowhere");
        assert!(!(places[0] && places[1]), "{id} is purged and stands");
    }
    let purged: Vec<RecordId> = (0..PURGED).map(record).collect();
    let left = centre.read(|c| {
        let mut rows = records::by_ids(c, &purged)?;
        rows.extend(records::children_of(c, &purged)?);
        Ok::<_, Error>(rows)
    });
    assert!(left.is_empty(), "what was purged stays so: {left:?}");
    for round in 0..ROUNDS {
        let rows = centre.read(|c| records::by_ids(c, &[record(50_000 + round)]));
        assert_eq!(rows.len(), 1, "what the officer admitted is there");
    }
    world.watch.begin_again(&world.centre);
    world.look_at_books().unwrap();
}
