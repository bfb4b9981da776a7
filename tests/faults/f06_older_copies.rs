//! F6: an older copy of the database is put back, and every phone is ahead of it; once, and once
//! more, while some phones hear of neither. What was revoked in between stays revoked.

use std::path::Path;
use std::time::Duration;

use kadian::accounts::{self, Actor, Error};
use kadian::store::devices::{self, DeviceState};
use kadian_tests::cluster::Cluster;
use sync_protocol::id::DeviceNumber;

use crate::crowd::seen;
use crate::oracle::Oracle;
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

/// What an installation is kept as while an older copy of it lies beside.
trait Keeper {
    /// Keeps a copy of the database as it is now; the server stands still.
    fn keep(&mut self);
    /// Puts the copy in its place, and says by which URL it is reached if that changed.
    fn put_back(&mut self) -> Option<String>;
}

struct File<'a> {
    folder: &'a Path,
    kept: Vec<(String, Vec<u8>)>,
}

impl File<'_> {
    fn names(&self) -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir(self.folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // Keys and ledger are not copied back: the ledger is what must not grow old.
        names.filter(|name| name.starts_with("kadian.sqlite") && !name.ends_with(".ledger"))
    }
}

impl Keeper for File<'_> {
    fn keep(&mut self) {
        let read = |name: String| {
            let bytes = std::fs::read(self.folder.join(&name)).unwrap();
            (name, bytes)
        };
        self.kept = self.names().map(read).collect();
    }

    fn put_back(&mut self) -> Option<String> {
        for name in self.names() {
            std::fs::remove_file(self.folder.join(name)).unwrap();
        }
        for (name, bytes) in &self.kept {
            std::fs::write(self.folder.join(name), bytes).unwrap();
        }
        None
    }
}

/// The copy is a base backup, which is promoted in the place of the primary that is gone.
struct Server {
    primary: Cluster,
    copy: Option<Cluster>,
    made: usize,
}

impl Keeper for Server {
    fn keep(&mut self) {
        self.made += 1;
        let mut copy = Cluster::follow(&self.primary, &format!("c{}", self.made), None);
        copy.crash();
        self.copy = Some(copy);
    }

    fn put_back(&mut self) -> Option<String> {
        self.primary.crash();
        let mut copy = self.copy.take().unwrap();
        copy.resume();
        copy.promote();
        self.primary = copy;
        Some(self.primary.url("postgres"))
    }
}

fn settle(oracles: &mut [Oracle]) {
    for oracle in oracles {
        oracle.hang_up();
        assert!(
            oracle.settle(REST),
            "a phone does not come to rest: {:?}",
            oracle.seen
        );
    }
}

fn attack(row: &str, mut site: Site, phones: usize, keeper: &mut dyn Keeper) {
    let mut chance = seed(row);
    let (mut process, mut oracles) = site.begin(phones, &chance);
    let times = scaled(2, 40);
    let mut revoked = Vec::new();
    for time in 0..times {
        for oracle in &mut oracles {
            let count = 3 + chance.below(5);
            oracle.capture(count);
        }
        settle(&mut oracles);
        process.kill();
        keeper.keep();
        process = site.start();
        process.ready();
        // Most go on, and the copy knows nothing of it; the last third is away over two restores.
        let here = phones - phones / 3 * (time % 2);
        for oracle in &mut oracles {
            let count = 1 + chance.below(8);
            oracle.capture(count);
        }
        settle(&mut oracles[..here]);
        // A phone is lost, and everybody knows.
        let number = oracles[time].number();
        let app = site.open();
        app.store
            .write::<_, Error>(|c| {
                let (actor, now) = (Actor::CommandLine, app.clock.now());
                let device = DeviceNumber(number);
                accounts::devices::set_state(
                    c,
                    &app.ledger,
                    actor,
                    device,
                    DeviceState::PushOnly,
                    now,
                )
            })
            .unwrap();
        revoked.push(number);
        drop(app);
        process.kill();
        if let Some(url) = keeper.put_back() {
            site.turn_to(&url);
        }
        process = site.start();
        process.ready();
        for oracle in &mut oracles {
            oracle.capture(1);
        }
        settle(&mut oracles[..here]);
    }
    settle(&mut oracles);
    let seen = seen(&oracles);
    process.kill();
    let app = site.open();
    let states: Vec<String> = app
        .store
        .read::<_, kadian::store::Error>(|c| {
            revoked
                .iter()
                .map(|number| Ok(devices::by_number(c, DeviceNumber(*number))?.unwrap().state))
                .collect()
        })
        .unwrap();
    drop(app);
    let revived = states.iter().filter(|state| *state == "active").count();
    let found = site.reckon();
    found.print(
        row,
        times,
        times,
        &format!(
            "{phones} phones, {} sent again from an earlier number, forks {}; kept aside {:?}; revoked {} of which revived {revived}",
            seen.gaps,
            seen.forks,
            found.aside,
            revoked.len()
        ),
    );
    found.is_sound();
    assert_eq!(revived, 0);
    assert!(seen.gaps > 0, "no phone was ahead: {seen:?}");
    let mut aside = found.aside;
    // What a revoked phone brings is kept.
    aside.remove("out_of_scope");
    aside.remove("behind");
    assert!(aside.is_empty(), "{aside:?}");
}

#[test]
fn f6_after_an_older_file_is_put_back_the_phones_bring_back_all_that_it_lacked() {
    let phones = scaled(9, 200);
    let site = Site::in_file(phones);
    let folder = site.path().to_owned();
    let mut keeper = File {
        folder: &folder,
        kept: Vec::new(),
    };
    attack("F6 an older file put back", site, phones, &mut keeper);
}

#[test]
fn f6_after_an_older_database_is_put_back_the_phones_bring_back_all_that_it_lacked() {
    let phones = scaled(9, 200);
    let primary = Cluster::start(&[]);
    let site = Site::on(&primary.url("postgres"), phones);
    let mut keeper = Server {
        primary,
        copy: None,
        made: 0,
    };
    attack("F6 an older database put back", site, phones, &mut keeper);
}
