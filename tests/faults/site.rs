//! One server and what lies around it: a folder with its database and log, the town, a port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kadian::app::App;
use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian_tests::Town;
use kadian_tests::process::{Process, free_port};
use kadian_tests::server::open;
use tempfile::TempDir;

use crate::book::{self, Key, Noted};
use crate::oracle::Oracle;
use crate::reckoning::Reckoning;

/// Where oracles work, in turn.
const PLACES: [(&str, &str); 2] = [("volunteer", "checkpoint:S1"), ("other", "checkpoint:S2")];

/// The settings of a database in this file.
pub(crate) fn sqlite(file: &Path) -> Vec<(String, String)> {
    let url = format!("sqlite://{}", file.display());
    vec![("database.url".to_owned(), url)]
}

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    /// Settings beside those of every test.
    pub(crate) settings: Vec<(String, String)>,
    /// Codes that are left, with the place where whoever uses one works.
    codes: Vec<(String, &'static str)>,
    books: Vec<PathBuf>,
}

impl Site {
    /// A town in a new database, with codes for so many oracles.
    pub(crate) fn build(oracles: usize) -> Self {
        Self::with(oracles, |_| Vec::new())
    }

    /// The same, in a file of SQLite whatever else the tests run on.
    pub(crate) fn in_file(oracles: usize) -> Self {
        Self::with(oracles, |folder| sqlite(&folder.join("kadian.sqlite")))
    }

    /// The same, in a file elsewhere.
    pub(crate) fn in_file_at(file: &Path, oracles: usize) -> Self {
        Self::with(oracles, |_| sqlite(file))
    }

    /// The same, in the database that a PostgreSQL URL names.
    pub(crate) fn on(url: &str, oracles: usize) -> Self {
        Self::with(oracles, |folder| {
            let beside = |name: &str| folder.join(name).display().to_string();
            vec![
                ("database.url".to_owned(), url.to_owned()),
                ("keys.file".to_owned(), beside("kadian.keys")),
                ("ledger.file".to_owned(), beside("kadian.ledger")),
            ]
        })
    }

    fn with(oracles: usize, settings: impl FnOnce(&Path) -> Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut site = Self {
            port: free_port(),
            settings: settings(folder.path()),
            folder,
            codes: Vec::new(),
            books: Vec::new(),
        };
        let app = site.open();
        let town = Town::build(&app);
        site.codes = (0..oracles)
            .map(|number| PLACES[number % 2])
            .map(|(login, place)| (town.code(&app, login), place))
            .rev()
            .collect();
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Lets it be another database from now on.
    pub(crate) fn turn_to(&mut self, url: &str) {
        self.settings.retain(|(name, _)| name != "database.url");
        self.settings
            .push(("database.url".to_owned(), url.to_owned()));
    }

    /// The database, opened beside or instead of the server.
    pub(crate) fn open(&self) -> Arc<App> {
        open(self.path(), &self.settings, Clock::system())
    }

    pub(crate) fn start(&self) -> Process {
        self.start_under(&[], &[])
    }

    /// Starts the server by way of another program, or with further settings.
    pub(crate) fn start_under(&self, wrapper: &[String], more: &[(&str, &str)]) -> Process {
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = settings.chain(more.iter().copied()).collect();
        Process::start_under(wrapper, self.path(), self.port, &settings)
    }

    /// Another process on the same database, under a name of its own.
    pub(crate) fn start_beside(&self, name: &str, port: u16) -> Process {
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = settings.chain([("sync.process", name)]).collect();
        Process::start(self.path(), port, &settings)
    }

    /// The next oracle; it reaches the server at `address`.
    pub(crate) fn oracle(&mut self, address: &str, chance: &Chance) -> Oracle {
        let number = self.books.len();
        let book = self.path().join(format!("book{number}"));
        let (code, place) = self.codes.pop().unwrap();
        self.books.push(book.clone());
        Oracle::new(
            address,
            &code,
            place,
            chance.branch(number as u64 + 1),
            &book,
        )
    }

    /// A code for somebody at the first place who keeps no book.
    pub(crate) fn code(&mut self) -> String {
        loop {
            let (code, place) = self.codes.pop().unwrap();
            if place == PLACES[0].1 {
                return code;
            }
        }
    }

    pub(crate) fn oracles(&mut self, count: usize, address: &str, chance: &Chance) -> Vec<Oracle> {
        (0..count).map(|_| self.oracle(address, chance)).collect()
    }

    /// Starts the server, and oracles that have reached it once.
    pub(crate) fn begin(&mut self, count: usize, chance: &Chance) -> (Process, Vec<Oracle>) {
        let mut process = self.start();
        process.ready();
        let mut oracles = self.oracles(count, &self.address(), chance);
        for oracle in &mut oracles {
            oracle.capture(1);
            assert!(oracle.settle(Duration::from_secs(120)));
        }
        (process, oracles)
    }

    /// A copy of an oracle, as of a phone's storage.
    pub(crate) fn copy(&mut self, oracle: &Oracle) -> Oracle {
        let number = self.books.len();
        let book = self.path().join(format!("book{number}"));
        self.books.push(book.clone());
        oracle.copy(number as u64, &book)
    }

    /// Holds all books against the store.
    pub(crate) fn reckon(&self) -> Reckoning {
        Reckoning::of(&self.open(), &self.noted())
    }

    /// What all books say.
    pub(crate) fn noted(&self) -> BTreeMap<Key, Noted> {
        book::read(&self.books)
    }

    /// What the server wrote to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}
