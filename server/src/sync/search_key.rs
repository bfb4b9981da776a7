//! The key under which what can be searched for is hashed. It stands outside the database: a
//! plain hash of an ID number is the ID number, for there are few enough to try them all.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::store::lookups::Hash;

/// A key for HMAC-SHA-256, as far as it can be worked out before anything is hashed; never shown.
#[derive(Clone)]
pub struct SearchKey(Hmac<Sha256>);

impl SearchKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        // A key shorter than a block is the same key with zeros behind it (RFC 2104).
        let mut block = [0; 64];
        block[..bytes.len()].copy_from_slice(&bytes);
        Self(Hmac::new(&block.into()))
    }

    /// The hash of a normalised term: what for (`phone`, `identity`, `plate`…), and the text. So much is
    /// kept of it that two terms never meet in one.
    pub fn hash(&self, purpose: &str, text: &str) -> Hash {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let whole = mac.finalize().into_bytes();
        let mut hash = Hash::default();
        for (byte, of_whole) in hash.iter_mut().zip(whole) {
            *byte = of_whole;
        }
        hash
    }
}

impl std::fmt::Debug for SearchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SearchKey(***)")
    }
}
