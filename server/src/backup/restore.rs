//! Restoring a backup into the database that the configuration names: opened, verified, its numbers
//! raised above all that can have been given out since, the right ledger beside it. What follows (the
//! ledger replayed, a new epoch, what was purged purged again) every start does, and [`finish`] too.

use age::x25519::Identity;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use sync_protocol::Millis;

use super::ledgers::{AtHand, Chosen, choose};
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
use crate::store::{Location, Password, Store, StoreOptions, backups, copying, meta};

/// More than a server gives out of accounts, phones, roles or parked changes between two backups.
const LEAP: i64 = 1_000_000;
const PLAIN: &[u8] = b"SQLite format 3\0";
/// Where a database file says that it has a log, and how.
const HAS_LOG: usize = 18;
const WITH_LOG: u8 = 2;

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
    /// Of a database server, where its URL has none.
    pub password: Option<Password>,
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
    /// The ledgers that the operator named, where they stand now.
    pub ledgers: Vec<PathBuf>,
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
    let (mut at, inside) = (None, scratch.beside("-ledger"));
    if copy.is_backup()? {
        at = copy.noted(TAKEN_AT)?.and_then(|text| text.parse().ok());
        let mut file = create_private(&inside).map_err(wrong(&inside, "made"))?;
        copy.write_ledger(&mut file)?;
    }
    let chosen = choose_ledger(&mut copy, order, place, &inside)?;
    let phones = prepare(&mut copy, order, at, &bytes)?;
    let stands = Stands::look(location.file(), order.replace)?;
    let staged = Staged::make(chosen, order, &inside, &place.ledger)?;
    let aside = match location.file() {
        Some(file) => {
            drop(copy);
            let aside = stands.put_aside(file)?;
            scratch.place(file)?;
            aside
        }
        None => {
            fill(&mut copy, place, order.replace)?;
            None
        }
    };
    let ledgers = staged.place(&place.ledger, order.ledgers)?;
    Ok(Restored {
        at,
        records,
        phones,
        chosen,
        ledgers,
        aside,
    })
}

