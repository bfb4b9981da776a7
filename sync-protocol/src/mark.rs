//! Marks: how a device and the server know that they mean the same change by the same number.
//!
//! A mark is the first 8 bytes of SHA-256 over the ASCII text `<seq>:` followed by the bytes of
//! the change's line. A phone restored from a backup, or cloned, reuses numbers for other
//! content; the marks then differ and the fork is seen at the first diverging push (I16).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::Seq;

/// The mark of a change; 16 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub [u8; 8]);

/// A text that is not a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mark: 16 lower-case hex digits are wanted")]
pub struct BadMark;

impl Mark {
    /// The mark of the line that carries change `seq`.
    #[must_use]
    pub fn of(seq: Seq, line: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seq.to_string().as_bytes());
        hash.update(b":");
        hash.update(line);
        Self(first_8(&hash.finalize()))
    }
}

/// The first 8 bytes of SHA-256 over `bytes`, as a number: what a device's changes and a
/// record's writes are told apart by.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(first_8(&Sha256::digest(bytes)))
}

fn first_8(hash: &[u8]) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    first
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl FromStr for Mark {
    type Err = BadMark;

    fn from_str(text: &str) -> Result<Self, BadMark> {
        if text.len() != 16 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(BadMark);
        }
        u64::from_str_radix(text, 16)
            .map(|bits| Self(bits.to_be_bytes()))
            .map_err(|_| BadMark)
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The mark before change `from`, as the wire has it: empty before the first change.
pub mod before {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Mark;

    /// Writes the mark, or an empty text.
    pub fn serialize<S: Serializer>(mark: &Option<Mark>, serializer: S) -> Result<S::Ok, S::Error> {
        match mark {
            Some(mark) => serializer.collect_str(mark),
            None => serializer.serialize_str(""),
        }
    }

    /// Reads a mark, or an empty text.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Mark>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_part_of_the_mark() {
        assert_ne!(Mark::of(1, b"{}"), Mark::of(2, b"{}"));
        let mark = Mark::of(412, br#"{"lost":"storage"}"#);
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!("9B1C0E55D2A7F810".parse::<Mark>(), Err(BadMark));
    }
}
