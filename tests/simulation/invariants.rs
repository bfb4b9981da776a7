//! One example for every invariant, small enough to be read. The worlds beside this file look for
//! the examples that nobody thought of.

use std::collections::BTreeSet;

use kadian::store::devices::DeviceState;
use kadian::store::{Error, devices, exits, parked, records, scopes, tallies};
use kadian::sync::job::{Job, Moved, Purge};
use serde_json::{Value, json};
use sync_protocol::change::Fields;
use sync_protocol::id::{DeviceNumber, RecordId};
use sync_protocol::record::Record;
use sync_protocol::replica::{Action, Answer, Draft, Heard, Moment, Standing, Step};
use sync_protocol::wire::{MAX_PAGE_BYTES, MAX_PAGE_ROWS, Reply, Row};

use crate::capture::fields;
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record};
use crate::wire::Fault;
use crate::world::{DAY, HOUR, MINUTE, SECOND, World, YEAR};

/// Two leaders of one grid and the officer, each on a phone of their own.
struct Grid {
    world: World,
    ann: usize,
    ben: usize,
    officer: usize,
}

const ANN: i64 = 2;
const BEN: i64 = 3;

fn grid() -> Grid {
    let mut world = World::empty(7);
    world.quiet = true;
    world.centre.grant(ANN, "grid_leader", "G1", None);
    world.centre.grant(BEN, "grid_leader", "G1", None);
    let [ann, ben, officer] = [ANN, BEN, OFFICER].map(|account| {
        let phone = world.add_right_phone();
        world.add_person(phone, account)
    });
    let mut grid = Grid {
        world,
        ann,
        ben,
        officer,
    };
    grid.sync_all();
    grid
}

impl Grid {
    fn sync(&mut self, carrier: usize) {
        self.world.sync_until_quiet(carrier).unwrap();
    }

    fn sync_all(&mut self) {
        for _ in 0..2 {
            for carrier in 0..self.world.carriers.len() {
                self.sync(carrier);
            }
        }
    }

    fn create(&mut self, carrier: usize, set: &Value) -> RecordId {
        let now = self.world.centre.now();
        let id = self.world.new_id(now);
        let draft = Draft::create(id, "household", "grid:G1".parse().unwrap(), fields(set));
        self.world.keep(carrier, &draft).unwrap();
        id
    }

    fn edit(&mut self, carrier: usize, id: RecordId, set: &Value) {
        let draft = self.world.carriers[carrier]
            .replica
            .draft(id, fields(set))
            .unwrap();
        self.world.keep(carrier, &draft).unwrap();
    }

    fn stored(&self, id: RecordId) -> Option<Record> {
        self.world.centre.read(|c| {
            records::by_ids(c, &[id])?
                .pop()
                .map(|row| row.record())
                .transpose()
        })
    }

    fn row(&self, carrier: usize, id: RecordId) -> Option<Row> {
        self.world.carriers[carrier]
            .replica
            .bodies()
            .find(|(_, row)| row.record == id)
            .map(|(_, row)| row.clone())
    }

    fn value(&self, id: RecordId, field: &str) -> Value {
        self.stored(id).unwrap().fields[field].value.clone()
    }

    /// A clock of a phone goes wrong; the phone sees it.
    fn turn(&mut self, carrier: usize, by: i64) {
        let phone = self.world.carriers[carrier].phone;
        self.world.phones[phone].offset += by;
        let moment = self.world.moment(phone);
        self.world.carriers[carrier].replica.tick(moment);
    }
}

