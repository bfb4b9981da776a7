//! How a rescue file is sealed, so that whoever carries it reads nothing: `KADIANR1`, an ephemeral
//! P-256 point (65 bytes), a nonce (12 bytes), and AES-256-GCM over the gzipped text, under
//! HKDF-SHA256 of the agreed secret with both points as its salt.
//!
//! The private key is made of the installation's keys file: as long as that is kept, every rescue
//! file opens.

use std::io::Read as _;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use crate::keys::Keys;

const MAGIC: &[u8] = b"KADIANR1";
const INFO: &[u8] = b"kadian rescue 1";
const POINT_BYTES: usize = 65;
const NONCE_BYTES: usize = 12;
/// Ten thousand entries take some 10 MB; nothing true is larger than this.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("this is no rescue file")]
    Foreign,
    #[error("it does not open: it was sealed for another installation, or damaged on the way")]
    Sealed,
    #[error("it opens, but what is inside is damaged")]
    Damaged,
    #[error("no key can be made of this keys file")]
    Key,
}

/// Opens what was sealed for this installation.
pub struct Opener {
    private: PrivateKey,
    point: Vec<u8>,
}

impl Opener {
    pub fn of(keys: &Keys) -> Result<Self, NotOpened> {
        // One in four billion candidates is no scalar of the curve: then the next is taken.
        let private = (0..=u8::MAX)
            .find_map(|turn| PrivateKey::from_private_key(&ECDH_P256, &keys.rescue(turn)).ok())
            .ok_or(NotOpened::Key)?;
        let point = private.compute_public_key().map_err(|_| NotOpened::Key)?;
        let point = point.as_ref().to_vec();
        Ok(Self { private, point })
    }

    /// The public point, uncompressed, in hex: what phones seal for.
    pub fn public(&self) -> String {
        self.point
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The text inside.
    pub fn open(&self, file: &[u8]) -> Result<String, NotOpened> {
        let rest = file.strip_prefix(MAGIC).ok_or(NotOpened::Foreign)?;
        let (point, rest) = rest
            .split_at_checked(POINT_BYTES)
            .ok_or(NotOpened::Foreign)?;
        let (nonce, cipher) = rest
            .split_at_checked(NONCE_BYTES)
            .ok_or(NotOpened::Foreign)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, point);
        let salt = [point, &self.point].concat();
        let key = agree(&self.private, peer, NotOpened::Sealed, |secret| {
            let base = Salt::new(HKDF_SHA256, &salt).extract(secret);
            let info = [INFO];
            let okm = base.expand(&info, &AES_256_GCM);
            Ok(LessSafeKey::new(UnboundKey::from(
                okm.map_err(|_| NotOpened::Sealed)?,
            )))
        })?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened::Sealed)?;
        let mut buffer = cipher.to_vec();
        let plain = key
            .open_in_place(nonce, Aad::empty(), &mut buffer)
            .map_err(|_| NotOpened::Sealed)?;
        let mut text = String::new();
        let inflated = flate2::read::GzDecoder::new(&*plain)
            .take(MOST_BYTES)
            .read_to_string(&mut text);
        match inflated {
            Ok(_) => Ok(text),
            // A browser that cannot compress leaves it as it is.
            Err(_) => String::from_utf8(plain.to_vec()).map_err(|_| NotOpened::Damaged),
        }
    }
}

/// What a browser does, with the library of this side: for tests.
#[cfg(test)]
pub(super) fn seal(opener: &Opener, text: &[u8]) -> Vec<u8> {
    let own = PrivateKey::generate(&ECDH_P256).unwrap();
    let point = own.compute_public_key().unwrap().as_ref().to_vec();
    let salt = [point.as_slice(), &opener.point].concat();
    let peer = UnparsedPublicKey::new(&ECDH_P256, &opener.point);
    let key = agree(&own, peer, (), |secret| {
        let base = Salt::new(HKDF_SHA256, &salt).extract(secret);
        let okm = base.expand(&[INFO], &AES_256_GCM).map_err(drop)?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    })
    .unwrap();
    let nonce = Nonce::assume_unique_for_key([7; NONCE_BYTES]);
    let mut cipher = text.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut cipher)
        .unwrap();
    [MAGIC, &point, &[7; NONCE_BYTES], &cipher].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_installation_it_was_sealed_for_opens_a_file() {
        let keys = Keys::generate().unwrap();
        let opener = Opener::of(&keys).unwrap();
        assert_eq!(opener.public(), Opener::of(&keys).unwrap().public());
        let file = seal(&opener, "一 two".as_bytes());
        assert_eq!(opener.open(&file).unwrap(), "一 two");
        let other = Opener::of(&Keys::generate().unwrap()).unwrap();
        assert!(matches!(other.open(&file), Err(NotOpened::Sealed)));
    }

    #[test]
    fn no_damage_opens_and_none_breaks() {
        let opener = Opener::of(&Keys::generate().unwrap()).unwrap();
        let file = seal(&opener, b"{}");
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(opener.open(&damaged).is_err(), "byte {at}");
            assert!(opener.open(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
