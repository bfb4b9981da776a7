//! Thirty-two writers on hot scopes and hot records.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{Follower, PROCESSES, all_taken, scope};
use crate::centre::OFFICER;
use crate::raw::{Raw, line, visit};
use crate::world::World;

const WRITERS: u32 = 32;
const ROUNDS: u32 = 6;
/// Records that everybody edits.
const HOT: u32 = 8;

#[test]
fn i1_i20_thirty_two_writers_on_hot_scopes_lose_nothing_wait_for_nobody_and_count_right() {
    let mut world = World::empty(41);
    world.centre.open_patient(PROCESSES);
    let now = world.centre.now() - 1000;
    let hot: Vec<_> = (0..HOT)
        .map(|n| {
            let place = if n % 2 == 0 { "grid:G1" } else { "grid:G2" };
            line(
                now,
                "household",
                n,
                place,
                &json!({ "number": n.to_string() }),
            )
        })
        .collect();
    Raw::enrol(&mut world.centre, OFFICER, 200).push(&world.centre, &hot);
    let writers: Vec<Raw> = (0..WRITERS)
        .map(|n| Raw::enrol(&mut world.centre, OFFICER, 1 + n as u8))
        .collect();
    let reader = Raw::enrol(&mut world.centre, OFFICER, 201);
    let mut follower = Follower::of(reader, &["grid:G1", "grid:G2", "grid:G3"]);
    let centre = &world.centre;
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let writing: Vec<_> = (0..WRITERS)
            .zip(writers)
            .map(|(n, mut raw)| {
                threads.spawn(move || {
                    for round in 0..ROUNDS {
                        let own = 1000 * (n + 1) + round;
                        let shared = (n + round) % HOT;
                        let lines = [
                            line(now, "household", own, "grid:G3", &json!({ "number": "1" })),
                            line(
                                now,
                                "household",
                                shared,
                                "grid:G1",
                                &json!({ format!("x_{n}"): round }),
                            ),
                            visit(now, 100_000 + own, shared),
                        ];
                        let reply = raw.push_to(centre, n as usize, &lines);
                        assert!(all_taken(&reply), "{:?}", reply.verdicts);
                    }
                })
            })
            .collect();
        let reading = threads.spawn(|| {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                follower.follow(centre, turn);
                turn += 1;
            }
            follower.follow(centre, turn);
            follower
        });
        let ended: Vec<_> = writing.into_iter().map(|one| one.join()).collect();
        done.store(true, Ordering::Relaxed);
        let follower = reading.join().unwrap();
        ended.into_iter().for_each(|one| one.unwrap());
        let count = (HOT + 2 * WRITERS * ROUNDS) as usize;
        assert_eq!(follower.held.len(), count, "every record came");
        assert_eq!(follower.held, follower.anew(centre), "as it stands now");
    });
    // Where records are only made, heads follow each other without a gap; elsewhere none is
    // taken twice.
    let (head, rows) = scope(centre, "grid:G3");
    let heads: BTreeSet<i64> = rows.iter().map(|row| row.head).collect();
    assert_eq!(heads.len(), (WRITERS * ROUNDS) as usize);
    assert_eq!(heads.last(), Some(&head));
    assert_eq!(head - heads.first().unwrap() + 1, heads.len() as i64);
    for name in ["grid:G1", "grid:G2"] {
        let (head, rows) = scope(centre, name);
        let heads: BTreeSet<i64> = rows.iter().map(|row| row.head).collect();
        assert_eq!(heads.len(), rows.len());
        assert_eq!(heads.last(), Some(&head));
        for row in rows.iter().filter(|row| row.kind == "household") {
            let record = row.record().unwrap();
            let id = u32::from_str_radix(&row.id[24..], 16).unwrap();
            for n in 0..WRITERS {
                let last = (0..ROUNDS).rfind(|round| (n + round) % HOT == id);
                let field = record.fields.get(&format!("x_{n}"));
                let value = field.map(|field| field.value.clone());
                assert_eq!(value, last.map(|round| json!(round)), "x_{n} of {id}");
            }
        }
    }
    world.look_at_books().unwrap();
}