#[test]
fn i1_no_late_row_while_two_processes_write_and_a_reader_follows_its_cursor() {
    let mut world = World::empty(1);
    world.centre.open_patient();
    world.centre.open_patient_too();
    let writers: Vec<Raw> = (0..4)
        .map(|n| Raw::enrol(&mut world.centre, OFFICER, 10 + n))
        .collect();
    let reader = Raw::enrol(&mut world.centre, OFFICER, 99);
    let centre = &world.centre;
    let mut held = BTreeSet::new();
    let mut cursor = 0;
    let mut pull = || {
        loop {
            let reply = reader
                .post(
                    centre,
                    &[],
                    &json!([["grid:G1", cursor, "", "0000000000000000"]]),
                )
                .reply
                .unwrap();
            let Some(feed) = reply.feeds.first() else {
                return;
            };
            assert!(!feed.reset, "a cursor that was served is good");
            assert!(feed.cursor >= cursor, "a cursor never goes back");
            for row in &feed.rows {
                assert!(
                    held.insert(row.record),
                    "nothing is served twice to one who follows"
                );
            }
            cursor = feed.cursor;
            if !feed.more {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = writers
            .into_iter()
            .enumerate()
            .map(|(n, mut writer)| {
                scope.spawn(move || {
                    for round in 0..12 {
                        let id = (n * 100 + round) as u32;
                        let lines = [line(
                            centre.now() - 1000,
                            "household",
                            id,
                            "grid:G1",
                            &json!({ "number": id.to_string() }),
                        )];
                        let body = writer.body(centre.now(), &lines, &json!([]));
                        assert_eq!(centre.post(n, &writer.hash, &body).unwrap().status, 200);
                        writer.advance(&lines);
                    }
                })
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            pull();
        }
    });
    pull();
    assert_eq!(
        held.len(),
        48,
        "whatever came, in whatever order it was committed, was above the cursor"
    );
}

#[test]
fn i2_complete_pull_holds_exactly_the_scope_whatever_the_page() {
    for page in [1, 2, 3, 7, 500] {
        let mut grid = grid();
        let ids: BTreeSet<RecordId> = (0..20)
            .map(|n| grid.create(0, &json!({ "number": n.to_string() })))
            .collect();
        grid.sync(grid.ann);
        for id in ids.iter().take(6) {
            grid.world.move_record(*id, "G2").unwrap();
        }
        grid.world.page = Some(page);
        grid.sync(grid.ben);
        let here: BTreeSet<RecordId> = grid.world.carriers[grid.ben]
            .replica
            .bodies()
            .map(|(_, row)| row.record)
            .collect();
        assert_eq!(
            here,
            ids.iter().skip(6).copied().collect(),
            "pages of {page}"
        );
    }
}

#[test]
fn i3_exactly_once_whatever_is_repeated() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1", "phone": "13900000001" }));
    grid.edit(grid.ann, id, &json!({ "state": "occupied" }));
    for fault in [Fault::ReplyLost, Fault::Twice] {
        grid.world.carriers[grid.ann].replica.hurry();
        grid.world.pass(MINUTE);
        assert!(grid.world.sync_with(grid.ann, fault).unwrap());
    }
    let rev = grid.stored(id).unwrap().rev;
    // What is kept aside is kept once, too.
    let mut phone = Raw::enrol(&mut grid.world.centre, OFFICER, 3);
    let now = grid.world.centre.now();
    let lines = vec![
        line(now, "household", 1, "grid:G9", &json!({ "number": "1" })),
        line(now, "household", 2, "grid:G1", &json!({ "state": 17 })),
        b"{".to_vec(),
    ];
    let verdicts: Vec<_> = (0..3)
        .map(|_| {
            let posted = phone.post(&grid.world.centre, &lines, &json!([]));
            posted.reply.unwrap().verdicts
        })
        .collect();
    phone.advance(&lines);
    assert_eq!(verdicts[0].len(), 3);
    assert!(
        verdicts.windows(2).all(|pair| pair[0] == pair[1]),
        "a repeat hears what it heard"
    );
    let number = i64::from(phone.number);
    let aside = grid
        .world
        .centre
        .read(|c| parked::of_device(c, number, 0, i64::MAX));
    assert_eq!(aside.len(), 3);
    for steps in 0..6 {
        grid.edit(grid.ann, id, &json!({ "x_step": steps }));
        grid.world.carriers[grid.ann].replica.hurry();
        grid.world.pass(MINUTE);
        assert!(
            grid.world
                .sync_with(grid.ann, Fault::StopsAfter(steps))
                .unwrap()
        );
    }
    grid.sync(grid.ann);
    let stored = grid.stored(id).unwrap();
    assert_eq!(stored.writes.len(), 2 + 6, "one write for each change");
    assert_eq!(stored.rev, rev + 6, "one revision for each change");
    grid.world.settle().unwrap();
}

#[test]
fn i4_no_silent_loss_what_cannot_be_applied_is_kept_aside() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    grid.edit(grid.ann, id, &json!({ "phone": "13900000001" }));
    grid.world.pass(HOUR);
    grid.edit(grid.ben, id, &json!({ "phone": "13900000002" }));
    let elsewhere = grid.world.new_id(0);
    grid.world
        .keep(
            grid.ben,
            &Draft::create(
                elsewhere,
                "household",
                "grid:G4".parse().unwrap(),
                fields(&json!({ "number": "2" })),
            ),
        )
        .unwrap();
    let wrong = grid.create(grid.ben, &json!({ "state": 17 }));
    let unheard = grid.world.new_id(0);
    grid.world
        .keep(
            grid.ben,
            &Draft::create(
                unheard,
                "comet",
                "grid:G1".parse().unwrap(),
                fields(&json!({ "tail": "long" })),
            ),
        )
        .unwrap();
    grid.world.corrupt(grid.ben).unwrap();
    grid.sync(grid.ben);
    grid.sync(grid.ann);
    let holdings = grid.world.holdings();
    let mut figures = crate::figures::Figures::default();
    grid.world.account.settle(&holdings, &mut figures).unwrap();
    let mut codes: Vec<String> = holdings.asides.iter().map(|row| row.code.clone()).collect();
    codes.sort();
    assert_eq!(codes.len(), 4, "{codes:?}");
    assert!(
        codes.contains(&"out_of_scope".to_owned()) && codes.contains(&"unknown_kind".to_owned())
    );
    assert!(
        holdings.asides.iter().all(|row| !row.body.is_empty()),
        "as it came"
    );
    assert!(
        holdings
            .asides
            .iter()
            .any(|row| row.record == Some(wrong.to_string()) && row.verdict == "invalid")
    );
    let merged = holdings.records[&id].conflicts().count();
    assert_eq!(
        merged, 1,
        "the phone number that lost is shown beside the one that stands"
    );
    assert_eq!(grid.value(id, "phone"), "13900000002");
}

