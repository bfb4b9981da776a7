//! From one database to the other by backup and restore, and back.

use std::time::{Duration, Instant};

use kadian::store::trial;
use kadian_tests::cluster::Cluster;
use kadian_tests::lines::Pen;
use kadian_tests::{Town, Walker};

use super::place::{Place, capture, dump, start, start_again};

/// An installation on the database that `from` is not on, with its keys and its ledger; and the
/// server it stands on, if that is to be kept running.
fn other(from: &Place) -> (Place, Option<Cluster>) {
    let cluster = from.database().map(|_| Cluster::start(&[]));
    let url = match &cluster {
        Some(cluster) => trial::on_server(&cluster.url("postgres")).unwrap(),
        None => format!("sqlite://{}/other.sqlite", from.elsewhere.path().display()),
    };
    (on(from, url), cluster)
}

/// The same on this database.
fn on(from: &Place, url: String) -> Place {
    let mut place = Place::new(&[]);
    let keys = place.folder.path().join("kadian.keys");
    let ledger = place.folder.path().join("ledger");
    std::fs::copy(from.folder.path().join("kadian.keys"), &keys).unwrap();
    std::fs::copy(from.ledger(), &ledger).unwrap();
    std::fs::copy(from.key(), place.key()).unwrap();
    place.recipient.clone_from(&from.recipient);
    for (name, value) in [
        ("database.url", url),
        ("keys.file", keys.display().to_string()),
        ("ledger.file", ledger.display().to_string()),
    ] {
        place.more.push((name.to_owned(), value));
    }
    place
}

#[test]
fn a_server_that_asks_for_a_password_is_restored_into_with_the_one_of_the_settings() {
    let here = Place::new(&[]);
    let made = {
        let server = start(&here);
        here.back_up(&server.app)
    };
    let cluster = Cluster::start(&[]);
    let url = trial::bare(&cluster.url("postgres")).unwrap();
    cluster.sql("ALTER ROLE kadian PASSWORD 'open sesame'");
    let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(cluster.data().join("pg_hba.conf"), rules).unwrap();
    cluster.reload();
    let begun = Instant::now();
    while trial::end_sessions(&url).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody is asked");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut there = on(&here, url);
    there.restore_refused(&made.file, &[]);
    let file = there.folder.path().join("password");
    std::fs::write(&file, "open sesame\n").unwrap();
    let setting = (
        "database.password_file".to_owned(),
        file.display().to_string(),
    );
    there.more.push(setting);
    let said = there.restore(&made.file, &[]);
    assert!(said.contains("start the server"), "{said}");
}

#[test]
fn i12_a_backup_of_one_database_is_restored_into_the_other_and_phones_notice_only_the_epoch() {
    let here = Place::new(&[]);
    let mut pen = Pen::new(21);
    let (mut walkers, made, town): (Vec<(Walker, &str)>, _, Town) = {
        let server = start(&here);
        let mut walkers = vec![
            (Walker::enrol(&server, "volunteer", 1), "checkpoint:S1"),
            (Walker::enrol(&server, "grid.one", 2), "grid:G1"),
            (Walker::enrol(&server, "grid.two", 3), "grid:G2"),
        ];
        for (walker, scope) in &mut walkers {
            (0..6).for_each(|_| drop(capture(walker, &mut pen, scope)));
            walker.sync();
        }
        (walkers, here.back_up(&server.app), server.town.clone())
    };
    let (there, _cluster) = other(&here);
    let said = there.restore(&made.file, &[]);
    assert!(said.contains("18 records"), "{said}");
    let again = there.restore_refused(&made.file, &[]);
    assert!(again.contains("--replace"), "{again}");
    let (held, made) = {
        let server = start_again(&there, town.clone());
        assert_eq!(dump(&server.app).len(), 18);
        for (walker, scope) in &mut walkers {
            walker.client = server.client();
            walker.received.clear();
            walker.sync();
            let heard = String::from_utf8_lossy(&walker.received).into_owned();
            assert!(
                !heard.contains("\"rows\":[{"),
                "nothing was touched: {heard}"
            );
            (0..4).for_each(|_| drop(capture(walker, &mut pen, scope)));
            walker.sync();
        }
        (dump(&server.app), there.back_up(&server.app))
    };
    assert_eq!(held.len(), 30);
    // And back, into the place of what was there before; the newer ledger is named.
    let newer = there.folder.path().join("ledger");
    let words = ["--replace", "--ledger", newer.to_str().unwrap()];
    let said = here.restore(&made.file, &words);
    assert!(said.contains("30 records"), "{said}");
    let server = start_again(&here, town);
    for (walker, _) in &mut walkers {
        walker.client = server.client();
        walker.sync();
        assert!(walker.replica.all_sent_all_current(walker.moment()));
    }
    assert_eq!(dump(&server.app), held);
}
