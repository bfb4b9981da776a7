//! `kadian migrate`: brings the database up to this version, or says what is missing.

use super::{Failure, Settings};

#[derive(clap::Args)]
pub(super) struct Args {}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, _: &Args) -> Result<(), Failure> {
    let app = settings.open(&[])?;
    let applied = app.store.applied();
    println!("{}", app.store.describe()?);
    if applied.is_empty() {
        println!("nothing to do: the database has every migration of this version");
    }
    for name in applied {
        println!("applied {name}");
    }
    Ok(())
}
