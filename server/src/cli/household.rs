//! `kadian household`: the lists of grids come in from a spreadsheet.

use std::path::PathBuf;

use serde_json::json;

use super::{Failure, Settings};
use crate::import::household::{self, Imported};
use crate::store::accounts;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian household import list.csv --as officer\n  \
kadian household import list.csv --as officer --json\n\n\
The first line names the columns, in any order; required are grid and number, and there may be state, street,\n\
building, unit, room, address, phone, member_name, relation, sex, birth_date, document, id_number, member_phone,\n\
member_state and key_groups (codes parted by ;). One row per member; the rows of one household stand together, a\n\
household without members is one row. Save it from a spreadsheet as CSV in UTF-8.\n\n\
Every row is checked before any is written. With one bad row nothing is imported, and every bad row is named by line\n\
and reason. The same list imported again changes what differs and leaves the rest alone.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Import households and their members from a CSV file: everything or nothing
    Import {
        /// The file
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
        /// In whose name: somebody who may write households in all these grids
        #[arg(long = "as", value_name = "LOGIN")]
        login: String,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let Command::Import { file, login, json } = &args.command;
    let app = settings.open(&[])?;
    let account = app
        .store
        .read(|connection| accounts::by_login(connection, login))?
        .ok_or_else(|| Failure::new("there is no account with that login"))?;
    let engine = app.engine()?;
    let bar = super::demo::spinner("rows read");
    let user = sync_protocol::id::UserId(account.id);
    let imported = household::import(&engine, file, user, app.clock.now(), |line| {
        bar.set_position(line);
    })?;
    bar.finish_and_clear();
    app.stop();
    match imported {
        Imported::Done(brought) => {
            if *json {
                let report = json!({
                    "created": brought.created,
                    "updated": brought.updated,
                    "unchanged": brought.unchanged,
                    "bad": 0,
                });
                println!("{report}");
            } else {
                println!(
                    "{} households new, {} changed, {} as they were",
                    brought.created, brought.updated, brought.unchanged
                );
            }
            Ok(())
        }
        Imported::Bad { rows, count } => {
            if *json {
                println!("{}", json!({ "bad": count, "rows": rows }));
            } else {
                for row in &rows {
                    println!("line {}, {}: {}", row.line, row.column, row.reason);
                }
                let more = count.saturating_sub(rows.len() as u64);
                if more > 0 {
                    println!("and {more} more");
                }
            }
            Err(Failure::new(format!(
                "{count} faults; nothing was imported"
            )))
        }
    }
}
