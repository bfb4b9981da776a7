//! A server that is lost and restored by the real command line, and what its database holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use age::secrecy::ExposeSecret as _;
use kadian::app::App;
use kadian::backup::make::{self, Made};
use kadian::backup::{Error, sealed};
use kadian::clock::Clock;
use kadian::store::{self, records, scopes, trial};
use kadian_tests::Walker;
use kadian_tests::lines::Pen;
use kadian_tests::process::binary;
use kadian_tests::server::{Server, open, settings};
use serde_json::Value;
use sync_protocol::replica::Draft;
use tempfile::TempDir;

/// Where everything of one installation is kept.
pub(super) struct Place {
    pub(super) folder: TempDir,
    /// On another machine, so to speak.
    pub(super) elsewhere: TempDir,
    pub(super) more: Vec<(String, String)>,
    /// What backups are sealed for.
    pub(super) recipient: String,
}

/// The server on which the databases of these tests are, if they are on one.
fn on_server() -> Option<String> {
    std::env::var(trial::SERVER).ok()
}

/// Writes a new identity as `age-keygen` does, and returns its public key.
pub(super) fn keygen(file: &Path) -> String {
    let key = age::x25519::Identity::generate();
    let public = key.to_public().to_string();
    let secret = key.to_string();
    let text = format!("# public key: {public}\n{}\n", secret.expose_secret());
    std::fs::write(file, text).unwrap();
    public
}

impl Place {
    pub(super) fn new(more: &[(&str, &str)]) -> Self {
        let elsewhere = tempfile::tempdir().unwrap();
        let recipient = keygen(&elsewhere.path().join("key"));
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            folder: tempfile::tempdir().unwrap(),
            elsewhere,
            more,
            recipient,
        }
    }

    /// The file of the database, where it is one.
    pub(super) fn database(&self) -> Option<PathBuf> {
        let file = self.folder.path().join("kadian.sqlite");
        on_server().is_none().then_some(file)
    }

    pub(super) fn ledger(&self) -> PathBuf {
        let name = match self.database() {
            Some(_) => "kadian.sqlite.ledger",
            None => kadian::ledger::FILE_NAME,
        };
        self.folder.path().join(name)
    }

    pub(super) fn key(&self) -> PathBuf {
        self.elsewhere.path().join("key")
    }

    /// A command that is about this installation, not yet run.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .current_dir(self.folder.path())
            .args(words);
        for (name, value) in settings(self.folder.path()).iter().chain(&self.more) {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command that must do its work; what it printed.
    pub(super) fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must be refused; what it said.
    pub(super) fn refused(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{words:?}");
        error
    }

    pub(super) fn app(&self, clock: &Clock) -> std::sync::Arc<App> {
        open(self.folder.path(), &self.more, clock.clone())
    }

    /// The database and its log are gone; the ledger and the keys are not.
    pub(super) fn lose(&self) {
        if on_server().is_some() {
            // The next one who asks for its settings gets another database, an empty one.
            let note = self.folder.path().join("database-url");
            trial::remove(&std::fs::read_to_string(&note).unwrap()).unwrap();
            std::fs::remove_file(note).unwrap();
        }
        for end in ["", "-wal", "-shm"] {
            let path = self.folder.path().join(format!("kadian.sqlite{end}"));
            let _ = std::fs::remove_file(path);
        }
    }

    pub(super) fn restore(&self, file: &Path, more: &[&str]) -> String {
        self.done(&[&self.restoring(file)[..], more].concat())
    }

    pub(super) fn restore_refused(&self, file: &Path, more: &[&str]) -> String {
        self.refused(&[&self.restoring(file)[..], more].concat())
    }

    fn restoring<'a>(&self, file: &'a Path) -> [&'a str; 5] {
        let key: &'static str = self.key().display().to_string().leak();
        [
            "restore",
            "--from",
            file.to_str().unwrap(),
            "--identity",
            key,
        ]
    }

    /// A backup made inside the process of a running server; the place counts as another machine.
    pub(super) fn back_up(&self, app: &App) -> Made {
        self.back_up_to(app, self.elsewhere.path()).unwrap()
    }

    pub(super) fn back_up_to(&self, app: &App, to: &Path) -> Result<Made, Error> {
        let order = make::Order {
            to,
            recipients: &sealed::recipients(&self.recipient).unwrap(),
            beside: &app.beside(),
            off_machine: true,
        };
        let made = make::make(&app.store, &app.ledger, &order, app.clock.now())?;
        kadian::backup::schedule::settle(&app.store, app.durable())?;
        Ok(made)
    }

    /// The words of a backup by the command line.
    pub(super) fn backing_up<'a>(&'a self, to: &'a str) -> [&'a str; 5] {
        ["backup", "--to", to, "--recipient", &self.recipient]
    }

    /// Files beside the database that are a copy in clear.
    pub(super) fn in_clear(&self) -> Vec<String> {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(".copying-"))
            .collect()
    }

    /// Finished backups, oldest first.
    pub(super) fn backups(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = std::fs::read_dir(self.elsewhere.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "age"))
            .collect();
        found.sort();
        found
    }
}

/// Every record: its kind, its scope, its fields.
pub(super) fn dump(app: &App) -> BTreeMap<String, String> {
    let grids = ["grid:G1", "grid:G2", "grid:G3"].map(str::to_owned);
    app.store
        .read::<_, store::Error>(|c| {
            let mut all = scopes::by_names(c, &grids)?;
            all.extend(scopes::of_days_before(c, "9999-12-31", 0, 100_000)?);
            let mut found = BTreeMap::new();
            for scope in all {
                for row in records::in_scope(c, scope.id)? {
                    let fields = serde_json::to_string(&row.record()?.values()).unwrap();
                    found.insert(row.id, format!("{} {} {fields}", row.kind, scope.name));
                }
            }
            Ok(found)
        })
        .unwrap()
}

/// A server in this process, on the machine's clock.
pub(super) fn start(place: &Place) -> Server {
    let app = place.app(&Clock::system());
    let town = kadian_tests::Town::build(&app);
    Server::serve(app, town, tempfile::tempdir().unwrap())
}

/// The same after a restore: its people are there already.
pub(super) fn start_again(place: &Place, town: kadian_tests::Town) -> Server {
    let app = place.app(&Clock::system());
    Server::serve(app, town, tempfile::tempdir().unwrap())
}

/// Captures something new on a phone; its id.
pub(super) fn capture(walker: &mut Walker, pen: &mut Pen, scope: &str) -> String {
    let now = walker.clock.now();
    let (kind, change) = if scope.starts_with("grid") {
        ("household", pen.household(now, scope, 1))
    } else {
        ("registration", pen.registration(now, scope))
    };
    let id = change["record"].as_str().unwrap().to_owned();
    let draft = Draft::create(
        id.parse().unwrap(),
        kind,
        scope.parse().unwrap(),
        fields(&change["set"]),
    );
    let moment = walker.moment();
    walker.replica.capture(&draft, moment).unwrap();
    id
}

/// Captures a note on something that the phone shows.
pub(super) fn amend(walker: &mut Walker, pen: &mut Pen, id: &str, text: &str) {
    let note = format!("notes/{}", pen.id(walker.clock.now()));
    let set = fields(&serde_json::json!({ note: {"text": text} }));
    let draft = walker.replica.draft(id.parse().unwrap(), set).unwrap();
    let moment = walker.moment();
    walker.replica.capture(&draft, moment).unwrap();
}

fn fields(set: &Value) -> sync_protocol::change::Fields {
    set.as_object().unwrap().clone().into_iter().collect()
}
