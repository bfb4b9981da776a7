//! What goes wrong with backups: wrong keys, damaged files, a full disk, a kill at any moment, two
//! at once, a restore in the wrong place.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kadian::backup::Error;
use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::process::{Process, free_port};
use kadian_tests::{Phone, Town, Walker};
use serde_json::Value;

use super::place::{Place, capture, dump, keygen, start};

/// An installation with some entries, and one backup of it.
fn with_backup() -> (Place, std::path::PathBuf, usize) {
    let place = Place::new(&[]);
    let server = start(&place);
    let mut walker = Walker::enrol(&server, "volunteer", 1);
    let mut pen = Pen::new(7);
    (0..20).for_each(|_| drop(capture(&mut walker, &mut pen, "checkpoint:S1")));
    walker.sync();
    let made = place.back_up(&server.app);
    let held = dump(&server.app).len();
    drop(server);
    // The server's threads let go of the database a moment later.
    std::thread::sleep(Duration::from_millis(300));
    (place, made.file, held)
}

#[test]
fn f30_a_backup_that_is_damaged_or_opened_with_a_wrong_key_restores_nothing_and_harms_nothing() {
    let (place, file, held) = with_backup();
    let whole = std::fs::read(&file).unwrap();
    let content = || place.database().map(|file| std::fs::read(file).unwrap());
    let before = content();
    let damaged = place.elsewhere.path().join("damaged");
    let mut tried = 0;
    let mut chance = Chance::new(30);
    for _ in 0..6 {
        let at = chance.below(whole.len());
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        for bytes in [&flipped[..], &whole[..at]] {
            std::fs::write(&damaged, bytes).unwrap();
            place.restore_refused(&damaged, &["--replace"]);
            tried += 1;
        }
    }
    // With its manifest, it is told before anything is opened.
    std::fs::write(&file, &whole[..whole.len() - 7]).unwrap();
    let said = place.restore_refused(&file, &["--replace"]);
    assert!(said.contains("manifest"), "{said}");
    std::fs::write(&file, &whole).unwrap();
    let wrong = place.elsewhere.path().join("wrong key");
    keygen(&wrong);
    let from = file.to_str().unwrap();
    let said = place.refused(&[
        "restore",
        "--from",
        from,
        "--replace",
        "--identity",
        wrong.to_str().unwrap(),
    ]);
    assert!(said.contains("cannot be opened"), "{said}");
    let said = place.refused(&["restore", "--from", from, "--replace"]);
    assert!(said.contains("identity"), "{said}");
    assert_eq!(place.in_clear(), [""; 0]);
    assert!(content() == before, "{tried} tried");
    assert_eq!(dump(&place.app(&Clock::system())).len(), held);
}

#[test]
fn a_restore_takes_the_place_of_nothing_unless_it_is_told_to_and_of_no_server_that_runs() {
    let (place, file, held) = with_backup();
    let said = place.restore_refused(&file, &[]);
    assert!(said.contains("--replace"), "{said}");
    {
        let mut process = Process::start(place.folder.path(), free_port(), &[]);
        process.ready();
        let said = place.restore_refused(&file, &["--replace"]);
        assert!(said.contains("stop the server"), "{said}");
        process.kill();
    }
    let said = place.restore(&file, &["--replace"]);
    if place.database().is_some() {
        let aside = said.lines().find_map(|line| line.split("is now ").nth(1));
        assert!(std::path::Path::new(aside.unwrap()).exists(), "{said}");
    }
    assert_eq!(dump(&place.app(&Clock::system())).len(), held);
    // Once more is no different.
    place.restore(&file, &["--replace"]);
    assert_eq!(dump(&place.app(&Clock::system())).len(), held);
    // Without its keys nothing in it could be looked up.
    place.lose();
    let keys = place.folder.path().join("kadian.keys");
    let kept = std::fs::read(&keys).unwrap();
    std::fs::remove_file(&keys).unwrap();
    let said = place.restore_refused(&file, &[]);
    assert!(said.contains("keys file"), "{said}");
    assert!(!keys.exists() && place.database().is_none_or(|file| !file.exists()));
    std::fs::write(&keys, kept).unwrap();
    place.restore(&file, &[]);
}

#[test]
fn a_restore_goes_on_with_the_newest_ledger_and_without_one_only_if_somebody_insists() {
    let (place, file, held) = with_backup();
    let longer = std::fs::read(place.ledger()).unwrap();
    place.lose();
    std::fs::remove_file(place.ledger()).unwrap();
    let said = place.restore_refused(&file, &[]);
    assert!(said.contains("--ledger"), "{said}");
    // One that is older than the backup is none.
    std::fs::write(place.ledger(), &longer[..longer.len() / 2]).unwrap();
    place.restore_refused(&file, &[]);
    assert!(place.database().is_none_or(|file| !file.exists()));
    let kept = place.elsewhere.path().join("ledger");
    std::fs::write(&kept, &longer).unwrap();
    let said = place.restore(&file, &["--ledger", kept.to_str().unwrap()]);
    assert!(said.contains("ledgers named"), "{said}");
    assert!(std::fs::read(place.ledger()).unwrap().starts_with(&longer));
    assert_eq!(dump(&place.app(&Clock::system())).len(), held);

    place.lose();
    std::fs::remove_file(place.ledger()).unwrap();
    let said = place.restore(&file, &["--insist"]);
    assert!(said.contains("by hand"), "{said}");
    assert_eq!(dump(&place.app(&Clock::system())).len(), held);
}

