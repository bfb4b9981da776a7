//! The configuration, parsed once into typed fields. Values come from four layers, the later ones
//! winning: defaults, a TOML file, the environment (`KADIAN_*`), flags. [`layers`] knows where a
//! value came from; this file knows what it means. A new setting is one line in
//! [`layers::SETTINGS`] and one field here.

mod layers;

pub use layers::{Error, Line, Origin, SETTINGS, Setting, Sources};

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use layers::Layers;

#[derive(Debug, Clone)]
pub struct Config {
    pub database: Database,
    pub ledger: LedgerFile,
    pub accounts: Accounts,
    pub keys: KeysFile,
    pub http: Http,
    pub sync: Sync,
    pub backup: Backup,
    pub metrics: Metrics,
    pub log: Log,
    lines: Vec<Line>,
    warnings: Vec<String>,
}

#[derive(Clone)]
pub struct Database {
    /// May have a password in it when it comes from the environment.
    pub url: String,
    /// Where it does not stand in the URL.
    pub password: Option<Secret>,
    pub readers: usize,
    pub writers: usize,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &layers::without_password(&self.url))
            .field("password", &self.password)
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .finish()
    }
}

/// Where the side ledger is kept; nothing means beside the database.
#[derive(Debug, Clone)]
pub struct LedgerFile {
    pub file: Option<PathBuf>,
    /// Begin a new one where it is missing or foreign.
    pub insist: bool,
}

#[derive(Debug, Clone)]
pub struct Accounts {
    pub password_memory_kib: u32,
    pub code_minutes: u32,
}

/// Where the keys are kept; nothing means beside the database.
#[derive(Debug, Clone)]
pub struct KeysFile {
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Http {
    pub listen: SocketAddr,
    /// Threads that serve requests; 0 means one per core.
    pub workers: usize,
    /// Open connections per worker.
    pub connections: usize,
    /// Requests that may wait for the database at the same time.
    pub waiting: usize,
    /// What all request bodies together may hold in memory.
    pub body_memory_mib: usize,
    /// Whether the caller's address is the last one that a proxy wrote to `X-Forwarded-For`.
    pub behind_proxy: bool,
}

#[derive(Debug, Clone)]
pub struct Sync {
    /// Under this name the process leases its device number.
    pub process: String,
    /// An operator says that the machine's clock is right.
    pub insist_on_clock: bool,
    /// Phones with older definitions may push, not pull.
    pub oldest_schema: u32,
    /// Of one phone; 0 means no limit.
    pub requests_per_minute: u32,
    /// Of one account; 0 means no limit.
    pub look_ups_per_minute: u32,
}

/// What the server does by itself about backups.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The folder; without one it makes none.
    pub to: Option<PathBuf>,
    pub recipient: String,
    pub every_hours: u32,
    pub keep: usize,
    /// The folder is on another machine.
    pub off_machine: bool,
    pub durable: Durable,
}

/// What makes a change durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    Local,
    Backup,
}

#[derive(Debug, Clone)]
pub struct Metrics {
    /// Whoever shows this may read `/metrics`; without it, only the machine itself may.
    pub token: Option<Secret>,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// For comparing and signing; the caller keeps it out of logs and replies.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Config {
    /// The configuration of this process: its file, its environment and the flags given.
    pub fn load(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Result<Self, Error> {
        Self::resolve(&Sources::of_process(file, flags)?)
    }

    /// The defaults alone, as tests want them.
    pub fn defaults() -> Result<Self, Error> {
        Self::resolve(&Sources::default())
    }

    pub fn resolve(sources: &Sources) -> Result<Self, Error> {
        let layers = Layers::merge(sources)?;
        let whole = |name, least: usize, most: usize| {
            layers.parse(
                name,
                &format!("a whole number from {least} to {most}"),
                |text| {
                    text.parse()
                        .ok()
                        .filter(|number| (least..=most).contains(number))
                },
            )
        };
        let number = |name| {
            layers.parse(name, "a whole number from 0", |text| {
                text.parse::<u32>().ok()
            })
        };
        let flag = |name| layers.parse(name, "true or false", |text| text.parse().ok());
        Ok(Self {
            database: Database {
                url: layers.text("database.url"),
                password: layers.given("database.password").map(Secret),
                readers: whole("database.readers", 1, 256)?,
                writers: whole("database.writers", 1, 64)?,
            },
            ledger: LedgerFile {
                file: layers.given("ledger.file").map(PathBuf::from),
                insist: flag("ledger.insist")?,
            },
            accounts: Accounts {
                password_memory_kib: u32::try_from(whole(
                    "accounts.password_memory_kib",
                    19_456,
                    1_048_576,
                )?)
                .unwrap_or(u32::MAX),
                code_minutes: u32::try_from(whole("accounts.code_minutes", 1, 1440)?).unwrap_or(10),
            },
            keys: KeysFile {
                file: layers.given("keys.file").map(PathBuf::from),
            },
            http: Http {
                listen: layers.parse(
                    "http.listen",
                    "an address and a port, as 127.0.0.1:8080",
                    |text| text.parse().ok(),
                )?,
                workers: whole("http.workers", 0, 1024)?,
                connections: whole("http.connections", 1, 100_000)?,
                waiting: whole("http.waiting", 1, 100_000)?,
                body_memory_mib: whole("http.body_memory_mib", 4, 1_048_576)?,
                behind_proxy: flag("http.behind_proxy")?,
            },
            sync: Sync {
                process: layers.parse("sync.process", "a name of 1 to 64 characters", |text| {
                    (1..=64)
                        .contains(&text.chars().count())
                        .then(|| text.to_owned())
                })?,
                insist_on_clock: flag("sync.insist_on_clock")?,
                oldest_schema: number("sync.oldest_schema")?,
                requests_per_minute: number("sync.requests_per_minute")?,
                look_ups_per_minute: number("sync.look_ups_per_minute")?,
            },
            backup: Backup {
                to: layers.given("backup.to").map(PathBuf::from),
                recipient: layers.text("backup.recipient"),
                every_hours: u32::try_from(whole("backup.every_hours", 1, 24 * 365)?).unwrap_or(24),
                keep: whole("backup.keep", 1, 10_000)?,
                off_machine: flag("backup.off_machine")?,
                durable: layers.parse("backup.durable", "local or backup", |text| match text {
                    "local" => Some(Durable::Local),
                    "backup" => Some(Durable::Backup),
                    _ => None,
                })?,
            },
            metrics: Metrics {
                token: layers.given("metrics.token").map(Secret),
            },
            log: Log {
                format: layers.parse("log.format", "human or json", |text| match text {
                    "human" => Some(LogFormat::Human),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                })?,
                filter: layers.text("log.filter"),
            },
            lines: layers.lines(),
            warnings: layers.warnings(),
        })
    }

    /// Every setting with its effective value and origin; secrets as `***`.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What was given and has no effect.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests;
