//! F30: backups are made while phones push, some of them are killed in the middle; each that was
//! made is restored elsewhere and holds all that was acknowledged before it was begun; a broken one
//! is refused; and after the loss of the database the last one and the phones together make it
//! whole again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret as _;
use kadian::clock::Clock;
use kadian_tests::cluster::Cluster;
use kadian_tests::process::binary;
use kadian_tests::server::{open, settings};
use tempfile::TempDir;

use crate::book::now_us;
use crate::crowd::{Crowd, seen};
use crate::reckoning::Reckoning;
use crate::scale::{scaled, seed};
use crate::site::{Site, sqlite};

const REST: Duration = Duration::from_secs(120);

/// Where backups go, and who can open them.
struct Safe {
    folder: TempDir,
    recipient: String,
}

impl Safe {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = age::x25519::Identity::generate();
        let secret = key.to_string();
        std::fs::write(folder.path().join("key"), secret.expose_secret()).unwrap();
        std::fs::create_dir(folder.path().join("made")).unwrap();
        Self {
            recipient: key.to_public().to_string(),
            folder,
        }
    }

    fn made(&self) -> PathBuf {
        self.folder.path().join("made")
    }

    /// Backups that bear a name, the oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.made()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "age"))
            .collect();
        files.sort();
        files
    }
}

/// A command about an installation.
fn command(folder: &Path, more: &[(String, String)], words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(words).stdin(Stdio::null());
    for (name, value) in settings(folder) {
        if more.iter().all(|(other, _)| *other != name) {
            command.arg("--set").arg(format!("{name}={value}"));
        }
    }
    for (name, value) in more {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    command
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The words by which a backup is restored, with the ledger that is gone on with.
fn restoring<'a>(file: &'a Path, key: &'a Path, ledger: &'a Path) -> [&'a str; 7] {
    let text = |path: &'a Path| path.to_str().unwrap();
    [
        "restore",
        "--from",
        text(file),
        "--identity",
        text(key),
        "--ledger",
        text(ledger),
    ]
}

/// One installation, and how a fresh, empty one beside it is named.
struct Ground<'a> {
    site: Site,
    ledger: PathBuf,
    fresh: &'a mut dyn FnMut(&Path) -> Vec<(String, String)>,
}

impl Ground<'_> {
    /// Restores a backup elsewhere and holds it against what was acknowledged before a moment.
    fn drill(&mut self, safe: &Safe, file: &Path, begun: u64) -> (Reckoning, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let key = safe.folder.path().join("key");
        let keys = self.site.path().join("kadian.keys");
        std::fs::copy(keys, folder.path().join("kadian.keys")).unwrap();
        let settings = (self.fresh)(folder.path());
        let words = restoring(file, &key, &self.ledger);
        let began = Instant::now();
        let output = command(folder.path(), &settings, &words).output().unwrap();
        assert!(output.status.success(), "{}", says(&output));
        let took = began.elapsed();
        let app = open(folder.path(), &settings, Clock::system());
        let mut noted = self.site.noted();
        for one in noted.values_mut() {
            one.acked = one.acked.filter(|acked| *acked < begun);
        }
        (Reckoning::of(&app, &noted), took)
    }
}