#[test]
fn two_backups_at_once_keep_apart() {
    let place = Place::new(&[]);
    let server = start(&place);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (place, app) = (&place, &server.app);
                let to = place.elsewhere.path().join(format!("{n}.age"));
                scope.spawn(move || place.back_up_to(app, &to))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert!(made >= 1);
    for result in results {
        assert!(matches!(result, Ok(_) | Err(Error::Busy)), "{result:?}");
    }
    assert_eq!(place.backups().len(), made);
    assert_eq!(place.in_clear(), [""; 0]);
    // And none takes the place of another.
    let there = place.backups().remove(0);
    assert!(matches!(
        place.back_up_to(&server.app, &there),
        Err(Error::Exists(_))
    ));
}

#[test]
fn f30_a_backup_under_load_holds_one_moment_and_pushes_do_not_wait_for_it() {
    let place = Place::new(&[]);
    let server = start(&place);
    let done = AtomicBool::new(false);
    let mut phones: Vec<Phone> = ["volunteer", "mate", "other"]
        .iter()
        .map(|login| Phone::enrol(&server, login))
        .collect();
    let (sent, worst, made) = std::thread::scope(|scope| {
        let done = &done;
        let busy: Vec<_> = phones
            .iter_mut()
            .enumerate()
            .map(|(number, phone)| {
                scope.spawn(move || {
                    let mut pen = Pen::new(number as u64);
                    let scope = ["checkpoint:S1", "checkpoint:S1", "checkpoint:S2"][number];
                    let (mut sent, mut worst) = (0, Duration::ZERO);
                    while !done.load(Ordering::Relaxed) {
                        let lines: Vec<Value> = (0..20)
                            .map(|_| pen.registration(phone.clock.now(), scope))
                            .collect();
                        let began = Instant::now();
                        let answer = phone.sync(&bytes(&lines), &Value::Null);
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        worst = worst.max(began.elapsed());
                        sent += lines.len();
                    }
                    (sent, worst)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        let made: Vec<_> = (0..3).map(|_| place.back_up(&server.app)).collect();
        done.store(true, Ordering::Relaxed);
        let (mut sent, mut worst) = (0, Duration::ZERO);
        for thread in busy {
            let (some, slowest) = thread.join().unwrap();
            sent += some;
            worst = worst.max(slowest);
        }
        (sent, worst, made)
    });
    println!(
        "3 backups under load: {sent} pushed meanwhile, slowest push {} ms, records {:?}",
        worst.as_millis(),
        made.iter().map(|one| one.records).collect::<Vec<_>>()
    );
    assert!(made[0].records > 0 && made[2].records > made[0].records);
    assert_eq!(dump(&server.app).len(), sent);
}

#[test]
fn f30_killed_at_any_moment_a_backup_leaves_nothing_that_passes_for_one() {
    let place = Place::new(&[]);
    let clock = Clock::system();
    let held = {
        let app = place.app(&clock);
        Town::build(&app);
        app.engine().unwrap();
        app.stop();
        dump(&app).len()
    };
    let to = place.elsewhere.path().to_str().unwrap().to_owned();
    // How long one takes says over which stretch to spread the kills.
    let began = Instant::now();
    place.done(&place.backing_up(&to));
    let mut stretch = began.elapsed().as_millis() as usize;
    let mut chance = Chance::new(99);
    let (mut killed, mut tried) = (0, 0);
    while killed < 15 && tried < 100 {
        tried += 1;
        let mut child = place
            .command(&place.backing_up(&to))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(chance.below(stretch) as u64));
        if child.try_wait().unwrap().is_none() {
            killed += 1;
        } else {
            stretch = stretch * 9 / 10 + 1;
        }
        let _ = child.kill();
        child.wait().unwrap();
        // No two in one millisecond, which names them.
        std::thread::sleep(Duration::from_millis(2));
    }
    // The next one cleans up, and is itself whole.
    place.done(&place.backing_up(&to));
    assert_eq!(place.in_clear(), [""; 0]);
    let backups = place.backups();
    let mut whole = 0;
    for file in backups.iter().rev().take(8) {
        if !std::path::Path::new(&format!("{}.json", file.display())).exists() {
            continue;
        }
        let there = Place::new(&[]);
        std::fs::copy(place.key(), there.key()).unwrap();
        let keys = "kadian.keys";
        std::fs::copy(
            place.folder.path().join(keys),
            there.folder.path().join(keys),
        )
        .unwrap();
        std::fs::copy(place.ledger(), there.ledger()).unwrap();
        there.restore(file, &[]);
        assert_eq!(dump(&there.app(&clock)).len(), held);
        whole += 1;
    }
    println!(
        "{killed} kills during backups; {} files; of the newest 8, {whole} have a manifest, and all of those restore",
        backups.len()
    );
    assert!(killed == 15 && whole >= 1);
}

#[cfg(unix)]
#[test]
fn f30_a_full_disk_ends_a_backup_and_leaves_nothing_behind() {
    let (place, first, _) = with_backup();
    let to = place.elsewhere.path().join("full.age");
    let size = std::fs::metadata(&first).unwrap().len();
    let mut failed = 0;
    // No file may grow beyond so many blocks of 512 bytes: what a full disk does, at several moments.
    for blocks in [1, 64, size / 1024, size / 512 - 1] {
        let command = place.command(&place.backing_up(to.to_str().unwrap()));
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {}", words.join(" "));
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.folder.path())
            .output()
            .unwrap();
        if output.status.success() {
            std::fs::remove_file(&to).unwrap();
            std::fs::remove_file(format!("{}.json", to.display())).unwrap();
            continue;
        }
        failed += 1;
        assert!(!to.exists(), "{blocks}");
        assert!(!to.with_extension("age.partial").exists(), "{blocks}");
        assert_eq!(place.in_clear(), [""; 0], "{blocks}");
    }
    assert!(failed >= 3, "{failed}");
    place.done(&place.backing_up(to.to_str().unwrap()));
}
