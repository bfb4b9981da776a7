//! Sealing a file for the holder of a key, and opening it again. The format is that of age
//! (age-encryption.org/v1): the ordinary `age` tool opens what is written here. Everything streams.

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::{Error, hex, wrong};

/// What a sealed file begins with.
pub(super) const SEALED: &[u8] = b"age-encryption.org/v1\n";

/// A file of so many bytes with this digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    pub count: u64,
    /// SHA-256 as 64 hex digits.
    pub sha256: String,
}

/// Reads public keys, parted by white space or commas.
pub fn recipients(text: &str) -> Result<Vec<Recipient>, Error> {
    let words = text
        .split([' ', ',', '\n', '\t'])
        .filter(|word| !word.is_empty());
    let keys = words.map(|word| word.parse().map_err(|_| Error::Recipient(word.to_owned())));
    let keys: Vec<Recipient> = keys.collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(Error::NoRecipient);
    }
    Ok(keys)
}

/// Reads the identities of a file as `age-keygen` writes it.
pub fn identities(path: &Path) -> Result<Vec<Identity>, Error> {
    let text = std::fs::read_to_string(path).map_err(wrong(path, "read"))?;
    let shown = || path.display().to_string();
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let found = lines.map(|line| line.parse().map_err(|_| Error::Identity(shown())));
    let found: Vec<Identity> = found.collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(Error::Identity(shown()));
    }
    Ok(found)
}

/// Seals a file for these keys, down to the disk, and says what was written.
pub(super) fn seal(
    plain: &Path,
    to: &Path,
    file: &File,
    keys: &[Recipient],
) -> Result<Bytes, Error> {
    let mut from = File::open(plain).map_err(wrong(plain, "read"))?;
    let keys = keys.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys).map_err(|_| Error::NoRecipient)?;
    let mut hashing = Hashing::new(BufWriter::with_capacity(256 * 1024, file));
    let sealed = (|| {
        let mut sealing = encryptor.wrap_output(&mut hashing)?;
        io::copy(&mut from, &mut sealing)?;
        sealing.finish()?.flush()
    })();
    sealed
        .and_then(|()| file.sync_all())
        .map_err(wrong(to, "written"))?;
    Ok(hashing.bytes())
}

/// Opens a sealed file into another. Every piece is authenticated: a byte that was changed or is
/// missing anywhere is noticed.
pub(super) fn open(sealed: &Path, keys: &[Identity], to: &Path) -> Result<(), Error> {
    let from = File::open(sealed).map_err(wrong(sealed, "read"))?;
    let refused = |error: age::DecryptError| Error::Sealed(error.to_string());
    let decryptor = Decryptor::new_buffered(BufReader::new(from)).map_err(refused)?;
    let keys = keys.iter().map(|key| key as &dyn age::Identity);
    let mut plain = decryptor.decrypt(keys).map_err(refused)?;
    let file = File::options()
        .write(true)
        .truncate(true)
        .open(to)
        .map_err(wrong(to, "written"))?;
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match plain.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => file
                .write_all(&piece[..count])
                .map_err(wrong(to, "written"))?,
            Err(error) => return Err(Error::Sealed(error.to_string())),
        }
    }
    file.flush().map_err(wrong(to, "written"))
}

/// Size and digest of a file.
pub fn measure(path: &Path) -> Result<Bytes, Error> {
    let mut file = File::open(path).map_err(wrong(path, "read"))?;
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut file, &mut hashing).map_err(wrong(path, "read"))?;
    Ok(hashing.bytes())
}

struct Hashing<W> {
    inner: W,
    digest: Sha256,
    count: u64,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            digest: Sha256::new(),
            count: 0,
        }
    }

    fn bytes(self) -> Bytes {
        Bytes {
            count: self.count,
            sha256: hex(&self.digest.finalize()),
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        key: Identity,
        bytes: Bytes,
    }

    impl Place {
        fn new(plain: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let key = Identity::generate();
            std::fs::write(folder.path().join("plain"), plain).unwrap();
            let to = folder.path().join("sealed");
            let file = File::create(&to).unwrap();
            let bytes = seal(&folder.path().join("plain"), &to, &file, &[key.to_public()]);
            Self {
                bytes: bytes.unwrap(),
                folder,
                key,
            }
        }

        fn open(&self, key: &Identity) -> Result<Vec<u8>, Error> {
            let to = self.folder.path().join("opened");
            File::create(&to).unwrap();
            open(
                &self.folder.path().join("sealed"),
                std::slice::from_ref(key),
                &to,
            )?;
            Ok(std::fs::read(to).unwrap())
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_with_no_other() {
        let plain: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        let place = Place::new(&plain);
        let sealed = place.folder.path().join("sealed");
        assert_eq!(measure(&sealed).unwrap(), place.bytes);
        let text = std::fs::read(sealed).unwrap();
        assert!(text.starts_with(SEALED));
        assert!(
            !text.windows(64).any(|part| part == &plain[1000..1064]),
            "nothing stands there in clear"
        );
        assert_eq!(place.open(&place.key).unwrap(), plain);
        assert!(matches!(
            place.open(&Identity::generate()),
            Err(Error::Sealed(_))
        ));
    }

    #[test]
    fn a_byte_changed_or_missing_anywhere_is_noticed() {
        let place = Place::new(&vec![5; 150_000]);
        let path = place.folder.path().join("sealed");
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(place.open(&place.key).is_err(), "flipped at {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(place.open(&place.key).is_err(), "cut at {at}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(place.open(&place.key).is_err());
    }

    #[test]
    fn keys_are_understood_or_refused_by_name_and_a_secret_is_never_repeated() {
        let key = Identity::generate();
        let text = format!("{} , {}", key.to_public(), Identity::generate().to_public());
        assert_eq!(recipients(&text).unwrap().len(), 2);
        assert!(matches!(recipients(" "), Err(Error::NoRecipient)));
        assert!(matches!(
            recipients("age1nonsense"),
            Err(Error::Recipient(_))
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "# created: today\n# public key: x\n").unwrap();
        assert!(matches!(identities(&path), Err(Error::Identity(_))));
        std::fs::write(&path, "AGE-SECRET-KEY-1TOOSHORT\n").unwrap();
        let refused = identities(&path).err().unwrap().to_string();
        assert!(!refused.contains("TOOSHORT"), "{refused}");
    }
}
