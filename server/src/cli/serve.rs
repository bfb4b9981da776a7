//! `kadian serve`: the server itself.

use super::{Failure, Settings};
use crate::http;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Address and port to serve on, as 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Start although the machine's clock stands before what is on record
    #[arg(long)]
    insist_on_clock: bool,
    /// Start although the side ledger is missing or foreign: what was revoked or purged since the
    /// database was copied may come back
    #[arg(long)]
    insist_without_ledger: bool,
}

pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let app = settings.open(&[
        ("http.listen", args.listen.clone()),
        (
            "sync.insist_on_clock",
            args.insist_on_clock.then(|| "true".to_owned()),
        ),
        (
            "ledger.insist",
            args.insist_without_ledger.then(|| "true".to_owned()),
        ),
    ])?;
    Ok(http::serve(&app)?)
}