/// What a faulty program, or somebody who means ill, may put into one line.
fn poison(number: u32, now: i64) -> Vec<Vec<u8>> {
    let good = String::from_utf8(line(
        now,
        "household",
        9000 + number,
        "grid:G1",
        &json!({ "number": "1" }),
    ))
    .unwrap();
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"{".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        deep.into_bytes(),
        vec![b'x'; 20_000],
        good.replace("\"number\":\"1\"", "\"number\":\"\\u0000\"")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"number\":1e999")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"number\":99999999999999999999999")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"number\":0.1")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"number\":[[[[1]]]]")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"abnormal\":[\"fever\"]")
            .into_bytes(),
        good.replace("\"number\":\"1\"", "\"No/Name\":1")
            .into_bytes(),
        good.replace("\"set\":{\"number\":\"1\"}", "\"set\":{}")
            .into_bytes(),
        good.replace("grid:G1", "grid").into_bytes(),
        good.replace("grid:G1", "checkpoint:K1").into_bytes(),
        good.replace("\"household\"", "\"visit\"").into_bytes(),
        good.replace("\"stamp\":\"", "\"stamp\":\"zz").into_bytes(),
        good.replace("01a23000", "not-an-id").into_bytes(),
    ]
}

#[test]
fn i5_no_poison_one_bad_change_at_each_position_of_a_batch() {
    let mut world = World::empty(5);
    let mut phone = Raw::enrol(&mut world.centre, OFFICER, 5);
    let now = world.centre.now();
    let mut next = 0;
    let kinds = poison(0, now).len();
    for position in 0..50_u32 {
        let bad = poison(position, now).swap_remove(position as usize % kinds);
        let mut lines: Vec<Vec<u8>> = (0..49)
            .map(|n| {
                line(
                    now,
                    "household",
                    next + n,
                    "grid:G1",
                    &json!({ "number": n.to_string() }),
                )
            })
            .collect();
        lines.insert(position as usize, bad);
        let reply = phone.push(&world.centre, &lines);
        assert_eq!(
            reply.ack,
            u64::from(position + 1) * 50,
            "one request passes everything"
        );
        let bad: Vec<_> = reply
            .verdicts
            .iter()
            .filter(|verdict| verdict.code.is_some())
            .collect();
        assert_eq!(bad.len(), 1, "{:?}", reply.verdicts);
        assert_eq!(bad[0].seq, u64::from(position * 50 + position + 1));
        assert_eq!(bad[0].last, None);
        let stored = world
            .centre
            .read(|c| records::by_ids(c, &(next..next + 49).map(record).collect::<Vec<_>>()));
        assert_eq!(stored.len(), 49);
        next += 49;
    }
    let aside = world
        .centre
        .read(|c| parked::of_device(c, i64::from(phone.number), 0, i64::MAX));
    assert_eq!(aside.len(), 50, "each bad one is kept, once");
    world.look_at_books().unwrap();
}

