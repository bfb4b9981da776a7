//! `kadian assign`: who leads which grid.

use super::moment::{self, End};
use super::user::by_login;
use super::{Failure, Settings};
use crate::accounts::grants::{self, Ending};
use crate::accounts::{Actor, Error};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
kadian assign wang.wei G0731                                   from now on\n  \
kadian assign wang.wei G0731 --from 2026-12-01 --until 2026-12-31\n  \
kadian assign li.na G0731 --instead-of wang.wei                hands the grid over; his late work is taken for 7 days\n  \
kadian assign li.na G0731 --instead-of wang.wei --revoke       his late work is parked")]
pub(super) struct Args {
    login: String,
    /// Code of a grid
    grid: String,
    /// First day, or a moment with its time zone
    #[arg(long, value_name = "DATE", conflicts_with = "instead_of")]
    from: Option<String>,
    /// Last day, or a moment with its time zone
    #[arg(long, value_name = "DATE", conflicts_with = "instead_of")]
    until: Option<String>,
    /// Login of the person whose grid it was until now
    #[arg(long, value_name = "LOGIN")]
    instead_of: Option<String>,
    /// Revoke the one before rather than let the role run out
    #[arg(long, requires = "instead_of")]
    revoke: bool,
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let zone = app
        .store
        .read::<_, Error>(|c| Ok(moment::zone(c, &args.grid)?))?;
    let parse = |text: &Option<String>, end| {
        text.as_deref()
            .map(|text| moment::parse(text, end, zone))
            .transpose()
    };
    let from = parse(&args.from, End::First)?;
    let until = parse(&args.until, End::Last)?;
    let now = app.clock.now();
    let grant = app.store.write::<_, Error>(|c| {
        let actor = Actor::CommandLine;
        let user = by_login(c, &args.login)?.user();
        let Some(before) = &args.instead_of else {
            return grants::assign(c, actor, user, &args.grid, from, until, now);
        };
        let before = by_login(c, before)?.user();
        let how = if args.revoke {
            Ending::Revoked
        } else {
            Ending::ByDate
        };
        grants::reassign(c, &app.ledger, actor, &args.grid, (before, user), how, now)
    })?;
    println!("{} leads {} (assignment {grant})", args.login, args.grid);
    Ok(())
}
