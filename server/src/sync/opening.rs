//! Opening: what happens once when a writing process opens its database, before it listens.

use sync_protocol::kind::{BUILT_IN, Kind};
use sync_protocol::policy::BUILT_IN as BUILT_IN_POLICY;
use sync_protocol::{Millis, Rev};

use super::engine::Engine;
use super::search_key::SearchKey;
use crate::clock::Clock;
use crate::ledger::{self, Entry, Ledger};
use crate::store::acks::Durable;
use crate::store::definitions::{self, KindRow};
use crate::store::{Connection, Error, Store, acks, devices, epochs};

/// A clock this far below the highest time on record is wrong.
pub const CLOCK_TOLERANCE_MS: Millis = 10 * 60 * 1000;

/// Brings a database up to its ledger in a transaction.
pub type CatchUp = fn(&mut Connection, &Ledger, Millis) -> Result<(), Error>;

/// What a process says of itself when it opens the database.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    /// The name under which it leases a device number; kept over restarts.
    pub process: &'a str,
    /// When this program was built: no true moment of it lies before.
    pub build: Millis,
    /// The greatest epoch that is known elsewhere (the side ledger).
    pub shown: Rev,
    /// Where the new epoch is written down.
    pub ledger: &'a Ledger,
    /// Does again what the database that answers lacks and the ledger holds.
    pub catch_up: CatchUp,
    /// An operator says that the clock is right.
    pub insist_on_clock: bool,
    /// Devices that hold older definitions may push, not pull.
    pub oldest_schema: u32,
    /// When a change counts as durable.
    pub durable: Durable,
}

/// Why a process may not write.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// The machine's clock stands before the build, or well below the highest time on record.
    #[error(
        "the machine's clock is wrong: it stands {behind_ms} ms before {than}; set it, or insist with --insist-on-clock if it is right after all"
    )]
    Clock {
        /// By how much.
        behind_ms: Millis,
        /// What it stands before.
        than: &'static str,
    },
    /// All device numbers of server processes are taken.
    #[error("999 server processes have written lately; there is no number left for this one")]
    NoNumber,
    /// A built-in definition is not sound.
    #[error("a built-in kind does not load")]
    Kinds,
    /// The side ledger could not.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The database could not.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Engine {
    /// Opens an epoch, leases a number, and brings the built-in kinds and policy to a database
    /// without any.
    pub fn open(
        store: Store,
        clock: Clock,
        key: SearchKey,
        opening: &Opening<'_>,
    ) -> Result<Self, NotOpened> {
        let now = clock.now();
        // Asked first: should the connections be lost meanwhile, the next fold opens another epoch.
        let generation = store.generation();
        let process = store.write(|connection| {
            if !opening.insist_on_clock {
                check_clock(connection, now, opening.build)?;
            }
            let (schema, policy) = definitions::versions(connection)?;
            if schema == 0 {
                bring_kinds(connection, now)?;
            }
            if policy == 0 {
                definitions::add_policy(connection, BUILT_IN_POLICY, now, None)?;
            }
            let leased = devices::lease_process_number(connection, opening.process, now)?
                .ok_or(NotOpened::NoNumber)?;
            let epoch = epochs::open(connection, now, opening.shown, opening.process)?;
            let entry = Entry::Epoch { epoch, at: now };
            opening.ledger.append(connection, &entry)?;
            Ok::<_, NotOpened>(leased.number)
        })?;
        Ok(Self::new(store, clock, key, process, opening, generation))
    }
}

impl Engine {
    /// Purges what an older copy of the database brought back.
    pub fn purge_again(&self) -> Result<(), Error> {
        self.core().purge_again(self.store().generation())
    }

    /// Says that this process lives and keeps its number.
    pub fn renew_lease(&self) -> Result<(), Error> {
        let now = self.clock().now();
        self.store()
            .write(|connection| devices::touch(connection, self.process(), now))
    }
}

fn check_clock(connection: &mut Connection, now: Millis, build: Millis) -> Result<(), NotOpened> {
    if now < build {
        return Err(NotOpened::Clock {
            behind_ms: build - now,
            than: "this program was built",
        });
    }
    match acks::last_seen(connection)? {
        Some(seen) if now < seen - CLOCK_TOLERANCE_MS => Err(NotOpened::Clock {
            behind_ms: seen - now,
            than: "the last push on record",
        }),
        _ => Ok(()),
    }
}

fn bring_kinds(connection: &mut Connection, now: Millis) -> Result<(), NotOpened> {
    for definition in BUILT_IN {
        let kind = Kind::parse(definition).map_err(|_| NotOpened::Kinds)?;
        let row = KindRow {
            name: kind.name().to_owned(),
            schema: 1,
            definition: definition.to_owned(),
            at: now,
        };
        definitions::add_kind(connection, &row)?;
    }
    Ok(())
}
