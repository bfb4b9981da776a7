//! R8: the unified social credit code of an organisation (GB 32100-2015): 18 characters of an
//! alphabet of 31, the last one a check character. Whether the organisation exists is not asked.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditCode(String);

impl CreditCode {
    pub fn parse(text: &str) -> Outcome<Self> {
        let text = fold_bounded(text)?;
        if text.len() != 18 || !text.bytes().all(|b| ALPHABET.contains(&b)) {
            return Err(Refused(reason::FORMAT));
        }
        let (body, last) = text.as_bytes().split_at(17);
        if last.first().copied() != check_character(body) {
            return Err(Refused(reason::CHECK_DIGIT));
        }
        Ok(Checked::plain(Self(text)))
    }

    pub fn normalised(&self) -> &str {
        &self.0
    }
}

/// The check character of the first seventeen; `None` if one is not of the alphabet.
pub fn check_character(body: &[u8]) -> Option<u8> {
    let mut weight = 1usize;
    let mut sum = 0usize;
    for byte in body {
        let value = ALPHABET.iter().position(|letter| letter == byte)?;
        sum = (sum + value * weight) % 31;
        weight = weight * 3 % 31;
    }
    ALPHABET.get((31 - sum) % 31).copied()
}
