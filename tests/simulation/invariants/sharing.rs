//! Who sees what: nobody too much (I10), nobody too little while a record moves (I11), all of it from
//! one moment (I17), and the counts are right (I20).

use crate::capture::fields;
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record};
use crate::rights::DISTRICT;
use crate::world::{DAY, HOUR, SECOND, World};
use kadian::store::devices::DeviceState;
use kadian::store::{Error, exits, records, scopes, tallies};
use kadian::sync::job::{Job, Moved};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_protocol::id::RecordId;
use sync_protocol::replica::{Action, Draft, Step};
use sync_protocol::wire::{Reply, Row};

use super::*;

#[test]
fn i10_scope_safety_a_volunteer_never_receives_a_strangers_number() {
    let mut world = World::empty(10);
    world.quiet = true;
    world.centre.grant(4, "volunteer", "K1", None);
    world.centre.grant(5, "volunteer", "K1", None);
    let carriers = [4, 5].map(|account| {
        let phone = world.add_right_phone();
        world.add_person(phone, account)
    });
    for _ in 0..2 {
        for carrier in carriers {
            world.sync_until_quiet(carrier).unwrap();
        }
        let id = world.new_id(0);
        let set = json!({ "person": { "name": "王小伟", "phone": "13812345678", "document": "passport", "number": "E77777777" }, "itinerary/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02": { "area": "999999" } });
        world
            .keep(
                carriers[0],
                &Draft::create(
                    id,
                    "registration",
                    "checkpoint:K1".parse().unwrap(),
                    fields(&set),
                ),
            )
            .unwrap();
    }
    world.settle().unwrap();
    let own = serde_json::to_string(
        &world.carriers[carriers[0]]
            .replica
            .bodies()
            .collect::<Vec<_>>(),
    )
    .unwrap();
    assert!(own.contains("E77777777"), "one's own entries are whole");
    let theirs: Vec<_> = world.carriers[carriers[1]].replica.bodies().collect();
    assert_eq!(theirs.len(), 2);
    let theirs = serde_json::to_string(&theirs).unwrap();
    assert!(
        theirs.contains("王*") && theirs.contains("*5678"),
        "enough to know them again"
    );
    for secret in ["E77777777", "小伟", "13812345678", "itinerary"] {
        assert!(!theirs.contains(secret), "{secret}");
    }
}

#[test]
fn i10_scope_safety_after_a_drop_or_a_lease_no_body_is_readable_and_nothing_pending_is_gone() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    // The lease ends in a drawer.
    grid.edit(grid.ben, id, &json!({ "number": "2" }));
    grid.world.pass(7 * DAY + HOUR);
    let moment = grid.world.moment(grid.world.carriers[grid.ben].phone);
    grid.world.carriers[grid.ben].replica.tick(moment);
    assert!(grid.row(grid.ben, id).is_none(), "the lease has ended");
    assert_eq!(grid.world.carriers[grid.ben].replica.unsent(), 1);
    // The grant is revoked.
    grid.sync(grid.ann);
    assert!(grid.row(grid.ann, id).is_some());
    grid.edit(grid.ann, id, &json!({ "number": "3" }));
    let grants = grid
        .world
        .centre
        .grants
        .iter()
        .position(|grant| grant.account == ANN)
        .unwrap();
    grid.world.centre.end_grant(grants, true);
    grid.sync(grid.ann);
    assert!(
        grid.row(grid.ann, id).is_none(),
        "dropped at the first contact"
    );
    let aside = grid.world.holdings().asides;
    assert_eq!(aside.len(), 1);
    assert_eq!(
        (aside[0].code.as_str(), aside[0].state.as_str()),
        ("out_of_scope", "open"),
        "her work is parked"
    );
    assert_eq!(grid.value(id, "number"), "1");
    grid.sync(grid.ben);
    assert_eq!(
        grid.value(id, "number"),
        "2",
        "his pending change outlived the lease"
    );
    // A phone that is revoked gets no feeds.
    let number = grid.world.carriers[grid.ben]
        .replica
        .identity()
        .unwrap()
        .device;
    assert!(grid.row(grid.ben, id).is_some());
    grid.world
        .centre
        .set_state(i64::from(number.0), DeviceState::PushOnly);
    grid.sync(grid.ben);
    assert!(grid.row(grid.ben, id).is_none());
}

/// Everything that a phone has in these two grids, page by page, as the protocol says to go on.
fn follow_two_grids(
    world: &World,
    phone: &Raw,
    asks: &mut BTreeMap<String, (u64, String)>,
    held: &mut BTreeMap<RecordId, String>,
) {
    for _ in 0..20 {
        let pull: Vec<_> = asks
            .iter()
            .map(|(name, (cursor, view))| json!([name, cursor, view, "0000000000000000"]))
            .collect();
        let now = world.centre.now();
        let body = world.with_page(&phone.body(now, &[], &json!(pull)));
        let posted = world.centre.post(0, &phone.hash, &body).unwrap();
        let feeds = posted.reply.unwrap().feeds;
        for feed in &feeds {
            asks.insert(feed.scope.to_string(), (feed.cursor, feed.view.clone()));
            let shown = |row: &Row| (row.record, row.set["phone"].to_string());
            held.extend(feed.rows.iter().map(shown));
        }
        if feeds.iter().all(|feed| !feed.more) {
            return;
        }
    }
    panic!("the pages have no end");
}