fn attack(row: &str, mut ground: Ground<'_>, lose: impl FnOnce(&Path) -> Option<String>) {
    let mut chance = seed(row);
    let safe = Safe::new();
    let clients = 6;
    let (mut process, oracles) = ground.site.begin(clients, &chance);
    let crowd = Crowd::start(oracles, 12);
    let (made, mut kept, mut kills) = (scaled(4, 200), Vec::new(), 0);
    let to = safe.made().display().to_string();
    let words = ["backup", "--to", &to, "--recipient", &safe.recipient];
    for number in 0..made {
        assert!(crowd.goes_on(30, REST), "nothing moves");
        if number % 2 == 1 {
            let mut killed = command(ground.site.path(), &ground.site.settings, &words);
            killed.stdout(Stdio::null()).stderr(Stdio::null());
            let mut killed = killed.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(chance.below(400) as u64));
            killed.kill().unwrap();
            kills += usize::from(!killed.wait().unwrap().success());
        }
        let begun = now_us();
        let before = safe.files();
        let output = command(ground.site.path(), &ground.site.settings, &words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", says(&output));
        let new = safe.files().into_iter().find(|file| !before.contains(file));
        kept.push((begun, new.expect("a backup is there")));
    }
    assert!(crowd.goes_on(30, REST), "nothing moves");
    process.kill();
    let mut oracles = crowd.stop();

    let (mut longest, mut drilled) = (Duration::ZERO, 0);
    for (begun, file) in &kept {
        let (found, took) = ground.drill(&safe, file, *begun);
        assert_eq!(
            (found.lost, found.twice, found.strange),
            (0, 0, 0),
            "{found:?}"
        );
        assert!(found.acked > 0);
        longest = longest.max(took);
        drilled += 1;
    }
    // A backup of which one byte is another is no backup.
    let (_, last) = kept.last().unwrap().clone();
    let mut bytes = std::fs::read(&last).unwrap();
    let place = chance.below(bytes.len());
    bytes[place] ^= 1;
    let broken = safe.folder.path().join("broken.age");
    std::fs::write(&broken, bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = ground.site.path().join("kadian.keys");
    std::fs::copy(keys, folder.path().join("kadian.keys")).unwrap();
    let key = safe.folder.path().join("key");
    let fresh = (ground.fresh)(folder.path());
    let refused = command(
        folder.path(),
        &fresh,
        &restoring(&broken, &key, &ground.ledger),
    );
    assert!(
        !{ refused }.status().unwrap().success(),
        "byte {place} of it is another"
    );

    // The database is lost; the last backup is put in its place and the phones do the rest.
    let folder = ground.site.path().to_owned();
    if let Some(url) = lose(&folder) {
        ground.site.turn_to(&url);
    }
    let words = restoring(&last, &key, &ground.ledger);
    let output = command(&folder, &ground.site.settings, &words[..5])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", says(&output));
    process = ground.site.start();
    process.ready();
    for oracle in &mut oracles {
        oracle.hang_up();
        oracle.capture(1);
        assert!(oracle.settle(REST));
    }
    process.kill();
    let seen = seen(&oracles);
    let found = ground.site.reckon();
    found.print(
        row,
        kills + 2,
        kills + 2,
        &format!(
            "{made} backups under load, {kills} killed in the middle, {drilled} restored elsewhere in {} ms at most, all with what was acknowledged before; {} phones sent again what the last one lacked",
            longest.as_millis(),
            seen.gaps
        ),
    );
    found.is_sound();
    assert!(seen.gaps > 0, "{seen:?}");
}

#[test]
fn f30_backups_of_a_file_under_load_hold_what_was_acknowledged_and_phones_bring_the_rest() {
    let site = Site::in_file(6);
    let ground = Ground {
        ledger: site.path().join("kadian.sqlite.ledger"),
        site,
        fresh: &mut |folder| sqlite(&folder.join("kadian.sqlite")),
    };
    attack("F30 backups of a file", ground, |folder| {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("kadian.sqlite{end}")));
        }
        None
    });
}

#[test]
fn f30_backups_of_a_database_under_load_hold_what_was_acknowledged_and_phones_bring_the_rest() {
    let cluster = Cluster::start(&[]);
    let site = Site::on(&cluster.url("postgres"), 6);
    let mut number = 0;
    let ground = Ground {
        ledger: site.path().join("kadian.ledger"),
        site,
        fresh: &mut |folder| {
            number += 1;
            cluster.sql(&format!("CREATE DATABASE drill{number}"));
            let beside = |name: &str| folder.join(name).display().to_string();
            vec![
                (
                    "database.url".to_owned(),
                    cluster.url(&format!("drill{number}")),
                ),
                ("keys.file".to_owned(), beside("kadian.keys")),
                ("ledger.file".to_owned(), beside("kadian.ledger")),
            ]
        },
    };
    attack("F30 backups of a database", ground, |_| {
        cluster.sql("CREATE DATABASE again");
        Some(cluster.url("again"))
    });
}