#[test]
fn i6_convergence_of_two_leaders_and_the_officer_after_a_day_apart() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1", "phone": "13900000001" }));
    grid.sync_all();
    for (carrier, number) in [
        (grid.ann, "13900000002"),
        (grid.ben, "13900000003"),
        (grid.officer, "13900000004"),
    ] {
        grid.world.pass(10 * MINUTE);
        grid.edit(carrier, id, &json!({ "phone": number }));
        let note = grid.world.new_id(0);
        grid.edit(
            carrier,
            id,
            &json!({ format!("notes/{note}"): { "text": number } }),
        );
    }
    grid.world.settle().unwrap();
    let rows: Vec<Row> = [grid.ann, grid.ben, grid.officer]
        .map(|carrier| grid.row(carrier, id).unwrap())
        .to_vec();
    assert!(rows.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(
        rows[0]
            .set
            .keys()
            .filter(|name| name.starts_with("notes/"))
            .count(),
        3,
        "all three notes are there"
    );
    assert_eq!(
        rows[0].conflicts["phone"].len(),
        2,
        "and the two numbers that lost"
    );
}

#[test]
fn i7_order_free_the_same_record_whoever_comes_first() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let mut results: Vec<(Fields, String)> = Vec::new();
    for order in orders {
        let mut grid = grid();
        let id = grid.create(grid.ann, &json!({ "number": "1", "phone": "13900000001" }));
        grid.sync_all();
        for (carrier, number) in [
            (grid.officer, "13900000009"),
            (grid.ann, "13900000002"),
            (grid.ben, "13900000005"),
        ] {
            grid.world.pass(241 * SECOND);
            grid.edit(carrier, id, &json!({ "phone": number, "state": if number.ends_with('5') { "let" } else { "empty" } }));
        }
        let carriers = [grid.officer, grid.ann, grid.ben];
        for which in order {
            grid.sync(carriers[which]);
        }
        let stored = grid.stored(id).unwrap();
        let conflicts: Vec<_> = stored
            .conflicts()
            .map(|(field, held, _)| (field.to_owned(), held.value.clone()))
            .collect();
        results.push((stored.values(), format!("{conflicts:?}")));
    }
    assert_eq!(
        results[0].0["phone"], "13900000005",
        "the last of them by the clock"
    );
    assert!(
        results.windows(2).all(|pair| pair[0] == pair[1]),
        "{results:#?}"
    );
}

#[test]
fn i8_clock_bounds_a_phone_ten_years_ahead_does_not_rule_the_future() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "phone": "13900000001" }));
    grid.sync_all();
    // The leases on her phone end with the jump; the form was open before.
    let draft = grid.world.carriers[grid.ann]
        .replica
        .draft(id, fields(&json!({ "phone": "13900000002" })))
        .unwrap();
    grid.turn(grid.ann, 10 * YEAR);
    grid.world.keep(grid.ann, &draft).unwrap();
    grid.sync(grid.ann);
    grid.world.pass(10 * MINUTE);
    grid.edit(grid.ben, id, &json!({ "phone": "13900000003" }));
    grid.sync(grid.ben);
    assert_eq!(
        grid.value(id, "phone"),
        "13900000003",
        "an honest edit made after the admission wins"
    );
    let stored = grid.stored(id).unwrap();
    let now = u64::try_from(grid.world.centre.now()).unwrap();
    assert!(
        stored.writes.iter().all(|write| write.stamp.ms <= now),
        "no stamp is above the centre's now"
    );
    let stamps: BTreeSet<_> = stored
        .writes
        .iter()
        .map(|write| (write.stamp, write.seq))
        .collect();
    assert_eq!(stamps.len(), stored.writes.len());
    assert!(
        stored.writes.iter().any(|write| write.raw.ms > now),
        "what the phone said is kept"
    );
    // A stretch of wrong time that nobody measured.
    grid.turn(grid.ann, -10 * YEAR);
    grid.sync(grid.ann);
    let draft = |grid: &Grid, number: &str| {
        let set = fields(&json!({ "phone": number }));
        grid.world.carriers[grid.ann]
            .replica
            .draft(id, set)
            .unwrap()
    };
    let wrong = draft(&grid, "13900000004");
    grid.turn(grid.ann, 10 * YEAR);
    grid.world.keep(grid.ann, &wrong).unwrap();
    grid.turn(grid.ann, -10 * YEAR);
    grid.sync(grid.ann);
    grid.world.pass(10 * MINUTE);
    grid.edit(grid.ben, id, &json!({ "phone": "13900000005" }));
    grid.sync(grid.ben);
    assert_eq!(grid.value(id, "phone"), "13900000005");
    let now = u64::try_from(grid.world.centre.now()).unwrap();
    let stored = grid.stored(id).unwrap();
    assert!(stored.writes.iter().all(|write| write.stamp.ms <= now));
}