/// What a phone holds of two grids whose person becomes an officer and is none again.
fn change_views(page: Option<usize>, first: u32, text: &str) {
    let mut world = World::empty(12);
    world.page = page;
    world.centre.grant(4, "command", DISTRICT, None);
    let mut office = Raw::enrol(&mut world.centre, OFFICER, 1);
    let number = "13812345678";
    let count = first + 3;
    let lines: Vec<_> = (0..count)
        .map(|n| {
            let place = if n < first { "grid:G1" } else { "grid:G2" };
            let set = json!({ "number": n.to_string(), "phone": number, "x_text": text });
            line(world.centre.now(), "household", n, place, &set)
        })
        .collect();
    office.push(&world.centre, &lines);
    let phone = Raw::enrol(&mut world.centre, 4, 2);
    let mut asks: BTreeMap<_, _> = ["grid:G1", "grid:G2"]
        .map(|name| (name.to_owned(), (0, String::new())))
        .into();
    let mut held = BTreeMap::new();
    let whole = |held: &BTreeMap<RecordId, String>| {
        let whole = held.values().filter(|shown| shown.contains(number));
        (held.len(), whole.count())
    };
    let all = count as usize;
    follow_two_grids(&world, &phone, &mut asks, &mut held);
    assert_eq!(whole(&held), (all, 0), "masked");
    world.centre.grant(4, "officer", DISTRICT, None);
    follow_two_grids(&world, &phone, &mut asks, &mut held);
    assert_eq!(whole(&held), (all, all), "an officer sees them whole");
    let last = world.centre.grants.len() - 1;
    world.centre.end_grant(last, true);
    follow_two_grids(&world, &phone, &mut asks, &mut held);
    assert_eq!(whole(&held), (all, 0), "and masked again");
}

#[test]
fn i10_scope_safety_another_view_reaches_every_scope_also_one_that_the_page_had_no_room_for() {
    change_views(Some(2), 3, "");
}

#[test]
fn i10_scope_safety_another_view_reaches_every_scope_also_one_whose_first_row_did_not_fit() {
    change_views(None, 12, &"x".repeat(10_000));
}

#[test]
fn i11_move_takes_the_visits_along_and_a_holder_of_both_never_loses_sight() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    let visit = grid.world.new_id(0);
    grid.world
        .keep(
            grid.ann,
            &Draft::create_under(visit, "visit", id, fields(&json!({ "outcome": "met" }))),
        )
        .unwrap();
    grid.sync_all();
    for to in ["G2", "G3", "G1", "G2"] {
        assert_eq!(grid.world.move_record(id, to).unwrap(), Moved::Done(2));
        for page in [1, 500] {
            let carrier = grid.officer;
            grid.world.page = Some(page);
            for _ in 0..6 {
                let moment = grid.world.moment(grid.world.carriers[carrier].phone);
                grid.world.carriers[carrier].replica.hurry();
                grid.world.pass(SECOND);
                if let Action::Send {
                    attempt,
                    token,
                    body,
                    ..
                } = grid.world.carriers[carrier].replica.next(moment)
                {
                    let posted = grid
                        .world
                        .centre
                        .post(
                            0,
                            &crate::wire::hash_of(&token),
                            &grid.world.with_page(&body),
                        )
                        .unwrap();
                    let reply: Reply = posted.reply.unwrap();
                    for step in Step::ALL {
                        grid.world.carriers[carrier]
                            .replica
                            .apply(step, &reply, moment);
                        assert!(
                            grid.row(carrier, id).is_some() && grid.row(carrier, visit).is_some(),
                            "lost in step {step:?} of attempt {attempt}"
                        );
                    }
                }
            }
        }
        let at: Vec<i64> = grid.world.centre.read(|c| {
            Ok::<_, Error>(
                records::by_ids(c, &[id, visit])?
                    .into_iter()
                    .map(|row| row.scope_id)
                    .collect(),
            )
        });
        assert_eq!(at.len(), 2);
        assert_eq!(at[0], at[1]);
        let name = grid
            .world
            .centre
            .read(|c| scopes::by_ids(c, &at[..1]))
            .remove(0)
            .name;
        assert_eq!(name, format!("grid:{to}"));
        let gone = grid.world.centre.read(|c| exits::above(c, at[0], 0, 100));
        assert!(
            gone.iter().all(|exit| exit.record != id.to_string()),
            "a row or an exit, never both"
        );
        grid.world.page = None;
        grid.sync(grid.ann);
        assert_eq!(grid.row(grid.ann, id).is_some(), to == "G1");
        assert_eq!(grid.row(grid.ann, visit).is_some(), to == "G1");
    }
    // The old leader's late work is parked, and shown where the household is now.
    grid.world
        .keep(
            grid.ann,
            &Draft::create_under(
                RecordId::from_bytes([9; 16]),
                "visit",
                id,
                fields(&json!({ "outcome": "refused" })),
            ),
        )
        .unwrap();
    grid.sync(grid.ann);
    let aside = grid.world.holdings().asides;
    assert_eq!(aside.len(), 1);
    assert_eq!(
        (aside[0].code.as_str(), aside[0].area.as_deref()),
        ("out_of_scope", Some("G2"))
    );
}

