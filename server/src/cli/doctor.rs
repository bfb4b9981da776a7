//! `kadian doctor`: what an operator should know before something goes wrong. It changes nothing
//! beyond what opening the installation does, and ends with status 1 when something is wrong.

use std::path::Path;
use std::sync::Arc;

use sync_protocol::Millis;

use super::{Failure, Settings, moment};
use crate::app::App;
use crate::backup::schedule::OLD_MS;
use crate::clock::{BUILD, Clock};
use crate::retention;
use crate::store::{self, accounts, acks, areas, backups, census, devices};
use crate::telemetry;

const DAY: Millis = 24 * 60 * 60 * 1000;
/// Below this share of free room a disk is a fault, below twice of it a warning.
const LEAST_FREE: f64 = 0.05;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kadian doctor\n  kadian doctor --json | jq '.[] | select(.state != \"fine\")'"
)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Fine,
    Warning,
    Fault,
}

#[derive(Debug, serde::Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    detail: String,
}

impl Finding {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self {
            name,
            state,
            detail: detail.into(),
        }
    }

    fn of(name: &'static str, sound: bool, otherwise: State, detail: impl Into<String>) -> Self {
        Self::new(name, if sound { State::Fine } else { otherwise }, detail)
    }
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let config = settings.load(&[])?;
    telemetry::start(&config.log);
    let findings = match App::open(config, Clock::system()) {
        Ok(app) => examine(&app),
        Err(error) => vec![Finding::new(
            "installation",
            State::Fault,
            Failure::from(error).0,
        )],
    };
    print(&findings, args.json)?;
    if findings.iter().any(|finding| finding.state == State::Fault) {
        return Err(Failure::new("something is wrong; see above"));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn print(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(findings)?);
        return Ok(());
    }
    for Finding {
        name,
        state,
        detail,
    } in findings
    {
        let mark = match state {
            State::Fine => "ok     ",
            State::Warning => "warning",
            State::Fault => "FAULT  ",
        };
        println!("{mark}  {name:<12} {detail}");
    }
    Ok(())
}

fn examine(app: &Arc<App>) -> Vec<Finding> {
    let now = app.clock.now();
    let mut findings = vec![clock(app, now), database(app), integrity(app), ledger(app)];
    if let Some(file) = app.store.file() {
        findings.push(disk(file));
        findings.extend(rights(app, file));
    }
    match app.store.read::<_, store::Error>(|c| {
        let phones = devices::count(c)?;
        let silent = devices::count_silent(c, now - DAY)?;
        let parked = census::open_parked(c)?;
        let admins = census::open_grants_of(c, "admin", now)?;
        Ok((
            phones,
            silent,
            parked,
            admins,
            areas::count(c)?,
            accounts::count(c)?,
        ))
    }) {
        Err(error) => findings.push(unreadable("people", error)),
        Ok((phones, silent, parked, admins, areas, accounts)) => {
            findings.push(Finding::of(
                "people",
                admins > 0 && areas > 0,
                State::Warning,
                match (areas, admins) {
                    (0, _) => "no areas yet: kadian area import FILE.csv".to_owned(),
                    (_, 0) => {
                        "nobody is admin: kadian user add LOGIN --name … --role admin --area …"
                            .to_owned()
                    }
                    _ => format!("{areas} areas, {accounts} accounts, {admins} admin roles"),
                },
            ));
            findings.push(Finding::of(
                "phones",
                silent == 0,
                State::Warning,
                format!("{phones} enrolled, {silent} active ones not heard of for 24 hours"),
            ));
            findings.push(Finding::of(
                "parked",
                parked == 0,
                State::Warning,
                format!("{parked} changes wait for somebody to resolve them"),
            ));
        }
    }
    findings.push(purge(app, now));
    findings.push(backup(app, now));
    findings
}

/// That nothing was purged for days is written in the log alone, and nobody waits for it.
fn purge(app: &App, now: Millis) -> Finding {
    match app.store.read(retention::last_run) {
        Err(error) => unreadable("purge", error),
        Ok(None) => Finding::new("purge", State::Fine, "none yet"),
        Ok(Some(last)) => Finding::of(
            "purge",
            now - last <= 3 * DAY,
            State::Warning,
            format!(
                "the last was {} ago; if it is long ago and the clock is right: kadian purge",
                super::backup::age(now - last)
            ),
        ),
    }
}

