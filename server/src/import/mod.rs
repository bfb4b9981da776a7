//! Lists come in from a spreadsheet: every row is checked before any is written, every bad one is
//! reported by line and reason, and nothing is half-imported.

pub mod area;
pub mod household;

use sha2::{Digest, Sha256};
use sync_protocol::id::RecordId;

/// What is wrong with a row. Names the column and the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BadRow {
    /// The line in the file, from 1.
    pub line: u64,
    /// The column, if it is one column's fault.
    pub column: String,
    /// What is wanted.
    pub reason: String,
}

/// The id of an imported record, or map entry: derived from where it comes from, so that the same
/// list imported twice is the same records. A UUID of version 8.
pub fn derived_id(kind: &str, source: &str, external: &str) -> RecordId {
    let mut hash = Sha256::new();
    for part in [kind, source, external] {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    RecordId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_source_gives_the_same_record_and_no_two_share_one() {
        assert_eq!(
            derived_id("household", "grid-1", "7"),
            derived_id("household", "grid-1", "7")
        );
        assert_ne!(
            derived_id("household", "grid-1", "7"),
            derived_id("household", "grid-17", "")
        );
        assert_eq!(derived_id("a", "b", "c").to_string().as_bytes()[14], b'8');
    }
}
