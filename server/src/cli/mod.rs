//! The command line. One file per command group, each with an `Args` and a `run`; a new group is
//! one `mod`, one line in [`Command`] and one line in [`run`]. Only this folder prints.

mod area;
mod assign;
mod backup;
mod bench;
mod config;
mod demo;
mod device;
mod doctor;
mod household;
mod kind;
mod migrate;
mod moment;
mod policy;
mod purge;
mod rescue;
mod restore;
mod secret;
mod serve;
mod user;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry;

#[derive(Parser)]
#[command(
    name = "kadian",
    version,
    about = "Registers people at checkpoints and keeps grid lists, on phones that may be offline for days.",
    after_help = "Settings come from four layers, the later ones winning: defaults, a TOML file (--config, \
KADIAN_CONFIG or ./kadian.toml), the environment (KADIAN_HTTP_LISTEN is http.listen), flags. \
`kadian config` prints what holds and why."
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See it work: a district in small, and phones that live through a day on a bad network
    Demo(demo::Args),
    /// Serve phones and consoles over HTTP until told to stop
    Serve(serve::Args),
    /// The area tree: import it from a list
    Area(area::Args),
    /// Import the households of grids from a spreadsheet
    Household(household::Args),
    /// Accounts: add, set a password, close
    User(user::Args),
    /// Phones: enrolment codes, list, revoke, block
    Device(device::Args),
    /// Make somebody the leader of a grid
    Assign(assign::Args),
    /// Kinds of records: list, check, add, export
    Kind(kind::Args),
    /// What makes an entry abnormal: show, add
    Policy(policy::Args),
    /// Purge what is no longer needed
    Purge(purge::Args),
    /// How fast it is on this machine, against the plainest server that loses nothing
    Bench(bench::Args),
    /// Make a backup while the server runs; say where it stands; list them
    Backup(backup::Args),
    /// Put a backup in place, into either database
    Restore(restore::Args),
    /// Take in what a phone could not send
    Rescue(rescue::Args),
    /// Say what is wrong, or soon will be
    Doctor(doctor::Args),
    /// Print the effective configuration and where each value comes from
    Config(config::Args),
    /// Bring the database up to this version (serving does so too)
    Migrate(migrate::Args),
}

/// The flags that every command takes.
#[derive(clap::Args, Clone)]
struct Settings {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the data stands: sqlite:///path/kadian.sqlite
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Set anything that `kadian config` lists, except secrets
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Settings {
    /// The configuration with these flags, and with those of the command itself, on top.
    fn load(&self, own: &[(&str, Option<String>)]) -> Result<Config, Failure> {
        let mut flags = vec![];
        for pair in &self.set {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure::new("--set takes NAME=VALUE, as --set http.workers=2"))?;
            flags.push((name.to_owned(), value.to_owned()));
        }
        let named = [("database.url", self.database.clone())];
        for (name, value) in named.iter().chain(own) {
            flags.extend(value.clone().map(|value| ((*name).to_owned(), value)));
        }
        Ok(Config::load(self.config.clone(), flags)?)
    }

    /// Opens the installation for a command that works on its data.
    fn open(&self, own: &[(&str, Option<String>)]) -> Result<Arc<App>, Failure> {
        let config = self.load(own)?;
        telemetry::start(&config.log);
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(App::open(config, Clock::system())?)
    }
}

/// What the operator is told when a command cannot do its work.
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        Self(text)
    }
}

/// Parses the arguments of the process and does what they say.
#[expect(clippy::print_stderr, reason = "the operator reads it")]
pub fn run() -> ExitCode {
    let Cli { settings, command } = Cli::parse();
    let done = match command {
        Command::Demo(args) => demo::run(&settings, &args),
        Command::Serve(args) => serve::run(&settings, &args),
        Command::Area(args) => area::run(&settings, &args),
        Command::Household(args) => household::run(&settings, &args),
        Command::User(args) => user::run(&settings, &args),
        Command::Device(args) => device::run(&settings, &args),
        Command::Assign(args) => assign::run(&settings, &args),
        Command::Backup(args) => backup::run(&settings, &args),
        Command::Restore(args) => restore::run(&settings, &args),
        Command::Bench(args) => bench::run(&settings, &args),
        Command::Doctor(args) => doctor::run(&settings, &args),
        Command::Kind(args) => kind::run(&settings, &args),
        Command::Policy(args) => policy::run(&settings, &args),
        Command::Rescue(args) => rescue::run(&settings, &args),
        Command::Purge(args) => purge::run(&settings, &args),
        Command::Config(args) => config::run(&settings, &args),
        Command::Migrate(args) => migrate::run(&settings, &args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("kadian: {text}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_come_before_or_after_the_command() {
        for line in [
            "kadian --database sqlite::memory: config",
            "kadian config --database sqlite::memory:",
            "kadian config --set database.url=sqlite::memory:",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).ok().unwrap();
            let config = cli.settings.load(&[]).ok().unwrap();
            assert_eq!(config.database.url, "sqlite::memory:", "{line}");
        }
    }
}
