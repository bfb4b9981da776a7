//! Where each value of the configuration comes from. Everything is text here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// One setting: its name in the file, its default, and what it is for.
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    /// Never printed; comes from the environment or from the file that `<name>_file` names.
    pub secret: bool,
    pub help: &'static str,
}

/// The file read when none is named, if it is there.
const DEFAULT_FILE: &str = "kadian.toml";
/// Variables of that prefix which are no settings.
const OTHER_VARIABLES: &[&str] = &[
    "KADIAN_CONFIG",
    "KADIAN_FAULTS",
    "KADIAN_SEED",
    "KADIAN_TEST_POSTGRES",
    "KADIAN_TRIES",
];

const fn plain(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        default,
        secret: false,
        help,
    }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        default: "",
        secret: true,
        help,
    }
}

/// Every setting there is; `kadian config` prints them with their help.
pub const SETTINGS: &[Setting] = &[
    plain(
        "database.url",
        "sqlite://kadian.sqlite",
        "where the data stands: sqlite:///path/file or postgres://user@host/database",
    ),
    secret(
        "database.password",
        "password of PostgreSQL's user, where the URL and PGPASSWORD have none",
    ),
    plain(
        "database.readers",
        "8",
        "snapshots that may be read at the same time",
    ),
    plain(
        "database.writers",
        "2",
        "transactions that may write beside each other (PostgreSQL; SQLite has one)",
    ),
    plain(
        "ledger.file",
        "",
        "file of the side ledger; empty: the database's name with .ledger (PostgreSQL: kadian.ledger)",
    ),
    plain(
        "ledger.insist",
        "false",
        "true: start although the ledger is missing or foreign; for one start, as a flag",
    ),
    plain(
        "accounts.password_memory_kib",
        "19456",
        "memory for hashing one password; more is safer and slower",
    ),
    plain(
        "accounts.code_minutes",
        "10",
        "how long an enrolment code is good for, unless asked otherwise",
    ),
    plain(
        "keys.file",
        "",
        "file of the keys; empty: kadian.keys beside the database (PostgreSQL: in the working directory)",
    ),
    plain(
        "http.listen",
        "127.0.0.1:8080",
        "address and port to serve on",
    ),
    plain(
        "http.workers",
        "0",
        "threads that serve requests; 0: one per core",
    ),
    plain("http.connections", "4096", "open connections per worker"),
    plain(
        "http.waiting",
        "4096",
        "requests that may be read or wait for the database before others hear 503",
    ),
    plain(
        "http.body_memory_mib",
        "128",
        "memory that all request bodies together may take",
    ),
    plain(
        "http.behind_proxy",
        "false",
        "true: the last address in X-Forwarded-For is the caller's",
    ),
    plain(
        "sync.process",
        "server",
        "name under which this process leases its device number; unique to each process on one database",
    ),
    plain(
        "sync.insist_on_clock",
        "false",
        "true: open although the machine's clock stands before what is on record",
    ),
    plain(
        "sync.oldest_schema",
        "0",
        "phones that hold older kind definitions may push but not pull",
    ),
    plain(
        "sync.requests_per_minute",
        "30",
        "requests of one phone, with as many at once; 0: no limit",
    ),
    plain(
        "sync.look_ups_per_minute",
        "20",
        "people or plates that one account may look up, with as many at once; 0: no limit",
    ),
    plain(
        "backup.to",
        "",
        "folder in which the server keeps backups by itself; empty: it makes none",
    ),
    plain(
        "backup.recipient",
        "",
        "public keys (age1…) that backups are encrypted for, parted by spaces",
    ),
    plain(
        "backup.every_hours",
        "12",
        "the server makes a backup when the last one is this old",
    ),
    plain(
        "backup.keep",
        "14",
        "backups that stay in the folder; older ones are removed and forgotten",
    ),
    plain(
        "backup.off_machine",
        "false",
        "true: the folder is on another machine, so that a backup in it counts as confirmed",
    ),
    plain(
        "backup.durable",
        "local",
        "when phones may let go of what they sent: local (72 hours after it was acknowledged) or backup (when the oldest confirmed backup holds it)",
    ),
    secret(
        "metrics.token",
        "bearer token for /metrics; without it only this machine may read them",
    ),
    plain("log.format", "human", "human or json"),
    plain(
        "log.filter",
        "info",
        "what is logged, as info or kadian=debug,info",
    ),
];

/// What is laid over the defaults, lowest first.
#[derive(Debug, Default)]
pub struct Sources {
    /// The name of the file and its text.
    pub file: Option<(PathBuf, String)>,
    pub environment: Vec<(String, String)>,
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// Reads the file (the one named, or `KADIAN_CONFIG`, or `kadian.toml` if it is there) and
    /// the environment of this process.
    pub(super) fn of_process(
        file: Option<PathBuf>,
        flags: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let default = Path::new(DEFAULT_FILE);
        let path = file
            .or_else(|| std::env::var_os("KADIAN_CONFIG").map(PathBuf::from))
            .or_else(|| default.exists().then(|| default.to_owned()));
        let file = match path {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    Error(format!(
                        "the file {} cannot be read: {}",
                        path.display(),
                        error.kind()
                    ))
                })?;
                Some((path, text))
            }
        };
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("KADIAN_"))
            .collect();
        Ok(Self {
            file,
            environment,
            flags,
        })
    }
}

/// Why a configuration was refused; a sentence for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One effective setting as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub name: &'static str,
    pub value: String,
    pub origin: Origin,
    pub help: &'static str,
}

pub(super) struct Layers {
    values: BTreeMap<&'static str, (String, Origin)>,
    warnings: Vec<String>,
}

