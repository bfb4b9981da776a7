//! What the server does about backups by itself, as days go by.

use kadian::backup::schedule::{Standing, watch};
use kadian::clock::Clock;
use kadian::store::backups;
use kadian_tests::lines::Pen;
use kadian_tests::server::{Server, open};
use kadian_tests::{Console, Town, Walker};

use super::place::{Place, capture};

const HOUR: i64 = 60 * 60 * 1000;

/// A server whose clock stands still, with a standing order for backups.
fn ordered(keep: &str) -> (Place, Server, Clock) {
    let mut place = Place::new(&[
        ("backup.every_hours", "12"),
        ("backup.keep", keep),
        ("backup.off_machine", "true"),
        ("backup.durable", "backup"),
    ]);
    let to = place.elsewhere.path().display().to_string();
    place.more.push(("backup.to".to_owned(), to));
    let recipient = ("backup.recipient".to_owned(), place.recipient.clone());
    place.more.push(recipient);
    let clock = Clock::manual(1_795_307_467_950);
    let app = open(place.folder.path(), &place.more, clock.clone());
    let town = Town::build(&app);
    town.give(&app, "chief", "officer", "9999");
    let server = Server::serve(app, town, tempfile::tempdir().unwrap());
    (place, server, clock)
}

#[test]
fn the_server_makes_backups_when_they_are_due_and_lets_old_ones_go_and_phones_with_them() {
    let (place, server, clock) = ordered("2");
    let (app, mut pen) = (&server.app, Pen::new(5));
    let standing = Standing::of(&app.config.backup).unwrap().unwrap();
    let follow = || {
        let (beside, now) = (app.beside(), clock.now());
        standing.follow(&app.store, &app.ledger, &beside, app.durable(), now)
    };
    let mut walker = Walker::enrol(&server, "volunteer", 1);
    let mut kept = Vec::new();
    for _ in 0..5 {
        (0..3).for_each(|_| drop(capture(&mut walker, &mut pen, "checkpoint:S1")));
        walker.sync();
        assert!(follow().unwrap().is_some());
        assert!(follow().unwrap().is_none(), "once is enough");
        clock.set(clock.now() + 13 * HOUR);
        walker.sync();
        kept.push(walker.replica.kept());
    }
    // The first backup holds 3; from the third on, the oldest of two lacks what came after it.
    assert_eq!(kept, [0, 3, 3, 3, 3]);
    assert_eq!(place.backups().len(), 2);
    assert_eq!(app.store.read(backups::all).unwrap().len(), 2);
    assert_eq!(place.in_clear(), [""; 0]);
}

#[test]
fn people_hear_of_it_when_the_newest_backup_is_a_day_old_and_no_more_when_there_is_one() {
    let (_place, server, clock) = ordered("9");
    let app = &server.app;
    let standing = Standing::of(&app.config.backup).unwrap().unwrap();
    let mut chief = Console::sign_in(&server, "chief");
    let open = |chief: &mut Console| {
        watch(&app.store, clock.now()).unwrap();
        // Sessions are short.
        *chief = Console::sign_in(&server, "chief");
        let rows = chief.all("/v1/alerts");
        rows.iter().filter(|row| row["code"] == "no_backup").count()
    };
    assert_eq!(open(&mut chief), 0, "the database is new");
    clock.set(clock.now() + 25 * HOUR);
    assert_eq!(open(&mut chief), 1);
    assert_eq!(open(&mut chief), 1, "and is not told twice");
    let (beside, now) = (app.beside(), clock.now());
    standing
        .follow(&app.store, &app.ledger, &beside, app.durable(), now)
        .unwrap()
        .unwrap();
    assert_eq!(open(&mut chief), 0);
    clock.set(clock.now() + 25 * HOUR);
    assert_eq!(open(&mut chief), 1, "that one grew old, too");
}

#[test]
fn an_order_that_cannot_be_followed_is_refused_at_the_start_and_not_at_night() {
    let place = Place::new(&[("backup.recipient", "age1nonsense")]);
    let words = ["serve", "--set", "backup.to=/nowhere/at/all"];
    let said = place.refused(&words);
    assert!(said.contains("/nowhere/at/all"), "{said}");
    let to = format!("backup.to={}", place.elsewhere.path().display());
    let said = place.refused(&["serve", "--set", &to]);
    assert!(said.contains("age1nonsense"), "{said}");
}
