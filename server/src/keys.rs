//! The keys of an installation. They stand in a file of their own, never in the database: a
//! stolen copy of the data alone neither signs sessions nor tells whose ID number a hash is.
//! There is no rotation here; a lost lookup key means that the lookup hashes must be made anew.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Write;
use std::path::Path;

const KEY_BYTES: usize = 32;
/// Under this name the database remembers which keys it was made with.
pub const FACT: &str = "keys";
/// The name of the file when it stands beside the database.
pub const FILE_NAME: &str = "kadian.keys";

pub struct Keys {
    session: [u8; KEY_BYTES],
    lookup: [u8; KEY_BYTES],
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the keys file {0} cannot be {1}: {2}")]
    File(String, &'static str, std::io::Error),
    #[error(
        "the keys file {0} is damaged: it must hold the lines `session` and `lookup` with 64 hex digits each"
    )]
    Damaged(String),
    #[error("the machine gives no random numbers")]
    Random,
    #[error(
        "the keys do not belong to this database; put back the keys file that was made with it"
    )]
    Foreign,
}

impl Keys {
    /// Reads the keys, or makes them on the first start.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        let wrong = |what| move |error| Error::File(path.display().to_string(), what, error);
        match std::fs::read_to_string(path) {
            Ok(text) => {
                warn_if_others_may_read(path);
                Self::parse(&text).ok_or_else(|| Error::Damaged(path.display().to_string()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let keys = Self::generate()?;
                match keys.save(path) {
                    Ok(()) => Ok(keys),
                    // Another process was first: its keys are the keys.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                        Self::load_or_create(path)
                    }
                    Err(error) => Err(wrong("written")(error)),
                }
            }
            Err(error) => Err(wrong("read")(error)),
        }
    }

    /// Keys that live as long as the process, for a database that does so too.
    pub fn generate() -> Result<Self, Error> {
        let mut keys = Self {
            session: [0; KEY_BYTES],
            lookup: [0; KEY_BYTES],
        };
        getrandom::fill(&mut keys.session).map_err(|_| Error::Random)?;
        getrandom::fill(&mut keys.lookup).map_err(|_| Error::Random)?;
        Ok(keys)
    }

    /// Signs and checks console sessions.
    pub fn session(&self) -> &[u8] {
        &self.session
    }

    /// The keyed hash by which something is looked up. `field` keeps the hashes of different
    /// fields apart, so that a phone number never meets a plate.
    pub fn lookup_hash(&self, field: &str, value: &str) -> [u8; 32] {
        keyed(
            &self.lookup,
            &[b"lookup", field.as_bytes(), value.as_bytes()],
        )
    }

    /// The key under which the engine hashes what records can be found by.
    pub fn search(&self) -> [u8; KEY_BYTES] {
        keyed(&self.lookup, &[b"search"])
    }

    /// The hash under which a password that was tried is counted, never stored.
    pub fn attempt_hash(&self, password: &str) -> [u8; 32] {
        keyed(&self.lookup, &[b"attempt", password.as_bytes()])
    }

    /// A candidate for the private key that opens rescue files; see `rescue::sealing`.
    pub fn rescue(&self, turn: u8) -> [u8; KEY_BYTES] {
        keyed(&self.lookup, &[b"rescue", &[turn]])
    }

    /// What stands in the place of a token's hash for the number under which one person's changes
    /// of a rescue file come in: the same for the same file, and the hash of no token.
    pub fn rescue_token(&self, file: &[u8], person: usize) -> [u8; KEY_BYTES] {
        let at = (person as u64).to_be_bytes();
        keyed(&self.lookup, &[b"rescue file", &Sha256::digest(file), &at])
    }

    /// Says which lookup key this is without telling it; the database remembers it, so that
    /// another key is noticed before it makes everything unfindable.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new()
            .chain_update(b"kadian lookup key")
            .chain_update(self.lookup)
            .finalize();
        hex(&digest[..8])
    }

    fn parse(text: &str) -> Option<Self> {
        let key = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            unhex(line.trim())
        };
        Some(Self {
            session: key("session")?,
            lookup: key("lookup")?,
        })
    }

    /// Written whole under another name first, so that a crash never leaves half a file; linked
    /// rather than renamed, so that it never replaces another's.
    fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut partial = path.as_os_str().to_owned();
        let mut suffix = [0; 4];
        getrandom::fill(&mut suffix).map_err(std::io::Error::other)?;
        partial.push(format!(".{}", hex(&suffix)));
        let partial = Path::new(&partial);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(partial)?;
        write!(
            file,
            "# Keys of a Kadian installation. Keep a copy apart from the backups of the database.\nsession {}\nlookup {}\n",
            hex(&self.session),
            hex(&self.lookup)
        )?;
        file.sync_all()?;
        let linked = std::fs::hard_link(partial, path);
        std::fs::remove_file(partial)?;
        linked
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

/// HMAC-SHA-256 over parts, each with its length, so that no two lists give the same bytes.
fn keyed(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a short key up to its block with zeros; done here, it cannot fail.
    let mut block = [0; 64];
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(unix)]
fn warn_if_others_may_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0) {
        tracing::warn!("the keys file may be read by other users of this machine; use chmod 600");
    }
}

#[cfg(not(unix))]
fn warn_if_others_may_read(_: &Path) {}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let made = Keys::load_or_create(&path).unwrap();
        let read = Keys::load_or_create(&path).unwrap();
        assert_eq!(made.session(), read.session());
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left lying"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn processes_that_start_together_agree_on_the_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let prints: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let start = || Keys::load_or_create(&path).unwrap().fingerprint();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(prints.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_refused_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for text in [
            "",
            "session 00\nlookup 00\n",
            "lookup \u{ff11}",
            "session zz",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(
                Keys::load_or_create(&path),
                Err(Error::Damaged(_))
            ));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_lookup_hash_depends_on_key_field_and_value() {
        let (one, two) = (Keys::generate().unwrap(), Keys::generate().unwrap());
        let hash = one.lookup_hash("phone", "13800000000");
        assert_eq!(hash, one.lookup_hash("phone", "13800000000"));
        assert_ne!(hash, two.lookup_hash("phone", "13800000000"));
        assert_ne!(hash, one.lookup_hash("plate", "13800000000"));
        assert_ne!(one.lookup_hash("ab", "c"), one.lookup_hash("a", "bc"));
        assert_ne!(one.fingerprint(), two.fingerprint());
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(format!("{:?}", Keys::generate().unwrap()), "Keys(***)");
    }
}
