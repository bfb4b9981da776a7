//! A server cuts everybody off under load. An embedded database has no sessions to lose; there the
//! same load runs without the cuts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kadian::store::{records, trial};
use serde_json::json;
use sync_protocol::id::RecordId;

use super::{Follower, PROCESSES, scope};
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record};
use crate::world::World;

const WRITERS: u32 = 8;
const CUTS: u32 = 5;

#[test]
fn i1_a_process_that_lost_its_sessions_opens_an_epoch_before_it_writes_again() {
    let mut world = World::empty(47);
    world.centre.open_patient(PROCESSES);
    let mut phone = Raw::enrol(&mut world.centre, OFFICER, 1);
    let centre = &world.centre;
    let mut last = phone.push_to(centre, 1, &[]).epoch;
    for round in 0..CUTS {
        if trial::server().is_some() {
            trial::end_sessions(&centre.url).unwrap();
        }
        // Not the process that looks the phone up: one that hears of it while it writes.
        let set = json!({ "number": "1" });
        let lines = [line(centre.now(), "household", round, "grid:G1", &set)];
        let reply = phone.push_to(centre, 1, &lines);
        assert!(reply.ack == u64::from(round) + 1);
        if trial::server().is_some() {
            assert!(
                reply.epoch > last,
                "who answers now may lack the newest commits"
            );
        }
        last = reply.epoch;
        let rev = centre.read(|c| records::by_ids(c, &[record(round)]))[0].rev;
        assert!(
            u64::try_from(rev).unwrap() >= last,
            "numbers of the new epoch"
        );
    }
    world.look_at_books().unwrap();
}

#[test]
fn i3_i4_sessions_cut_under_load_lose_nothing_and_repeat_nothing() {
    let mut world = World::empty(48);
    world.centre.open_patient(PROCESSES);
    let phones: Vec<Raw> = (0..WRITERS)
        .map(|n| Raw::enrol(&mut world.centre, OFFICER, 1 + n as u8))
        .collect();
    let reader = Raw::enrol(&mut world.centre, OFFICER, 200);
    let mut follower = Follower::of(reader, &["grid:G1", "grid:G2"]);
    let centre = &world.centre;
    let (done, count) = (AtomicBool::new(false), AtomicU32::new(0));
    let told: BTreeSet<RecordId> = std::thread::scope(|threads| {
        let pushing: Vec<_> = (0..WRITERS)
            .zip(phones)
            .map(|(n, mut phone)| {
                let (done, count) = (&done, &count);
                threads.spawn(move || {
                    let mut told = Vec::new();
                    for round in 0.. {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let id = 1000 * n + round;
                        let place = if round % 2 == 0 { "grid:G1" } else { "grid:G2" };
                        let set = json!({ "number": "1" });
                        let lines = [line(centre.now(), "household", id, place, &set)];
                        // A phone sends the same until it is answered, wherever it can.
                        let mut turn = n as usize;
                        while phone
                            .post_to(centre, turn, &lines, &json!([]))
                            .reply
                            .is_none()
                        {
                            turn += 1;
                            assert!(turn < 200, "the database never comes back");
                            std::thread::sleep(std::time::Duration::from_millis(5));
                        }
                        phone.advance(&lines);
                        count.fetch_add(1, Ordering::Relaxed);
                        told.push(record(id));
                    }
                    told
                })
            })
            .collect();
        // Cut while they are at it: whenever so many more changes were acknowledged.
        for cut in 1..=CUTS {
            while count.load(Ordering::Relaxed) < cut * WRITERS
                && pushing.iter().any(|one| !one.is_finished())
            {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            if trial::server().is_some() {
                trial::end_sessions(&centre.url).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        let told = pushing.into_iter().flat_map(|one| one.join().unwrap());
        told.collect()
    });
    follower.follow(centre, 0);
    let held: BTreeSet<RecordId> = follower.held.keys().copied().collect();
    assert!(
        told.len() >= (CUTS * WRITERS) as usize,
        "{} pushed",
        told.len()
    );
    assert_eq!(
        held, told,
        "what was acknowledged is there, and nothing else"
    );
    for name in ["grid:G1", "grid:G2"] {
        let (head, rows) = scope(centre, name);
        let heads: BTreeSet<i64> = rows.iter().map(|row| row.head).collect();
        assert_eq!((heads.len(), heads.last()), (rows.len(), Some(&head)));
        for row in &rows {
            assert_eq!(row.record().unwrap().writes.len(), 1, "{} twice", row.id);
        }
    }
    world.look_at_books().unwrap();
}