/// Backups that are missing are a warning as long as phones can still fill up what is lost.
fn backup(app: &Arc<App>, now: Millis) -> Finding {
    let found = app
        .store
        .read::<_, store::Error>(|c| Ok((backups::held_until(c)?, backups::oldest_confirmed(c)?)));
    let ((newest, since), oldest) = match found {
        Err(error) => return unreadable("backup", error),
        Ok(found) => found,
    };
    let age = now - since.unwrap_or(now);
    let newest = newest.map_or_else(
        || "no backup: kadian backup --to FOLDER --recipient age1…".to_owned(),
        |row| format!("the newest, {}, is {} old", row.id, super::backup::age(age)),
    );
    let horizon = super::backup::horizon(app, oldest.as_ref(), now);
    Finding::new(
        "backup",
        backup_state(since.map(|_| age), oldest.is_some()),
        format!("{newest}; {horizon}"),
    )
}

fn backup_state(age: Option<Millis>, confirmed: bool) -> State {
    match age {
        Some(age) if age > acks::LOCAL_DURABLE_AFTER_MS => State::Fault,
        Some(age) if age > OLD_MS || !confirmed => State::Warning,
        _ if confirmed => State::Fine,
        _ => State::Warning,
    }
}

fn unreadable(name: &'static str, error: store::Error) -> Finding {
    Finding::new(name, State::Fault, Failure::from(error).0)
}

fn clock(app: &App, now: Millis) -> Finding {
    let shown = moment::show(now);
    if now < BUILD {
        return Finding::new(
            "clock",
            State::Fault,
            format!("it shows {shown}, before this program was made"),
        );
    }
    match app.store.read(acks::last_seen) {
        Err(error) => unreadable("clock", error),
        Ok(Some(seen)) if now < seen - 10 * 60 * 1000 => Finding::new(
            "clock",
            State::Fault,
            format!(
                "it shows {shown}, but a push was taken at {}",
                moment::show(seen)
            ),
        ),
        Ok(_) => Finding::new("clock", State::Fine, shown),
    }
}

fn database(app: &App) -> Finding {
    let found = app
        .store
        .describe()
        .and_then(|version| Ok((version, app.store.pending_migrations()?)));
    match found {
        Err(error) => unreadable("database", error),
        Ok((version, pending)) => Finding::of(
            "database",
            pending.is_empty(),
            State::Fault,
            format!("{version}, {} migrations missing", pending.len()),
        ),
    }
}

fn integrity(app: &App) -> Finding {
    match app.store.examine() {
        Err(error) => unreadable("integrity", error),
        Ok(faults) if faults.is_empty() => {
            Finding::new("integrity", State::Fine, "the quick check found nothing")
        }
        Ok(faults) => Finding::new(
            "integrity",
            State::Fault,
            format!(
                "{} faults: restore a backup; the first is {}",
                faults.len(),
                faults[0]
            ),
        ),
    }
}

fn ledger(app: &App) -> Finding {
    let Some(path) = app.ledger.path() else {
        return Finding::new("ledger", State::Fine, "none, for a database in memory");
    };
    let counted = app.ledger.all().and_then(|mut reading| {
        let entries = reading
            .by_ref()
            .try_fold(0_u64, |count, entry| entry.map(|_| count + 1))?;
        Ok((entries, reading.passed_over()))
    });
    match counted {
        Err(error) => Finding::new("ledger", State::Fault, Failure::from(error).0),
        Ok((entries, passed_over)) => Finding::of(
            "ledger",
            passed_over == 0,
            State::Warning,
            format!(
                "{}: {entries} entries, {passed_over} lines that are none",
                path.display()
            ),
        ),
    }
}

fn disk(file: &Path) -> Finding {
    match rustix::fs::statvfs(file) {
        Err(error) => Finding::new("disk", State::Fault, error.to_string()),
        Ok(disk) => {
            let free = disk.f_bavail as f64 / (disk.f_blocks as f64).max(1.0);
            let state = match free {
                free if free < LEAST_FREE => State::Fault,
                free if free < 2.0 * LEAST_FREE => State::Warning,
                _ => State::Fine,
            };
            Finding::new("disk", state, format!("{:.0} % free", free * 100.0))
        }
    }
}

/// Files that nobody else on the machine may read.
fn rights(app: &App, database: &Path) -> Vec<Finding> {
    let keys = app.keys_file();
    let files = [
        ("keys", keys.as_deref()),
        ("data file", Some(database)),
        ("ledger file", app.ledger.path()),
    ];
    files
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
        .map(|(name, path)| match open_to_others(path) {
            Err(error) => Finding::new(name, State::Fault, error.to_string()),
            Ok(open) => Finding::of(
                name,
                !open,
                State::Fault,
                format!(
                    "{} {}",
                    path.display(),
                    if open {
                        "may be read by others: chmod 600"
                    } else {
                        "is its owner's alone"
                    }
                ),
            ),
        })
        .collect()
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(path: &Path) -> std::io::Result<bool> {
    std::fs::metadata(path).map(|_| false)
}
