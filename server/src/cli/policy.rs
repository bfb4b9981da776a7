//! `kadian policy`: what makes an entry abnormal, as a file.

use std::path::PathBuf;

use super::kind::{Fault, open, read};
use super::{Failure, Settings};
use crate::definitions::policies;
use crate::store::{self, definitions};

/// The document that holds until another one is added.
const BUILT_IN: &str = sync_protocol::policy::BUILT_IN;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian policy show > policy.toml    the file as it stands, to change a threshold or a risk area in\n  \
kadian policy add policy.toml       from now on, for everything written from now on\n\n\
docs/kinds.md says how to write one.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the file as it stands
    Show,
    /// Add the next version
    Add {
        file: PathBuf,
        /// Only say whether it would be taken
        #[arg(long)]
        dry_run: bool,
    },
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let engine = open(settings)?;
    match &args.command {
        Command::Show => {
            let text = engine.store().read::<_, store::Error>(|c| {
                let (_, version) = definitions::versions(c)?;
                definitions::policy(c, version)
            })?;
            print!("{}", text.as_deref().unwrap_or(BUILT_IN));
        }
        Command::Add { file, dry_run } => {
            let text = read(file)?;
            let added = policies::add::<Fault>(&engine, &text, *dry_run, |_| Ok(None))?;
            for warning in &added.warnings {
                println!("warning: {warning}");
            }
            match (added.changed, dry_run) {
                (false, _) => println!("this policy holds already"),
                (true, true) => println!("it would hold as version {}", added.version),
                (true, false) => println!("it holds as version {}", added.version),
            }
        }
    }
    Ok(())
}