/// Lets the other thread end, whatever becomes of this one.
struct Stop<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn i17_one_snapshot_a_record_that_moves_to_and_fro_is_in_every_reply_once() {
    let mut world = World::empty(17);
    world.centre.open_patient(1);
    let mut phone = Raw::enrol(&mut world.centre, OFFICER, 17);
    let now = world.centre.now();
    let lines: Vec<_> = (0..30)
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
    phone.push(&world.centre, &lines);
    let centre = &world.centre;
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also when an assertion below ends the test.
        let stopping = Stop(&stop);
        let mover = scope.spawn(|| {
            let mut moves = 0_u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) || moves < 60 {
                let to = if (moves / 30).is_multiple_of(2) {
                    "G2"
                } else {
                    "G1"
                };
                let movement = kadian::sync::job::Movement {
                    record: record(moves % 30),
                    to: format!("grid:{to}").parse().unwrap(),
                    user: sync_protocol::id::UserId(OFFICER),
                };
                centre.submit(Job::Move(movement));
                moves += 1;
            }
        });
        for _ in 0..60 {
            let pull = json!([
                ["grid:G1", 0, "", "0000000000000000"],
                ["grid:G2", 0, "", "0000000000000000"]
            ]);
            let reply = phone.post(centre, &[], &pull).reply.unwrap();
            let ids: Vec<RecordId> = reply
                .feeds
                .iter()
                .flat_map(|feed| feed.rows.iter().map(|row| row.record))
                .collect();
            let once: BTreeSet<RecordId> = ids.iter().copied().collect();
            assert_eq!(
                (ids.len(), once.len()),
                (30, 30),
                "each once, wherever it was just then"
            );
            for feed in &reply.feeds {
                let mut digest = sync_protocol::digest::Digest::default();
                feed.rows
                    .iter()
                    .for_each(|row| digest.add(row.record, row.rev));
                assert_eq!(
                    (feed.count as usize, feed.digest),
                    (feed.rows.len(), digest)
                );
            }
        }
        drop(stopping);
        mover.join().unwrap();
    });
}

#[test]
fn i20_exact_counts_through_a_records_whole_life() {
    let mut grid = grid();
    let scope = |grid: &Grid, name: &str| {
        grid.world
            .centre
            .read(|c| scopes::by_names(c, &[name.to_owned()]))
            .first()
            .map(|row| row.id)
    };
    let count = |grid: &Grid, name: &str, tally: &str, value: &str| {
        let scope = scope(grid, name)?;
        let rows = grid.world.centre.read(|c| tallies::of_scope(c, scope));
        rows.into_iter()
            .find(|row| {
                (row.kind.as_str(), row.name.as_str(), row.value.as_str())
                    == ("household", tally, value)
            })
            .map(|row| (row.live, row.closed))
    };
    let id = grid.create(grid.ann, &json!({ "number": "1", "state": "occupied" }));
    grid.sync(grid.ann);
    assert_eq!(count(&grid, "grid:G1", "total", "all"), Some((1, 0)));
    assert_eq!(count(&grid, "grid:G1", "state", "occupied"), Some((1, 0)));
    grid.edit(grid.ann, id, &json!({ "state": "empty" }));
    grid.sync(grid.ann);
    assert_eq!(
        count(&grid, "grid:G1", "state", "occupied").map_or(0, |(live, _)| live),
        0
    );
    assert_eq!(count(&grid, "grid:G1", "state", "empty"), Some((1, 0)));
    grid.edit(grid.ann, id, &json!({ "void": { "reason": "twice" } }));
    grid.sync(grid.ann);
    assert_eq!(
        count(&grid, "grid:G1", "total", "all").map_or(0, |(live, _)| live),
        0
    );
    grid.edit(grid.ann, id, &json!({ "void": null }));
    grid.sync(grid.ann);
    assert_eq!(count(&grid, "grid:G1", "total", "all"), Some((1, 0)));
    grid.world.move_record(id, "G2").unwrap();
    assert_eq!(
        count(&grid, "grid:G1", "total", "all").map_or(0, |(live, _)| live),
        0
    );
    assert_eq!(count(&grid, "grid:G2", "state", "empty"), Some((1, 0)));
    grid.world.purge_record(id).unwrap();
    assert_eq!(
        count(&grid, "grid:G2", "total", "all"),
        Some((0, 1)),
        "what a purge closed is remembered"
    );
    assert!(grid.stored(id).is_none());
    grid.world.look_at_books().unwrap();
    // Purged is purged: the same id does not come back.
    grid.edit(grid.ann, id, &json!({ "state": "let" }));
    grid.sync(grid.ann);
    assert!(grid.stored(id).is_none());
}
