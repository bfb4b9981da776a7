//! `kadian area`: the area tree comes in from a list.

use std::path::PathBuf;

use super::{Failure, Settings};
use crate::accounts::Error;
use crate::import::area::{self, Report};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian area import areas.csv           columns code,parent,level,name and, if wanted, timezone; rows in any order\n  \
kadian area import --json - < list.csv the report as JSON\n\n\
A row such as 999999001001,999999001,village,一号村,Asia/Shanghai. The topmost node has no parent. Levels: city,\n\
district, town, village, grid, checkpoint, place, enterprise, site (others are taken). A code that exists gets the\n\
new name, level and time zone. With one bad row nothing is imported, and every bad row is named.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Import a list of areas from a CSV file: everything or nothing
    Import {
        /// The file; - reads standard input
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let Command::Import { file, json } = &args.command;
    // Read once, because a transaction may be run again.
    let list = read(file)?;
    let app = settings.open(&[])?;
    let report = app
        .store
        .write::<_, Error>(|c| area::areas(c, list.as_slice()))?;
    print(&report, *json)?;
    if report.bad > 0 {
        return Err(Failure::new("nothing was imported"));
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let wrong = |error: std::io::Error| {
        Failure::new(format!(
            "{} cannot be read: {}",
            file.display(),
            error.kind()
        ))
    };
    if file.as_os_str() == "-" {
        let mut list = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut list).map_err(wrong)?;
        return Ok(list);
    }
    std::fs::read(file).map_err(wrong)
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn print(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    for bad in &report.listed {
        println!("line {}, {}: {}", bad.line, bad.column, bad.reason);
    }
    if report.bad > report.listed.len() {
        println!("and {} more", report.bad - report.listed.len());
    }
    println!(
        "{} rows: {} added, {} changed, {} unchanged, {} bad",
        report.rows, report.added, report.changed, report.unchanged, report.bad
    );
    Ok(())
}
