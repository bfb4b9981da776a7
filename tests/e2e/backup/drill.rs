//! The drill: a backup, work that goes on, loss, restore; then phones speak.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kadian::accounts::{Actor, Error, devices, users};
use kadian::demo::chance::Chance;
use kadian::store::devices::{self as rows, DeviceState};
use kadian::store::{epochs, recount};
use kadian::sync::job::{Job, Purge};
use kadian_tests::lines::Pen;
use kadian_tests::server::Server;
use kadian_tests::{Console, Walker};
use sync_protocol::id::DeviceNumber;

use super::place::{Place, amend, capture, dump, start, start_again};

fn epoch(server: &Server) -> u64 {
    server.app.store.read(epochs::current).unwrap()
}

/// The numbers given out to phones.
fn numbers(server: &Server) -> Vec<DeviceNumber> {
    let found = server.app.store.read(|c| rows::every(c, 0, 1000)).unwrap();
    found.iter().map(rows::DeviceRow::device).collect()
}

/// Every phone speaks until it has nothing more to say, twice, as rows of others come late.
fn all_speak(walkers: &mut [&mut Walker], server: &Server) {
    for _ in 0..2 {
        for walker in walkers.iter_mut() {
            walker.client = server.client();
            walker.sync();
        }
    }
    for walker in walkers {
        assert!(walker.replica.all_sent_all_current(walker.moment()));
    }
}

fn assert_counts(server: &Server) {
    let found = server.app.store.read(recount::run).unwrap();
    assert_eq!(found.wrong, 0, "every scope holds what it says: {found:?}");
}

#[test]
fn i12_after_a_restore_phones_bring_back_what_the_backup_lacked_and_nothing_else_changes() {
    let place = Place::new(&[]);
    let server = start(&place);
    let mut pen = Pen::new(12);
    let mut volunteer = Walker::enrol(&server, "volunteer", 1);
    let mut mate = Walker::enrol(&server, "mate", 2);
    let mut lost_phone = Walker::enrol(&server, "mate", 3);
    let mut one = Walker::enrol(&server, "grid.one", 4);
    let mut two = Walker::enrol(&server, "grid.two", 5);
    let old: Vec<String> = (0..4)
        .map(|_| capture(&mut volunteer, &mut pen, "checkpoint:S1"))
        .collect();
    let doomed = capture(&mut mate, &mut pen, "checkpoint:S1");
    let households: Vec<String> = (0..4)
        .map(|_| capture(&mut one, &mut pen, "grid:G1"))
        .collect();
    (0..5).for_each(|_| drop(capture(&mut two, &mut pen, "grid:G2")));
    capture(&mut lost_phone, &mut pen, "checkpoint:S1");
    all_speak(
        &mut [
            &mut volunteer,
            &mut mate,
            &mut lost_phone,
            &mut one,
            &mut two,
        ],
        &server,
    );

    let made = place.back_up(&server.app);
    assert_eq!(made.records, 15);

    // The work goes on: new entries, edits, a new phone, a purge, revocations.
    (0..3).for_each(|_| drop(capture(&mut volunteer, &mut pen, "checkpoint:S1")));
    capture(&mut mate, &mut pen, "checkpoint:S1");
    amend(&mut volunteer, &mut pen, &old[0], "又来一次");
    amend(&mut one, &mut pen, &households[1], "新增一人");
    let mut newcomer = Walker::enrol(&server, "other", 6);
    (0..2).for_each(|_| drop(capture(&mut newcomer, &mut pen, "checkpoint:S2")));
    all_speak(
        &mut [&mut volunteer, &mut mate, &mut one, &mut two, &mut newcomer],
        &server,
    );
    let (app, now) = (&server.app, server.now());
    let purge = Job::Purge(Purge {
        records: vec![doomed.parse().unwrap()],
        scopes: Vec::new(),
        quiet_since: None,
    });
    app.engine().unwrap().submit(purge).unwrap();
    let given = numbers(&server);
    // The third that was enrolled is the one that was lost.
    let revoked = given[2];
    app.store
        .write::<_, Error>(|c| {
            let actor = Actor::CommandLine;
            devices::set_state(c, &app.ledger, actor, revoked, DeviceState::PushOnly, now)?;
            users::set_active(
                c,
                &app.ledger,
                actor,
                server.town.user("grid.three"),
                false,
                now,
            )
        })
        .unwrap();
    all_speak(&mut [&mut volunteer, &mut mate, &mut newcomer], &server);
    let before = dump(app);
    let opened = epoch(&server);
    assert_eq!(before.len(), 14 + 6);

    let town = server.town.clone();
    drop(server);
    place.lose();
    let said = place.restore(&made.file, &[]);
    assert!(said.contains("15 records"), "{said}");
    let server = start_again(&place, town);
    assert!(epoch(&server) > opened);
    assert_eq!(
        dump(&server.app).len(),
        14,
        "the backup, without what was purged"
    );

    // What nobody touched transfers nothing.
    two.client = server.client();
    two.received.clear();
    two.costs.clear();
    two.sync();
    let heard = String::from_utf8_lossy(&two.received).into_owned();
    assert!(!heard.contains("\"rows\":[{"), "{heard}");
    assert!(!heard.contains("\"reset\":true"), "{heard}");
    all_speak(
        &mut [&mut volunteer, &mut mate, &mut one, &mut two, &mut newcomer],
        &server,
    );
    let after = dump(&server.app);
    assert_eq!(after, before, "nothing is missing and nothing came beside");
    assert!(!after.contains_key(&doomed), "what was purged stays so");
    assert_counts(&server);
    // What was taken away stays so.
    server
        .app
        .store
        .read::<_, Error>(|c| {
            let row = rows::by_number(c, revoked)?.unwrap();
            assert_eq!(row.state(), DeviceState::PushOnly);
            let closed = kadian::store::accounts::by_id(c, server.town.user("grid.three"))?;
            assert!(!closed.unwrap().active);
            Ok(())
        })
        .unwrap();
    // And no number comes twice.
    let mut late = Walker::enrol(&server, "volunteer", 7);
    let newest = numbers(&server).pop().unwrap();
    assert!(
        newest.0 > given.last().unwrap().0,
        "{newest:?} after {given:?}"
    );
    capture(&mut late, &mut pen, "checkpoint:S1");
    all_speak(&mut [&mut late, &mut volunteer, &mut mate], &server);
    assert_eq!(dump(&server.app).len(), before.len() + 1);
}