#[test]
fn i9_seen_wins_whatever_the_clock_says() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "phone": "13900000001" }));
    grid.sync_all();
    for (step, by) in [-10 * YEAR, 20 * YEAR, -HOUR].into_iter().enumerate() {
        grid.turn(grid.ben, by);
        let number = format!("1390000100{step}");
        // Not a second after what stands there was written, by a clock that stands elsewhere.
        grid.sync(grid.ben);
        grid.edit(grid.ben, id, &json!({ "phone": number }));
        grid.sync(grid.ben);
        assert_eq!(grid.value(id, "phone"), number.as_str());
        grid.sync(grid.ann);
        let number = format!("1390000200{step}");
        grid.edit(grid.ann, id, &json!({ "phone": number }));
        grid.sync(grid.ann);
        assert_eq!(grid.value(id, "phone"), number.as_str());
    }
    assert_eq!(
        grid.stored(id).unwrap().conflicts().count(),
        0,
        "nobody contradicted anybody"
    );
}

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
    assert!(grid.row(grid.ann, id).is_none() || grid.world.time > 0);
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
fn i13_unknown_fields_survive_an_edit_by_a_client_that_does_not_know_them() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1", "x_future": { "any": ["thing", 1, true, null] }, "x_map/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02": "entry" }));
    grid.sync_all();
    grid.edit(grid.ben, id, &json!({ "number": "2" }));
    grid.sync_all();
    for carrier in [grid.ann, grid.ben, grid.officer] {
        let row = grid.row(carrier, id).unwrap();
        assert_eq!(
            row.set["x_future"],
            json!({ "any": ["thing", 1, true, null] })
        );
        assert_eq!(
            row.set["x_map/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02"],
            "entry"
        );
        assert_eq!(row.set["number"], "2");
    }
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
fn i15_bounded_records_and_pages_have_an_end() {
    let mut world = World::empty(15);
    let mut phone = Raw::enrol(&mut world.centre, OFFICER, 15);
    let now = world.centre.now();
    let note = |n: u32| format!("notes/01a23000-0000-7000-8000-{n:012x}");
    let text = "x".repeat(490);
    let base = |set: &Value| line(now, "household", 1, "grid:G1", set);
    phone.push(&world.centre, &[base(&json!({ "number": "1" }))]);
    for n in 0..300_u32 {
        phone.push(
            &world.centre,
            &[base(&json!({ note(n): { "text": text } }))],
        );
    }
    let stored = world
        .centre
        .read(|c| records::by_ids(c, &[record(1)]))
        .remove(0)
        .record()
        .unwrap();
    assert!(
        stored.size() <= 64 * 1024 && stored.map_entries() <= 256,
        "{} bytes",
        stored.size()
    );
    let aside = world
        .centre
        .read(|c| parked::of_device(c, i64::from(phone.number), 0, i64::MAX));
    assert_eq!(
        stored.map_entries() + aside.len(),
        300,
        "what found no room is kept aside"
    );
    assert!(aside.iter().any(|row| row.code == "too_large"));
    for n in 0..1200_u32 {
        if n % 100 == 0 {
            let lines: Vec<_> = (n..n + 100).map(|n| line(now, "household", 100 + n, "grid:G2", &json!({ "number": n.to_string(), note(n): { "text": if n % 2 == 0 { text.as_str() } else { "short" } } }))).collect();
            phone.push(&world.centre, &lines);
        }
    }
    let (mut cursor, mut rows, mut pages) = (0, 0, 0);
    loop {
        let posted = phone.post(
            &world.centre,
            &[],
            &json!([["grid:G2", cursor, "", "0000000000000000"]]),
        );
        let reply = posted.reply.unwrap();
        let feed = &reply.feeds[0];
        assert!(feed.rows.len() <= MAX_PAGE_ROWS);
        assert!(
            posted.body.len() <= MAX_PAGE_BYTES + 4096,
            "{}",
            posted.body.len()
        );
        assert!(!feed.rows.is_empty(), "at least one row");
        rows += feed.rows.len();
        pages += 1;
        cursor = feed.cursor;
        if !feed.more {
            break;
        }
    }
    assert_eq!(rows, 1200);
    assert!(pages >= 3);
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
fn i4_no_silent_loss_a_body_that_went_with_the_phone_and_the_copy_is_told_also_over_a_fork() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    let time = grid.world.time;
    grid.world.centre.copy(time);
    let twin = grid.world.clone_both_go_on(grid.ann);
    grid.edit(grid.ann, id, &json!({ "phone": "13900000001" }));
    grid.sync(grid.ann);
    grid.world.pass(HOUR);
    grid.world.restore(0, true).unwrap();
    // Now only her phone has it, and loses it; and its number is taken by the twin.
    let entry = grid.world.carriers[grid.ann]
        .replica
        .entries()
        .last()
        .unwrap()
        .0;
    grid.world.carriers[grid.ann].replica.lose(entry);
    grid.edit(twin, id, &json!({ "state": "empty" }));
    grid.sync(twin);
    grid.sync(grid.ann);
    assert_eq!(grid.world.figures.of("forks seen"), 1);
    let told = grid
        .world
        .holdings()
        .asides
        .iter()
        .filter(|row| row.code == "lost")
        .count();
    assert_eq!(told, 1);
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
    world.centre.open_patient();
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
                let to = if (moves / 30) % 2 == 0 { "G2" } else { "G1" };
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
fn i18_void_keeps_what_others_amended_and_says_so() {
    let mut grid = grid();
    let id = grid.create(grid.ann, &json!({ "number": "1" }));
    grid.sync_all();
    grid.edit(
        grid.ann,
        id,
        &json!({ "void": { "reason": "entered twice" } }),
    );
    grid.edit(grid.ben, id, &json!({ "phone": "13900000002" }));
    grid.sync(grid.ann);
    assert!(grid.row(grid.ann, id).unwrap().flags.is_empty());
    grid.sync(grid.ben);
    grid.sync(grid.ann);
    let stored = grid.stored(id).unwrap();
    assert!(stored.is_void(), "it is hidden");
    assert_eq!(
        grid.value(id, "phone"),
        "13900000002",
        "and what was amended meanwhile is there"
    );
    assert_eq!(
        grid.row(grid.ann, id).unwrap().flags,
        ["amended_after_void"],
        "and somebody can see it"
    );
    let scope = grid
        .world
        .centre
        .read(|c| scopes::by_names(c, &["grid:G1".to_owned()]))
        .remove(0)
        .id;
    let counted = grid.world.centre.read(|c| tallies::of_scope(c, scope));
    assert!(
        counted.iter().all(|tally| tally.live == 0),
        "a void record counts nowhere"
    );
}

#[test]
fn i19_true_ack_a_push_of_duplicates_only_is_written_all_the_same() {
    let mut world = World::empty(19);
    let phone = Raw::enrol(&mut world.centre, OFFICER, 19);
    let now = world.centre.now();
    let lines = vec![line(
        now,
        "household",
        1,
        "grid:G1",
        &json!({ "number": "1" }),
    )];
    assert_eq!(phone.post(&world.centre, &lines, &json!([])).status, 200);
    let seen = |world: &World| {
        world
            .centre
            .read(|c| devices::by_number(c, DeviceNumber(phone.number)))
            .unwrap()
    };
    let before = seen(&world);
    let log = world.centre.log_length();
    world.pass(SECOND);
    let again = phone.post(&world.centre, &lines, &json!([]));
    assert_eq!(again.reply.unwrap().ack, 1);
    let after = seen(&world);
    assert_eq!(
        after.seen_at,
        before.seen_at + SECOND,
        "the row of the device was written"
    );
    assert_eq!(after.ack, before.ack);
    assert!(
        world.centre.log_length() > log,
        "and the log of the database has grown, for a standby to follow"
    );
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
    let _ = (
        Purge {
            records: Vec::new(),
            scopes: Vec::new(),
            quiet_since: None,
        },
        Standing::Parked,
    );
}
