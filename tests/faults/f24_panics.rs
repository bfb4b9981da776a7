//! F24: the program breaks on one change. A record is damaged in the store so that whoever adds to
//! it overflows a counter, which is a panic in the middle of a fold.

use std::time::Duration;

use kadian::store::{self, bulk, records};
use serde_json::json;

use crate::crowd::{Crowd, seen};
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

#[test]
fn f24_a_change_that_breaks_the_program_is_set_aside_and_the_others_are_applied() {
    let chance = seed("F24");
    let clients = 4;
    let mut site = Site::build(clients);
    let (mut process, mut oracles) = site.begin(clients, &chance);
    let poison = scaled(3, 200);
    let mut cursed = Vec::new();
    for _ in 0..poison {
        cursed.push(oracles[0].create());
    }
    assert!(oracles[0].settle(REST));
    let app = site.open();
    let damage = app.store.write::<_, store::Error>(|c| {
        let mut rows = records::by_ids(c, &cursed)?;
        for row in &mut rows {
            let mut record = row.record()?;
            record.rev = u64::MAX;
            row.body = records::encode(&record)?;
        }
        bulk::change_records(c, &rows)
    });
    damage.unwrap();
    // Each in the middle of others, while others push too.
    let mut one = oracles.remove(0);
    let crowd = Crowd::start(oracles, 8);
    for record in &cursed {
        one.capture(20);
        let note = format!("notes/{}", one.new_id());
        one.amend(*record, [(note, json!({"text": "毒"}))].into());
        one.capture(20);
        let (packed, requests) = (one.replica.numbers().0, one.seen.requests);
        assert!(one.settle(REST), "a poisoned change holds up the others");
        assert_eq!(one.replica.numbers().1, packed + 41);
        assert!(one.seen.requests <= requests + 2, "in a circle");
    }
    assert!(crowd.goes_on(10, REST), "the others are held up");
    let mut oracles = crowd.stop();
    for oracle in &mut oracles {
        assert!(oracle.settle(REST));
    }
    oracles.push(one);
    let seen = seen(&oracles);
    assert!(process.ended(Duration::ZERO).is_none(), "the server ended");
    process.kill();
    // Mended, so that the books can be held against it.
    let mended = app.store.write::<_, store::Error>(|c| {
        let mut rows = records::by_ids(c, &cursed)?;
        for row in &mut rows {
            let mut record = row.record()?;
            record.rev = u64::try_from(row.rev).unwrap();
            row.body = records::encode(&record)?;
        }
        bulk::change_records(c, &rows)
    });
    mended.unwrap();
    drop(app);
    let found = site.reckon();
    found.print(
        "F24 poison",
        poison,
        found.aside.get("internal").copied().unwrap_or(0),
        &format!("kept aside {:?}", found.aside),
    );
    found.is_sound();
    assert_eq!(seen.faults, 0, "{seen:?}");
    // What its phone wrote to such a record later stands behind it.
    let mut aside = found.aside;
    aside.remove("behind");
    assert_eq!(aside, [("internal".to_owned(), poison)].into());
    assert!(site.log().contains("a panic was caught"));
}
