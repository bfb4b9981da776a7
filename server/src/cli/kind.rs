//! `kadian kind`: what is registered, as files.

use std::path::{Path, PathBuf};

use sync_protocol::kind::KindScope;

use super::{Failure, Settings};
use crate::definitions::{NotAdded, kinds};
use crate::store;
use crate::sync::Engine;
use crate::sync::combiner::Failed;
use crate::sync::rules::parse_kind;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian kind list                       what there is, and since which schema version\n  \
kadian kind export registration        the file as it stands, to add a question to\n  \
kadian kind check registration.toml    whether it would be taken, and what would follow\n  \
kadian kind add registration.toml      from now on; phones fetch it at their next sync, nothing needs a restart\n\n\
docs/kinds.md says how to write one. Definitions may grow but not shift; every fault is named with what to do.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the kinds
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say whether a file would be taken, and change nothing
    Check { file: PathBuf },
    /// Add a kind, or the next version of one
    Add {
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the file of a kind as it stands
    Export { kind: String },
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let engine = open(settings)?;
    match &args.command {
        Command::List { json } => list(&engine, *json),
        Command::Check { file } => add(&engine, file, true, false),
        Command::Add { file, json } => add(&engine, file, false, *json),
        Command::Export { kind } => export(&engine, kind),
    }
}

/// The engine of a command: a writing process of its own beside the server.
pub(super) fn open(settings: &Settings) -> Result<Engine, Failure> {
    let process = ("sync.process", Some("command-line".to_owned()));
    Ok(settings.open(&[process])?.engine()?)
}

/// What a command on definitions ends with when it does not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    NotAdded(#[from] NotAdded),
    #[error(transparent)]
    Store(#[from] store::Error),
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn list(engine: &Engine, json: bool) -> Result<(), Failure> {
    let rules = engine
        .store()
        .read::<_, store::Error>(|c| engine.rules(c))?;
    for (schema, kind) in rules.kinds.all() {
        if rules.kinds.get(kind.name()).map(|newest| newest.version()) != Some(kind.version()) {
            continue;
        }
        let place = match kind.scope() {
            KindScope::Place { level, by_day } => {
                format!("at a {level}{}", if *by_day { ", by day" } else { "" })
            }
            KindScope::Parent { kind } => format!("with a {kind}"),
        };
        if json {
            let line = serde_json::json!({
                "kind": kind.name(), "version": kind.version(), "schema": schema, "scope": place,
                "days": kind.retention().days, "zh": kind.label().zh, "en": kind.label().en,
            });
            println!("{line}");
        } else {
            println!(
                "{}  version {} since schema {schema}, {place}, kept {} days  {} {}",
                kind.name(),
                kind.version(),
                kind.retention().days,
                kind.label().zh,
                kind.label().en
            );
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn add(engine: &Engine, file: &Path, dry: bool, json: bool) -> Result<(), Failure> {
    let text = read(file)?;
    let added = kinds::add::<Fault>(engine, &text, dry, |_| Ok(()))?;
    if json {
        println!("{}", serde_json::to_string(&added)?);
        return Ok(());
    }
    let kinds::Added {
        kind,
        version,
        schema,
        changed,
        recounted,
        reindexed,
        admitted,
    } = added;
    if changed {
        let done = if dry { "would hold" } else { "holds" };
        println!("{kind} version {version} {done} from schema {schema} on");
    } else {
        println!("{kind} version {version} holds already");
    }
    if recounted {
        println!("its tallies are counted anew");
    }
    if reindexed {
        println!("what it can be found by is made anew");
    }
    if admitted > 0 {
        println!("{admitted} changes that waited for it are in their records");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the file goes to standard output")]
fn export(engine: &Engine, name: &str) -> Result<(), Failure> {
    let rows = engine
        .store()
        .read::<_, store::Error>(store::definitions::kinds)?;
    // Rows come oldest first.
    let newest = rows.into_iter().rev().find(|row| row.name == name);
    let row = newest.ok_or_else(|| Failure::new("there is no such kind; `kadian kind list`"))?;
    parse_kind(&row.definition)?;
    print!("{}", row.definition);
    Ok(())
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::new(format!(
            "{} cannot be read: {}",
            file.display(),
            error.kind()
        ))
    })
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        Self::NotAdded(failed.into())
    }
}
