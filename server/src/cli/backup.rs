//! `kadian backup`: make one, and say what became of those that were made.

use std::path::PathBuf;
use std::sync::Arc;
use sync_protocol::Millis;

use super::{Failure, Settings, moment};
use crate::app::App;
use crate::backup::{make, schedule, sealed};
use crate::store::acks::Durable;
use crate::store::backups::{self, BackupRow};

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
kadian backup --to /backup --recipient age1…          # while the server runs\n  \
rsync /backup/kadian-… elsewhere:/keep/\n  \
ssh elsewhere sha256sum /keep/kadian-… | kadian backup confirm -\n  \
kadian backup list\n\n\
The backup is one file, encrypted for the holder of the key: `kadian restore` opens it, and so does\n\
`age --decrypt`. It holds the database and the side ledger, not the keys file: keep that apart."
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// The file to write, or a folder in which it is named by its moment
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// Encrypt for this public key (age1…), once or more; else for backup.recipient
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
    /// The place is on another machine: confirm it at once
    #[arg(long)]
    off_machine: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// The backups on record, the newest first
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say that a backup stands on another machine: what it holds, phones need not keep any longer
    Confirm {
        /// The file as it stands there, or its SHA-256, or - for the output of sha256sum there
        #[arg(value_name = "FILE|SHA256|-")]
        what: String,
    },
    /// Say that a backup is gone, or will never be restored
    Forget {
        /// As `kadian backup list` calls it
        backup: String,
    },
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => create(settings, args),
        Some(Action::List { json }) => list(settings, *json),
        Some(Action::Confirm { what }) => confirm(settings, what),
        Some(Action::Forget { backup }) => forget(settings, backup),
    }
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn create(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let to = args
        .to
        .as_ref()
        .ok_or_else(|| Failure::new("say where with --to"))?;
    let keys = if args.recipient.is_empty() {
        app.config.backup.recipient.clone()
    } else {
        args.recipient.join(" ")
    };
    let order = make::Order {
        to,
        recipients: &sealed::recipients(&keys)?,
        beside: &app.beside(),
        off_machine: args.off_machine,
    };
    let made = make::make(&app.store, &app.ledger, &order, app.clock.now())?;
    schedule::settle(&app.store, app.durable())?;
    if args.json {
        println!("{}", serde_json::to_string(&made.manifest)?);
        return Ok(());
    }
    println!(
        "backup {} of {}: {}, {} bytes, {} records counted again",
        made.manifest.backup,
        moment::show(made.manifest.at),
        made.file.display(),
        made.manifest.bytes,
        made.records
    );
    if !args.off_machine {
        println!(
            "copy it to another machine, then: kadian backup confirm {}",
            made.manifest.sha256
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn list(settings: &Settings, json: bool) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let (all, oldest) = app.store.read::<_, crate::store::Error>(|c| {
        Ok((backups::all(c)?, backups::oldest_confirmed(c)?))
    })?;
    let now = app.clock.now();
    for row in &all {
        if json {
            println!("{}", as_json(row, now));
        } else {
            println!("{}", as_line(row, now));
        }
    }
    if !json {
        println!("{}", horizon(&app, oldest.as_ref(), now));
    }
    Ok(())
}

fn as_json(row: &BackupRow, now: Millis) -> String {
    serde_json::json!({
        "backup": row.id, "at": row.at, "age_seconds": (now - row.at) / 1000, "file": row.name,
        "bytes": row.bytes, "sha256": row.sha256, "epoch": row.epoch, "confirmed_at": row.confirmed_at,
    })
    .to_string()
}

fn as_line(row: &BackupRow, now: Millis) -> String {
    format!(
        "{}  {}  {:>7}  {:>12} bytes  {}  {}",
        row.id,
        moment::show(row.at),
        age(now - row.at),
        row.bytes,
        if row.confirmed_at.is_some() {
            "confirmed"
        } else {
            "unconfirmed"
        },
        row.name
    )
}

/// What the record means for phones.
pub(super) fn horizon(app: &Arc<App>, oldest: Option<&BackupRow>, now: Millis) -> String {
    match (app.durable(), oldest) {
        (Durable::Local, _) => {
            "phones keep what they sent for 72 hours after it was acknowledged (backup.durable is local)".to_owned()
        }
        (Durable::Backup, Some(row)) => format!(
            "phones keep what they sent in the last {}: what is newer than backup {}",
            age(now - row.at),
            row.id
        ),
        (Durable::Backup, None) => {
            "phones keep everything they sent, until a backup is confirmed".to_owned()
        }
    }
}

/// A stretch of time as people say it.
pub(super) fn age(stretch: Millis) -> String {
    let minutes = stretch / 60_000;
    match minutes {
        ..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn confirm(settings: &Settings, what: &str) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let digest = match what {
        "-" => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        }
        digest if is_digest(digest) => digest.to_owned(),
        file => sealed::measure(std::path::Path::new(file))?.sha256,
    };
    let now = app.clock.now();
    let row = app.store.write::<_, crate::store::Error>(|c| {
        let Some(row) = backups::by_sha256(c, &digest)? else {
            return Ok(None);
        };
        backups::confirm(c, &row.id, now)?;
        Ok(Some(row))
    })?;
    let Some(row) = row else {
        return Err(Failure::new(
            "no backup on record has these bytes: it was damaged on its way, or is another's (`kadian backup list`)",
        ));
    };
    let phones = schedule::settle(&app.store, app.durable())?;
    println!(
        "backup {} is confirmed; more is durable for {phones} phones",
        row.id
    );
    Ok(())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn forget(settings: &Settings, backup: &str) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    if !app.store.write(|c| backups::forget(c, backup))? {
        return Err(Failure::new(
            "no backup on record is called so (`kadian backup list`)",
        ));
    }
    let phones = schedule::settle(&app.store, app.durable())?;
    println!("backup {backup} is forgotten; more is durable for {phones} phones");
    Ok(())
}
