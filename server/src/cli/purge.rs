//! `kadian purge`: what is no longer needed goes. The server does the same by itself every day.

use super::kind::open;
use super::{Failure, Settings};
use crate::retention;

#[derive(clap::Args)]
#[command(
    after_help = "How long a kind is kept, and why, is said by its definition (`kadian kind list`). What is purged\n\
is gone for good: records, what lost in them, what was kept aside of them. Counts stay."
)]
pub(super) struct Args {
    /// Only count what is due
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let engine = open(settings)?;
    let report = retention::run(&engine, args.dry_run)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let done = if args.dry_run { "due" } else { "purged" };
    println!(
        "{done}: {} days of places whole, {} records, {} changes kept aside",
        report.scopes, report.records, report.aside
    );
    Ok(())
}
