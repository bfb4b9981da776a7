//! Digests: how a device proves that it holds what the centre holds, at 8 bytes a scope.
//!
//! The digest of a scope is the wrapping sum of one number per record, so that it is kept up to
//! date by adding and taking away; a sum (not an exclusive or), so that a row applied twice shows.

use sha2::{Digest as _, Sha256};

use crate::Rev;
use crate::id::RecordId;

/// The wrapping sum over the records of a scope; 16 lower-case hex digits on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest(pub u64);

impl Digest {
    /// Adds a record.
    pub fn add(&mut self, record: RecordId, rev: Rev) {
        self.0 = self.0.wrapping_add(entry(record, rev));
    }

    /// Takes a record away.
    pub fn remove(&mut self, record: RecordId, rev: Rev) {
        self.0 = self.0.wrapping_sub(entry(record, rev));
    }

    /// Adds all that another digest covers.
    pub fn join(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// As a database integer, bit for bit.
    #[must_use]
    pub const fn to_bits(self) -> i64 {
        i64::from_ne_bytes(self.0.to_ne_bytes())
    }

    /// From a database integer, bit for bit.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(u64::from_ne_bytes(bits.to_ne_bytes()))
    }
}

/// The first 8 bytes, big-endian, of SHA-256 over the ASCII text `<record>:<rev>`.
#[must_use]
pub fn entry(record: RecordId, rev: Rev) -> u64 {
    let hash = Sha256::digest(format!("{record}:{rev}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for Digest {
    type Err = crate::mark::BadMark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<crate::mark::Mark>()
            .map(|mark| Self(u64::from_be_bytes(mark.0)))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_digest_kept_up_to_date_equals_one_made_anew(
            steps in proptest::collection::vec((0_u8..6, 1_u64..5), 0..40),
        ) {
            let id = |n: u8| RecordId::from_bytes([n; 16]);
            let mut held = std::collections::BTreeMap::new();
            let mut kept = Digest::default();
            for (record, rev) in steps {
                if let Some(old) = held.insert(record, rev) {
                    kept.remove(id(record), old);
                }
                kept.add(id(record), rev);
            }
            let mut anew = Digest::default();
            for (record, rev) in held {
                anew.add(id(record), rev);
            }
            prop_assert_eq!(kept, anew);
            prop_assert_eq!(Digest::from_bits(kept.to_bits()), kept);
            prop_assert_eq!(kept.to_string().parse(), Ok(kept));
        }
    }
}
