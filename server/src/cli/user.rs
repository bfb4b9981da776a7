//! `kadian user`: the first accounts, and the way back in for who is locked out. There is no
//! default account.

use std::path::PathBuf;
use std::sync::Arc;

use super::moment::{self, End};
use super::{Failure, Settings, secret};
use crate::accounts::users::{self, NewUser};
use crate::accounts::{Actor, Error, passwords};
use crate::app::App;
use crate::store::accounts;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian user add chief --name 李华 --role admin --area 999999       asks for the password\n  \
kadian user add wang.wei --name 王伟 --role volunteer --area S17 --until 2026-12-31 --no-password\n  \
kadian user password chief --password-file /run/secrets/chief\n  \
kadian user close wang.wei\n\n\
Roles: volunteer, checkpoint_leader, grid_leader, officer, command, auditor, admin. A role holds in the area and \
everything below it. Who only uses a phone needs no password: see `kadian device enrol-code`.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make an account with its first role
    Add {
        /// 2 to 64 of a-z 0-9 . _ -
        login: String,
        /// The person's name
        #[arg(long)]
        name: String,
        #[arg(long)]
        role: String,
        /// Code of the area
        #[arg(long)]
        area: String,
        /// Last day of the role (2026-12-31), or a moment with its time zone
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Read the password from the first line of this file
        #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
        password_file: Option<PathBuf>,
        /// For phones only
        #[arg(long)]
        no_password: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a password; all sessions of the account end
    Password {
        login: String,
        /// Read the password from the first line of this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Close an account: its sessions end, its phones read nothing, what they still hold is parked
    Close { login: String },
    /// Open a closed account again
    Open { login: String },
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    match &args.command {
        Command::Add {
            login,
            name,
            role,
            area,
            until,
            password_file,
            no_password,
            json,
        } => {
            let zone = app.store.read::<_, Error>(|c| Ok(moment::zone(c, area)?))?;
            let until = until
                .as_deref()
                .map(|text| moment::parse(text, End::Last, zone))
                .transpose()?;
            let hash = match no_password {
                true => None,
                false => Some(hash(&app, password_file.as_ref(), &[login, name])?),
            };
            let new = NewUser {
                login,
                name,
                password_hash: hash.as_deref(),
                role,
                area,
                from: None,
                until,
            };
            let now = app.clock.now();
            let (user, _) = app
                .store
                .write::<_, Error>(|c| users::create(c, Actor::CommandLine, &new, now))?;
            if *json {
                println!("{}", serde_json::json!({ "user": user, "login": login }));
            } else {
                println!("{login} is {user}: {role} in {area}");
            }
        }
        Command::Password {
            login,
            password_file,
        } => {
            find(&app, login)?;
            let hash = hash(&app, password_file.as_ref(), &[login])?;
            let now = app.clock.now();
            app.store.write(|c| {
                let row = by_login(c, login)?;
                users::set_password(c, &app.ledger, Actor::CommandLine, row.user(), &hash, now)
            })?;
            println!("{login} has a new password; earlier sessions are over");
        }
        Command::Close { login } => {
            set_active(&app, login, false)?;
            println!("{login} is closed");
        }
        Command::Open { login } => {
            set_active(&app, login, true)?;
            println!("{login} is open");
        }
    }
    Ok(())
}

fn hash(app: &Arc<App>, file: Option<&PathBuf>, context: &[&str]) -> Result<String, Failure> {
    let password = secret::read(file)?;
    passwords::check(&password, context)?;
    Ok(app.door.passwords.hash(&password)?)
}

fn set_active(app: &Arc<App>, login: &str, active: bool) -> Result<(), Failure> {
    let now = app.clock.now();
    Ok(app.store.write(|c| {
        let row = by_login(c, login)?;
        users::set_active(c, &app.ledger, Actor::CommandLine, row.user(), active, now)
    })?)
}

fn find(app: &Arc<App>, login: &str) -> Result<accounts::AccountRow, Failure> {
    Ok(app.store.read(|c| by_login(c, login))?)
}

/// The account with this login; the command line reaches everybody.
pub(super) fn by_login(
    c: &mut crate::store::Connection,
    login: &str,
) -> Result<accounts::AccountRow, Error> {
    let row = accounts::by_login(c, login)?;
    Ok(row.ok_or(crate::accounts::Refusal::Unknown("account"))?)
}
