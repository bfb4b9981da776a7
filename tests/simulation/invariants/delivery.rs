//! What is sent arrives: every row (I1), once (I3), all of it (I4, I5), within bounds (I15), for good (I19).

use crate::capture::fields;
use crate::centre::OFFICER;
use crate::raw::{Raw, line, record};
use crate::wire::Fault;
use crate::world::{HOUR, MINUTE, SECOND, World};
use kadian::store::{devices, parked, records};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use sync_protocol::id::DeviceNumber;
use sync_protocol::replica::Draft;
use sync_protocol::wire::{MAX_PAGE_BYTES, MAX_PAGE_ROWS};

use super::*;

#[test]
fn i1_no_late_row_while_two_processes_write_and_a_reader_follows_its_cursor() {
    let mut world = World::empty(1);
    world.centre.open_patient(2);
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
    let aside = grid.world.centre.read(|c| parked::of_device(c, number));
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
        .read(|c| parked::of_device(c, i64::from(phone.number)));
    assert_eq!(aside.len(), 50, "each bad one is kept, once");
    world.look_at_books().unwrap();
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
        .read(|c| parked::of_device(c, i64::from(phone.number)));
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