/// Does again what ledgers that were named hold and the chosen one does not, once the database is open
/// with that one.
pub fn finish(
    store: &Store,
    ledger: &Ledger,
    named: &[PathBuf],
    now: Millis,
) -> Result<(), accounts::Error> {
    store.write(|c| {
        for other in named {
            ledger.take_over(other)?;
        }
        accounts::catch_up(c, ledger, now)?;
        Ok(())
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
        // What was committed last may stand beside it alone. The log of another file that had this name
        // is none of a file that says it has none.
        let has_log = begin.get(HAS_LOG) == Some(&WITH_LOG);
        let end = if has_log { "-wal" } else { "-journal" };
        let log = with(from, end);
        if log.exists() {
            std::fs::copy(&log, with(to, end)).map_err(wrong(&log, "copied"))?;
        }
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

/// Which ledger is gone on with; `inside` is the one of the backup, written out.
fn choose_ledger(
    copy: &mut Portable,
    order: &Order<'_>,
    place: &Place<'_>,
    inside: &Path,
) -> Result<Chosen, Error> {
    let mut at_hand = AtHand {
        inside: ledger::look(inside)?.filter(|looked| looked.end > 0),
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
fn fill(copy: &mut Portable, place: &Place<'_>, replace: bool) -> Result<(), Error> {
    let options = StoreOptions {
        password: place.password.clone(),
        ..StoreOptions::default()
    };
    let store = Store::open(place.url, options)?;
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

/// The chosen ledger, on the disk beside its place and not yet in it: whatever can fail comes first.
struct Staged {
    chosen: Chosen,
    /// Without one, none is to stand in the place.
    partial: Option<PathBuf>,
}

impl Staged {
    fn make(chosen: Chosen, order: &Order<'_>, inside: &Path, to: &Path) -> Result<Self, Error> {
        let from = match chosen {
            Chosen::InPlace | Chosen::None => None,
            Chosen::Given(place) => order.ledgers.get(place).map(PathBuf::as_path),
            Chosen::Inside => Some(inside),
        };
        let mut staged = Self {
            chosen,
            partial: None,
        };
        if let Some(from) = from {
            let partial = staged.partial.insert(unused(to, "partial")?);
            let written = create_private(partial).and_then(|mut file| {
                std::io::copy(&mut File::open(from)?, &mut file)?;
                file.sync_all()
            });
            written.map_err(wrong(to, "written"))?;
        }
        Ok(staged)
    }

    /// Puts it where the server looks for it, and keeps aside what stands there. Returns where the
    /// ledgers that were named stand now: one of them may be the one that was put aside.
    fn place(mut self, to: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        let mut named = named.to_vec();
        if self.chosen == Chosen::InPlace {
            return Ok(named);
        }
        if to.exists() {
            let aside = unused(to, "aside")?;
            let real = |path: &Path| path.canonicalize().ok();
            for path in named.iter_mut().filter(|path| real(path) == real(to)) {
                path.clone_from(&aside);
            }
            std::fs::rename(to, aside).map_err(wrong(to, "put aside"))?;
        }
        if let Some(partial) = self.partial.take() {
            std::fs::rename(partial, to).map_err(wrong(to, "written"))?;
        }
        sync_folder(to)?;
        Ok(named)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            let _ = std::fs::remove_file(partial);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trial;

    fn place<'a>(url: &'a str, folder: &Path) -> Place<'a> {
        Place {
            url,
            password: None,
            ledger: folder.join("ledger"),
            keys: folder.join("keys"),
            beside: folder.join("new.sqlite"),
        }
    }

    fn probe(store: &Store) -> Option<String> {
        store.read(|c| meta::load(c, "probe")).unwrap()
    }

    #[test]
    fn what_the_log_beside_a_copied_file_holds_is_restored_too() {
        let folder = tempfile::tempdir().unwrap();
        let in_use = folder.path().join("in-use.sqlite");
        let url = format!("sqlite://{}", in_use.display());
        let store = Store::open(&url, StoreOptions::default()).unwrap();
        store
            .write(|c| meta::save(c, "probe", "committed"))
            .unwrap();
        // As a machine that lost its power leaves them.
        let from = folder.path().join("copied.sqlite");
        for end in ["", "-wal"] {
            std::fs::copy(with(&in_use, end), with(&from, end)).unwrap();
        }
        assert!(std::fs::metadata(with(&from, "-wal")).unwrap().len() > 0);
        let order = Order {
            from: &from,
            identities: &[],
            ledgers: &[],
            replace: false,
            insist: false,
        };
        let url = format!("sqlite://{}", folder.path().join("new.sqlite").display());
        restore(&order, &place(&url, folder.path())).unwrap();
        let restored = Store::open(&url, StoreOptions::default()).unwrap();
        assert_eq!(probe(&restored).as_deref(), Some("committed"));
        drop(restored);
        let left = std::fs::read_dir(folder.path()).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let copies: Vec<String> = left.filter(|name| name.contains("copying-")).collect();
        assert_eq!(copies, [""; 0], "nothing in clear is left");
    }

    #[test]
    fn a_database_that_is_not_free_leaves_the_ledger_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let url = trial::lasting(&folder.path().join("new.sqlite")).unwrap();
        let store = Store::open(&url, StoreOptions::default()).unwrap();
        store
            .write(|c| crate::store::accounts::insert_closed(c, sync_protocol::id::UserId(7), 1))
            .unwrap();
        drop(store);
        let from = folder.path().join("old.sqlite");
        let old = format!("sqlite://{}", from.display());
        drop(Store::open(&old, StoreOptions::default()).unwrap());
        let place = place(&url, folder.path());
        std::fs::write(&place.ledger, "in place").unwrap();
        let given = folder.path().join("given");
        std::fs::write(&given, "{\"ledger\":\"0123456789abcdef\"}\n").unwrap();
        let order = Order {
            from: &from,
            identities: &[],
            ledgers: &[given],
            replace: false,
            insist: false,
        };
        let refused = restore(&order, &place);
        assert!(matches!(refused, Err(Error::Occupied)));
        assert_eq!(std::fs::read_to_string(&place.ledger).unwrap(), "in place");
    }
}
