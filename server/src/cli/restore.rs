//! `kadian restore`: a backup into the database that the configuration names.

use std::path::PathBuf;

use super::{Failure, Settings, moment};
use crate::app;
use crate::backup::ledgers::Chosen;
use crate::backup::{restore, sealed};
use crate::clock::Clock;
use crate::store::{Password, epochs};

#[derive(clap::Args)]
#[command(
    after_help = "The server must not be running. The keys file must be in place, and so must the newest side ledger\n\
there is, or it is named with --ledger: what was revoked or purged since the backup is written nowhere\n\
else. Phones need nothing: they send again what the backup lacks.\n\n\
Examples:\n  \
kadian restore --from kadian-20261122T080000000Z.sqlite.age --identity key.txt\n  \
kadian --database postgres://…/kadian restore --from … --identity …     # from SQLite to PostgreSQL"
)]
pub(super) struct Args {
    /// The backup: as `kadian backup` wrote it, or opened by `age --decrypt`
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The file with the identity (AGE-SECRET-KEY-1…) that opens it
    #[arg(long, value_name = "KEYFILE")]
    identity: Option<PathBuf>,
    /// A side ledger from elsewhere, once or more; the longest that fits is gone on with
    #[arg(long, value_name = "FILE")]
    ledger: Vec<PathBuf>,
    /// Take the place of what is in the database; a file is kept beside it under another name
    #[arg(long)]
    replace: bool,
    /// Go on without a ledger that is newer than the backup: what was revoked or purged since comes back
    #[arg(long)]
    insist: bool,
}

#[expect(clippy::print_stdout, reason = "the operator reads it")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    let config = settings.load(&[])?;
    let identities = match &args.identity {
        Some(path) => sealed::identities(path)?,
        None => Vec::new(),
    };
    let order = restore::Order {
        from: &args.from,
        identities: &identities,
        ledgers: &args.ledger,
        replace: args.replace,
        insist: args.insist,
    };
    let files = app::files(&config)?;
    let password = config.database.password.as_ref();
    let place = restore::Place {
        url: &config.database.url,
        password: password.map(|secret| Password::new(secret.expose())),
        beside: files.beside(),
        ledger: files.ledger,
        keys: files.keys,
    };
    let clock = Clock::system();
    let restored = restore::restore(&order, &place)?;
    match restored.at {
        Some(at) => println!("restored what stood on {}", moment::show(at)),
        None => println!("restored a file that was copied by hand"),
    }
    println!(
        "{} records, all counted again; {} phones",
        restored.records, restored.phones
    );
    if let Some(aside) = &restored.aside {
        println!("what stood there before is now {}", aside.display());
    }
    println!(
        "{}",
        match restored.chosen {
            Chosen::InPlace => "the ledger in place is gone on with",
            Chosen::Given(_) => "the longest of the ledgers named is gone on with",
            Chosen::Inside =>
                "the ledger of the backup is gone on with: go through phones, roles and passwords by hand",
            Chosen::None => "a new ledger is begun",
        }
    );
    // The start, as the server does it: the ledger is replayed, an epoch opened, what was purged
    // is purged again.
    let app = settings.open(&[("ledger.insist", args.insist.then(|| "true".to_owned()))])?;
    restore::finish(&app.store, &app.ledger, &restored.ledgers, clock.now())?;
    app.engine()?;
    app.stop();
    let epoch = app.store.read(epochs::current)?;
    println!("epoch {epoch} is open: start the server");
    Ok(())
}
