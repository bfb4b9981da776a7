//! Restoring a backup into the database that the configuration names: opened, verified, its numbers
//! raised above all that can have been given out since, the right ledger beside it. What follows (the
//! ledger replayed, a new epoch, what was purged purged again) every start does, and [`finish`] too.

use age::x25519::Identity;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use sync_protocol::Millis;

use super::ledgers::{AtHand, Chosen, Plan, choose};
use super::make::{TAKEN_AT, on_record};
use super::manifest::{Manifest, name_of};
use super::scratch::Scratch;
use super::sealed::{self, Bytes};
use super::{Error, check, create_private, sync_folder, wrong};
use crate::accounts;
use crate::keys::{self, Keys};
use crate::ledger::{self, Ledger};
use crate::store::acks::last_seen;
use crate::store::portable::Portable;
use crate::store::vacancy::{self, Found};
use crate::store::{Location, Store, StoreOptions, backups, copying, meta};

/// More than a server gives out of accounts, phones, roles or parked changes between two backups.
const LEAP: i64 = 1_000_000;
const PLAIN: &[u8] = b"SQLite format 3\0";

/// What is to be restored, and how.
pub struct Order<'a> {
    pub from: &'a Path,
    pub identities: &'a [Identity],
    pub ledgers: &'a [PathBuf],
    /// What stands in the database gives way.
    pub replace: bool,
    /// Without a ledger that goes on from the backup.
    pub insist: bool,
}

/// Where it is to go.
pub struct Place<'a> {
    pub url: &'a str,
    /// Where the server looks for its ledger and its keys.
    pub ledger: PathBuf,
    pub keys: PathBuf,
    pub beside: PathBuf,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// When its snapshot was taken; a file that was copied by hand does not say.
    pub at: Option<Millis>,
    pub records: u64,
    pub phones: usize,
    pub chosen: Chosen,
    pub more: Vec<ledger::Entry>,
    /// Where the database that gave way stands now.
    pub aside: Option<PathBuf>,
}

/// Puts a backup in place. Whatever fails before the last step leaves everything as it was.
pub fn restore(order: &Order<'_>, place: &Place<'_>) -> Result<Restored, Error> {
    let location = Location::parse(place.url)?;
    if location.is_in_memory() {
        return Err(Error::InMemory);
    }
    let scratch = Scratch::take(&place.beside)?;
    let bytes = unseal(order, scratch.path())?;
    let mut copy = Portable::open(scratch.path())?;
    if copy.is_of_later_program()? {
        return Err(Error::Later);
    }
    copy.migrate()?;
    let records = check::run(&mut copy, None)?;
    check_keys(&mut copy, &place.keys)?;
    let (at, inside) = if copy.is_backup()? {
        let at = copy.noted(TAKEN_AT)?.and_then(|text| text.parse().ok());
        (at, inside(&mut copy, &place.beside)?)
    } else {
        (None, None)
    };
    let plan = plan(&mut copy, order, place, inside.as_ref())?;
    let phones = prepare(&mut copy, order, at, &bytes)?;
    let stands = Stands::look(location.file(), order.replace)?;
    place_ledger(&plan, order, inside.as_ref(), &place.ledger)?;
    let aside = match location.file() {
        Some(file) => {
            drop(copy);
            let aside = stands.put_aside(file)?;
            scratch.place(file)?;
            aside
        }
        None => {
            fill(&mut copy, place.url, order.replace)?;
            None
        }
    };
    Ok(Restored {
        at,
        records,
        phones,
        chosen: plan.chosen,
        more: plan.more,
        aside,
    })
}

/// Does again what other ledgers hold, once the database is open with its own.
pub fn finish(
    store: &Store,
    ledger: &Ledger,
    more: &[ledger::Entry],
    now: Millis,
) -> Result<(), accounts::Error> {
    if more.is_empty() {
        return Ok(());
    }
    store.write(|c| {
        for entry in more {
            ledger.append(c, entry)?;
        }
        accounts::replay(c, more, now).map(|_| ())
    })
}

/// Brings what is to be restored into the clear, and compares it with its manifest.
fn unseal(order: &Order<'_>, to: &Path) -> Result<Bytes, Error> {
    let from = order.from;
    let mut begin = Vec::new();
    File::open(from)
        .and_then(|file| file.take(32).read_to_end(&mut begin))
        .map_err(wrong(from, "read"))?;
    let bytes = sealed::measure(from)?;
    if let Some(manifest) = Manifest::of(from)?
        && !manifest.describes(&bytes)
    {
        return Err(Error::Replaced);
    }
    if begin.starts_with(sealed::SEALED) {
        if order.identities.is_empty() {
            return Err(Error::NoIdentity);
        }
        sealed::open(from, order.identities, to)?;
    } else if begin.starts_with(PLAIN) {
        std::fs::copy(from, to).map_err(wrong(from, "copied"))?;
    } else {
        return Err(Error::Foreign(from.display().to_string()));
    }
    Ok(bytes)
}

fn check_keys(copy: &mut Portable, path: &Path) -> Result<(), Error> {
    let Some(known) = meta::load(copy.connection(), keys::FACT)? else {
        return Ok(());
    };
    if !path.exists() {
        return Err(Error::NoKeys(path.display().to_string()));
    }
    if Keys::load_or_create(path)?.fingerprint() != known {
        return Err(keys::Error::Foreign.into());
    }
    Ok(())
}

/// The ledger inside a backup, written out so that it can be looked at and put in place.
struct Inside {
    looked: ledger::Looked,
    text: Vec<u8>,
}

