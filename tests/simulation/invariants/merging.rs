//! What several people write is put together: the same everywhere (I6, I7), whatever the clocks say
//! (I8, I9), without losing what is unknown (I13) or was struck out meanwhile (I18).

use crate::capture::fields;
use crate::world::{HOUR, MINUTE, SECOND, YEAR};
use kadian::store::{scopes, tallies};
use serde_json::json;
use std::collections::BTreeSet;
use sync_protocol::change::Fields;
use sync_protocol::wire::Row;

use super::*;

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
