//! `kadian device`: enrolment codes, and phones that are lost.

use std::io::Write as _;
use sync_protocol::id::DeviceNumber;

use super::user::by_login;
use super::{Failure, Settings, moment};
use crate::accounts::codes::Code;
use crate::accounts::{Actor, Error, devices, enrolment};
use crate::store::devices as rows;
use crate::store::devices::{DeviceRow, DeviceState};

const PAGE: i64 = 500;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian device enrol-code wang.wei             a code to type into his phone within ten minutes\n  \
kadian device list --silent-hours 24          phones that were not heard of since yesterday\n  \
kadian device revoke 1042                     lost: it reads nothing more; what it still brings is kept and parked\n  \
kadian device block 1042                      stolen: it may do nothing at all")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a one-time code by which a phone is enrolled for a person
    EnrolCode {
        login: String,
        /// How long the code is good for, 1 to 1440
        #[arg(long, value_name = "N")]
        minutes: Option<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List phones
    List {
        /// Only phones not heard of for so many hours
        #[arg(long, value_name = "N")]
        silent_hours: Option<u32>,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Let a phone read nothing more; what it pushes is kept and parked
    Revoke { number: u32 },
    /// Let a phone do nothing at all
    Block { number: u32 },
    /// Put a phone back into use
    Activate { number: u32 },
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::EnrolCode {
            login,
            minutes,
            json,
        } => make_code(settings, login, *minutes, *json),
        Command::List { silent_hours, json } => list(settings, *silent_hours, *json),
        Command::Revoke { number } => set_state(settings, *number, DeviceState::PushOnly),
        Command::Block { number } => set_state(settings, *number, DeviceState::Blocked),
        Command::Activate { number } => set_state(settings, *number, DeviceState::Active),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the code is what the operator asked for"
)]
fn make_code(
    settings: &Settings,
    login: &str,
    minutes: Option<u32>,
    json: bool,
) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let now = app.clock.now();
    let minutes = minutes.unwrap_or(app.config.accounts.code_minutes);
    let code = Code::random()?;
    let expires_at = app.store.write::<_, Error>(|c| {
        let row = by_login(c, login)?;
        enrolment::make_code(c, Actor::CommandLine, row.user(), &code, minutes, now)
    })?;
    if json {
        let shown = serde_json::json!({ "code": code.reveal(), "expires_at": expires_at });
        println!("{shown}");
    } else {
        println!("{}", code.reveal());
        println!("good for one phone, until {}", moment::show(expires_at));
    }
    Ok(())
}

fn list(settings: &Settings, silent_hours: Option<u32>, json: bool) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let before = silent_hours.map(|hours| app.clock.now() - i64::from(hours) * 3_600_000);
    let mut after = 0;
    let mut out = std::io::stdout().lock();
    loop {
        let page = app
            .store
            .read::<_, Error>(|c| Ok(rows::every(c, after, PAGE)?))?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.number;
        for row in page
            .iter()
            .filter(|row| before.is_none_or(|before| row.seen_at < before))
        {
            // Whoever reads only the first lines (head) has had enough.
            let line = if json { as_json(row) } else { as_line(row) };
            if writeln!(out, "{line}").is_err() {
                return Ok(());
            }
        }
    }
}

fn as_json(row: &DeviceRow) -> String {
    serde_json::json!({
        "device": row.number, "line": row.line, "user": row.user(), "state": row.state,
        "enrolled_at": row.enrolled_at, "seen_at": row.seen_at, "ack": row.ack, "durable": row.durable,
    })
    .to_string()
}

fn as_line(row: &DeviceRow) -> String {
    format!(
        "{:>6}  line {:>6}  {:<8} {:<9}  heard of {}  {} changes",
        row.number,
        row.line,
        row.user().to_string(),
        row.state,
        moment::show(row.seen_at),
        row.ack
    )
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
fn set_state(settings: &Settings, number: u32, state: DeviceState) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let now = app.clock.now();
    let row = app.store.write(|c| {
        let actor = Actor::CommandLine;
        devices::set_state(c, &app.ledger, actor, DeviceNumber(number), state, now)
    })?;
    println!("device {number} is {}", row.state);
    Ok(())
}