fn inside(copy: &mut Portable, beside: &Path) -> Result<Option<Inside>, Error> {
    let mut text = Vec::new();
    copy.write_ledger(&mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    let looked = ledger::read(beside, &text)?;
    Ok(Some(Inside { looked, text }))
}

fn plan(
    copy: &mut Portable,
    order: &Order<'_>,
    place: &Place<'_>,
    inside: Option<&Inside>,
) -> Result<Plan, Error> {
    let mut at_hand = AtHand {
        inside: inside.map(|inside| inside.looked.clone()),
        in_place: ledger::look(&place.ledger)?,
        given: Vec::new(),
    };
    for path in order.ledgers {
        let missing = || ledger::Error::Missing(path.display().to_string());
        at_hand.given.push(ledger::look(path)?.ok_or_else(missing)?);
    }
    let known = ledger::known(copy.connection())?;
    choose(known.as_ref(), &at_hand, order.insist)
}

/// Makes the copy a database that can go on: its numbers leap, and what only a copy has is gone. The
/// backup that it came from is on its record, and counts: it was restored once and may be again, so
/// no phone is to let go of what it lacks.
fn prepare(
    copy: &mut Portable,
    order: &Order<'_>,
    at: Option<Millis>,
    bytes: &Bytes,
) -> Result<usize, Error> {
    copy.leap_numbers(LEAP)?;
    let acks = backups::acks(copy.connection())?;
    if backups::by_sha256(copy.connection(), &bytes.sha256)?.is_none() {
        // A file that was copied by hand is as old as the last that was heard of a phone.
        let at = match at {
            Some(at) => at,
            None => last_seen(copy.connection())?.unwrap_or(0),
        };
        let (epoch, greatest_rev, greatest_head) = backups::greatest(copy.connection())?;
        let manifest = Manifest {
            format: Manifest::FORMAT,
            backup: name_of(&bytes.sha256),
            at,
            program: String::new(),
            database: String::new(),
            epoch,
            greatest_rev,
            greatest_head,
            ledger_bytes: 0,
            bytes: bytes.count,
            sha256: bytes.sha256.clone(),
            rows: std::collections::BTreeMap::new(),
        };
        let row = on_record(&manifest, order.from, Some(at));
        backups::add(copy.connection(), &row, &acks)?;
    }
    copy.settle_down()?;
    Ok(acks.len())
}

/// What stands in the place of a database file.
struct Stands {
    /// Worth keeping.
    keep: bool,
}

impl Stands {
    fn look(file: Option<&Path>, replace: bool) -> Result<Self, Error> {
        let found = file.map_or(Ok(Found::Nothing), vacancy::look_at_file)?;
        match found {
            Found::InUse => Err(Error::InUse),
            Found::Data | Found::Damaged if !replace => Err(Error::Occupied),
            Found::Data | Found::Damaged => Ok(Self { keep: true }),
            Found::Nothing => Ok(Self { keep: false }),
        }
    }

    /// Gives what stands there another name. The database itself keeps its own as well until the
    /// copy takes it: there is no moment without one, in which a start would make an empty one.
    fn put_aside(&self, file: &Path) -> Result<Option<PathBuf>, Error> {
        let aside = unused(file, "replaced")?;
        // A log that is left would be read into the copy.
        for end in ["-wal", "-shm", "-journal"] {
            let log = with(file, end);
            if log.exists() {
                std::fs::rename(&log, with(&aside, end)).map_err(wrong(&log, "put aside"))?;
            }
        }
        if !self.keep {
            return Ok(None);
        }
        std::fs::hard_link(file, &aside)
            .or_else(|_| std::fs::copy(file, &aside).map(|_| ()))
            .map_err(wrong(file, "put aside"))?;
        sync_folder(&aside)?;
        Ok(Some(aside))
    }
}

/// Copies into a database server, in one transaction.
fn fill(copy: &mut Portable, url: &str, replace: bool) -> Result<(), Error> {
    let store = Store::open(url, StoreOptions::default())?;
    store.write(|c| {
        if vacancy::is_in_use(c)? {
            return Err(Error::InUse);
        }
        if !replace && !vacancy::is_empty(c)? {
            return Err(Error::Occupied);
        }
        Ok(copying::load(copy, c)?)
    })
}

/// Puts the chosen ledger where the server looks for it. One that stands there is kept aside.
fn place_ledger(
    plan: &Plan,
    order: &Order<'_>,
    inside: Option<&Inside>,
    to: &Path,
) -> Result<(), Error> {
    let text = match plan.chosen {
        Chosen::InPlace => return Ok(()),
        Chosen::Given(place) => match order.ledgers.get(place) {
            Some(path) => std::fs::read(path).map_err(wrong(path, "read"))?,
            None => Vec::new(),
        },
        Chosen::Inside => inside.map(|inside| inside.text.clone()).unwrap_or_default(),
        Chosen::None => Vec::new(),
    };
    if to.exists() {
        let aside = unused(to, "aside")?;
        std::fs::rename(to, aside).map_err(wrong(to, "put aside"))?;
    }
    if text.is_empty() {
        return Ok(());
    }
    let partial = unused(to, "partial")?;
    let written = create_private(&partial).and_then(|mut file| {
        std::io::Write::write_all(&mut file, &text)?;
        file.sync_all()?;
        std::fs::rename(&partial, to)
    });
    if let Err(error) = written {
        let _ = std::fs::remove_file(&partial);
        return Err(wrong(to, "written")(error));
    }
    sync_folder(to)
}

/// A name beside a file that no other file has.
fn unused(file: &Path, what: &str) -> Result<PathBuf, Error> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|_| ledger::Error::Random)?;
    Ok(with(file, &format!(".{what}-{}", super::hex(&random))))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
