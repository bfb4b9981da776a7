//! `kadian rescue`: what a phone could not send comes in by hand.

use std::path::PathBuf;

use super::{Failure, Settings};
use crate::rescue::import::{self, TakenIn};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian rescue import kadian-rescue-202611221840.bin\n  \
kadian rescue import kadian-rescue-202611221840.bin --as chen    entries from before any enrolment are chen's\n\n\
The file is sealed for this installation and opens with its keys file. Taking it in twice, or after the phone has\n\
sent its entries after all, changes nothing.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Take in a rescue file that a phone has exported
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Whose the entries are that were made before anybody had enrolled the phone
        #[arg(long = "as", value_name = "LOGIN")]
        login: Option<String>,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let Command::Import { file, login, json } = &args.command;
    let bytes = std::fs::read(file)?;
    let app = settings.open(&[])?;
    let taken = import::import(&app, &bytes, login.as_deref());
    app.stop();
    let taken = taken?;
    if *json {
        println!("{}", serde_json::to_string(&taken)?);
    } else {
        taken.iter().for_each(|one| println!("{}", said(one)));
    }
    if taken.iter().any(|one| one.under.is_none()) {
        return Err(Failure::new(
            "some entries were made before anybody had enrolled the phone: say whose they are with --as LOGIN",
        ));
    }
    Ok(())
}

fn said(one: &TakenIn) -> String {
    let who = one.device.map_or_else(
        || "before any enrolment".to_owned(),
        |device| format!("device {device}"),
    );
    let TakenIn {
        changes,
        before,
        applied,
        merged,
        parked,
        invalid,
        ..
    } = one;
    format!(
        "{who}: {changes} changes, {before} taken in before; {applied} applied, {merged} merged, {parked} parked, {invalid} invalid"
    )
}
