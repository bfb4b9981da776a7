//! A pull comes in pages, and the last one is reached whatever the scope has been through (I2, I14).

use std::collections::BTreeSet;

use kadian::clock::Millis;
use kadian::store::exits;
use serde_json::json;
use sync_protocol::cursor::MAX_LEAPS;
use sync_protocol::id::RecordId;

use super::*;

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

/// A phone that comes now and one that was away get to the last page, and hold these.
fn both_hold(grid: &mut Grid, here: &BTreeSet<RecordId>) {
    let phone = grid.world.add_right_phone();
    let new = grid.world.add_person(phone, BEN);
    assert_eq!(households_of(grid, new), *here, "who comes now");
    assert_eq!(households_of(grid, grid.ben), *here, "who was away");
}

/// What a phone holds once it is told that this is all.
fn households_of(grid: &mut Grid, carrier: usize) -> BTreeSet<RecordId> {
    grid.world.page = Some(3);
    grid.sync(carrier);
    let replica = &grid.world.carriers[carrier].replica;
    replica.bodies().map(|(_, row)| row.record).collect()
}

#[test]
fn i2_i14_a_phone_gets_to_the_last_page_also_where_the_exits_of_later_have_expired() {
    let mut grid = grid();
    let ids: Vec<RecordId> = (0..20)
        .map(|n| grid.create(grid.ann, &json!({ "number": n.to_string() })))
        .collect();
    grid.sync_all();
    let (gone, here) = ids.split_at(6);
    for id in gone {
        grid.world.move_record(*id, "G2").unwrap();
    }
    let expired = grid
        .world
        .centre
        .write(|c| exits::expire(c, Millis::MAX, usize::MAX));
    assert_eq!(expired, gone.len());
    let here: BTreeSet<RecordId> = here.iter().copied().collect();
    both_hold(&mut grid, &here);
}

#[test]
fn i2_i14_a_phone_gets_to_the_last_page_also_after_more_restarts_than_are_remembered() {
    let mut grid = grid();
    let mut here = BTreeSet::new();
    for n in 0..=MAX_LEAPS + 5 {
        here.insert(grid.create(grid.ann, &json!({ "number": n.to_string() })));
        grid.sync(grid.ann);
        if n == 3 {
            grid.sync(grid.ben);
        }
        grid.world.centre.restart().unwrap();
    }
    both_hold(&mut grid, &here);
}