impl Layers {
    pub(super) fn merge(sources: &Sources) -> Result<Self, Error> {
        let values = SETTINGS
            .iter()
            .map(|setting| (setting.name, (setting.default.to_owned(), Origin::Default)))
            .collect();
        let mut layers = Self {
            values,
            warnings: Vec::new(),
        };
        if let Some((path, text)) = &sources.file {
            layers.lay_file(path, text)?;
        }
        for (name, value) in &sources.environment {
            layers.lay_variable(name, value)?;
        }
        for (name, value) in &sources.flags {
            match setting(name) {
                Some(setting) if setting.secret => {
                    return Err(Error(format!(
                        "{name} is a secret: give it as {} or in a file named by {}_FILE, never as a flag",
                        variable(name),
                        variable(name)
                    )));
                }
                _ if has_password(value) => {
                    return Err(Error(format!(
                        "{name} has a password in it, and everybody on this machine can read flags: take it out and give it in a file named by {}_FILE",
                        variable("database.password")
                    )));
                }
                _ => layers.lay(name, value, Origin::Flag)?,
            }
        }
        Ok(layers)
    }

    fn lay_file(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let origin = Origin::File(path.to_owned());
        let wrong = |what: String| Error(format!("{}: {what}", path.display()));
        // The parser's own message quotes the line, which may be a secret put there by mistake.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let upto = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..upto]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            wrong(format!("line {line} is not TOML"))
        })?;
        for (group, content) in &table {
            let toml::Value::Table(content) = content else {
                return Err(wrong(format!("{group} must stand in a [group]")));
            };
            for (key, value) in content {
                let name = format!("{group}.{key}");
                let value = match value {
                    toml::Value::String(text) => text.clone(),
                    toml::Value::Integer(number) => number.to_string(),
                    toml::Value::Boolean(flag) => flag.to_string(),
                    _ => {
                        return Err(wrong(format!(
                            "{name} must be a text, a number or true/false"
                        )));
                    }
                };
                if setting(&name).is_some_and(|setting| setting.secret) {
                    return Err(wrong(format!(
                        "{name} is a secret: name a file that holds it with {name}_file"
                    )));
                }
                if has_password(&value) {
                    return Err(wrong(format!(
                        "{name} has a password in it: take it out and name a file that holds it with database.password_file"
                    )));
                }
                self.lay(&name, &value, origin.clone())?;
            }
        }
        Ok(())
    }

    fn lay_variable(&mut self, variable_name: &str, value: &str) -> Result<(), Error> {
        let known = SETTINGS.iter().find_map(|setting| {
            let variable = variable(setting.name);
            if variable == variable_name {
                Some(setting.name.to_owned())
            } else {
                (setting.secret && format!("{variable}_FILE") == variable_name)
                    .then(|| format!("{}_file", setting.name))
            }
        });
        match known {
            Some(name) => self.lay(&name, value, Origin::Environment(variable_name.to_owned())),
            None => {
                if !OTHER_VARIABLES.contains(&variable_name) {
                    self.warnings.push(format!(
                        "the environment variable {variable_name} is no setting"
                    ));
                }
                Ok(())
            }
        }
    }

    fn lay(&mut self, name: &str, value: &str, origin: Origin) -> Result<(), Error> {
        if let Some(setting) = setting(name) {
            self.values.insert(setting.name, (value.to_owned(), origin));
            return Ok(());
        }
        let holder = name
            .strip_suffix("_file")
            .and_then(setting)
            .filter(|setting| setting.secret)
            .ok_or_else(|| {
                Error(format!(
                    "{name} ({origin}) is no setting; `kadian config` lists them all"
                ))
            })?;
        let text = std::fs::read_to_string(value).map_err(|error| {
            Error(format!(
                "{name} ({origin}): the file cannot be read: {}",
                error.kind()
            ))
        })?;
        self.values
            .insert(holder.name, (text.trim().to_owned(), origin));
        Ok(())
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.values
            .get(name)
            .map(|(value, _)| value.clone())
            .unwrap_or_default()
    }

    /// The value unless it is empty.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(super) fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let (value, origin) = self
            .values
            .get(name)
            .ok_or_else(|| Error(format!("{name} is no setting")))?;
        parse(value).ok_or_else(|| Error(format!("{name} ({origin}) must be {expected}")))
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        SETTINGS
            .iter()
            .filter_map(|setting| {
                let (value, origin) = self.values.get(setting.name)?;
                let hidden = setting.secret && !value.is_empty();
                Some(Line {
                    name: setting.name,
                    value: if hidden {
                        "***".to_owned()
                    } else {
                        without_password(value)
                    },
                    origin: origin.clone(),
                    help: setting.help,
                })
            })
            .collect()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The part of a URL that a password stands in: from the first `:` after the scheme to the last
/// `@`. It is wide on purpose: whoever writes a URL wrong must not see the password printed either.
fn password_in(text: &str) -> Option<(usize, usize)> {
    if text.starts_with("sqlite:") {
        return None;
    }
    let begin = text.find("://")? + 3;
    let end = text.rfind('@').filter(|end| *end >= begin)?;
    let colon = text[begin..end].find(':')?;
    Some((begin + colon + 1, end))
}

fn has_password(text: &str) -> bool {
    password_in(text).is_some()
}

/// The text as it may be shown.
pub(super) fn without_password(text: &str) -> String {
    match password_in(text) {
        Some((begin, end)) => format!("{}***{}", &text[..begin], &text[end..]),
        None => text.to_owned(),
    }
}

/// `http.listen` in the environment is `KADIAN_HTTP_LISTEN`.
fn variable(name: &str) -> String {
    format!("KADIAN_{}", name.replace('.', "_").to_uppercase())
}