#[test]
fn f6_phones_that_missed_two_restores_bring_everything_back_and_nothing_twice() {
    let place = Place::new(&[("backup.durable", "backup")]);
    let mut server = start(&place);
    let mut chance = Chance::new(6);
    let mut pen = Pen::new(66);
    let logins = ["volunteer", "mate", "grid.one", "grid.two"];
    let mut walkers: Vec<(Walker, &str)> = (0..24)
        .map(|n| {
            let login = logins[n % 4];
            let scope = ["checkpoint:S1", "checkpoint:S1", "grid:G1", "grid:G2"][n % 4];
            (Walker::enrol(&server, login, 600 + n as u64), scope)
        })
        .collect();
    let mut captured = 0;
    let mut backups: Vec<PathBuf> = Vec::new();
    let mut restores = 0;
    for round in 0..9 {
        for (walker, scope) in &mut walkers {
            for _ in 0..chance.below(4) {
                capture(walker, &mut pen, scope);
                captured += 1;
            }
            // Half of them have no network this time.
            if chance.percent(50) {
                walker.client = server.client();
                walker.sync();
            }
        }
        if round % 2 == 0 {
            backups.push(place.back_up(&server.app).file);
        }
        if round % 3 == 2 {
            let town = server.town.clone();
            drop(server);
            place.lose();
            // Any of those that may still be restored, the oldest included.
            let file = backups[chance.below(backups.len())].clone();
            place.restore(&file, &[]);
            restores += 1;
            server = start_again(&place, town);
        }
    }
    for _ in 0..2 {
        for (walker, _) in &mut walkers {
            walker.client = server.client();
            walker.sync();
            assert!(walker.replica.all_sent_all_current(walker.moment()));
        }
    }
    let found = dump(&server.app);
    println!(
        "{restores} restores of {} backups, 24 phones: {captured} captured, {} found",
        backups.len(),
        found.len()
    );
    assert_eq!(found.len(), captured, "missing and extra");
    assert_counts(&server);
}

#[test]
fn i4_a_phone_keeps_what_it_sent_until_the_oldest_confirmed_backup_holds_it() {
    let place = Place::new(&[("backup.durable", "backup")]);
    let server = start(&place);
    let mut pen = Pen::new(4);
    let mut walker = Walker::enrol(&server, "volunteer", 1);
    let send = |walker: &mut Walker, pen: &mut Pen, count: usize| {
        (0..count).for_each(|_| drop(capture(walker, pen, "checkpoint:S1")));
        walker.sync();
    };
    send(&mut walker, &mut pen, 3);
    assert_eq!(walker.replica.kept(), 3, "there is no backup");

    // A backup that nobody has confirmed changes nothing; damaged on its way, it cannot be confirmed.
    let elsewhere = place.elsewhere.path().to_owned();
    let folder = elsewhere.to_str().unwrap().to_owned();
    let backup = place.backing_up(&folder);
    place.done(&backup);
    send(&mut walker, &mut pen, 2);
    assert_eq!(walker.replica.kept(), 5);
    let first = place.backups().remove(0);
    let whole = std::fs::read(&first).unwrap();
    let damaged = elsewhere.join("damaged");
    std::fs::write(&damaged, &whole[1..]).unwrap();
    let said = place.refused(&["backup", "confirm", damaged.to_str().unwrap()]);
    assert!(said.contains("no backup on record"), "{said}");
    place.done(&["backup", "confirm", first.to_str().unwrap()]);
    send(&mut walker, &mut pen, 1);
    assert_eq!(walker.replica.kept(), 3, "what the backup lacks");

    // A second one changes nothing as long as the first may still be restored.
    place.done(&[&backup[..], &["--off-machine"]].concat());
    send(&mut walker, &mut pen, 1);
    assert_eq!(walker.replica.kept(), 4);
    let listed = place.done(&["backup", "list", "--json"]);
    let oldest: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    place.done(&["backup", "forget", oldest["backup"].as_str().unwrap()]);
    send(&mut walker, &mut pen, 1);
    assert_eq!(walker.replica.kept(), 2, "what the second lacks");

    // The console says so too.
    let mut admin = Console::sign_in(&server, "admin");
    let shown = admin.get("/v1/backups").json();
    assert_eq!(shown["durable"], "backup", "{shown}");
    assert_eq!(shown["rows"].as_array().unwrap().len(), 1, "{shown}");
    assert!(shown["age"].as_i64().unwrap() < 600, "{shown}");
    let metrics = server
        .client()
        .ask("GET", "/metrics", &[], b"")
        .unwrap()
        .text();
    let age = metrics
        .lines()
        .find(|line| line.starts_with("kadian_backup_age_seconds"));
    let age: f64 = age.unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!((0.0..600.0).contains(&age), "{age}");
    let doctor = place.run(&["doctor", "--json"]);
    let findings: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found: BTreeMap<&str, &str> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(found["backup"], "fine", "{findings}");
}
