//! R4: passport numbers, and the check digit of the machine-readable zone (ICAO 9303). A passport
//! number alone carries nothing that proves it, so a well-formed one is accepted as unverified.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passport(String);

impl Passport {
    pub fn parse(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let folded: String = folded.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if !(5..=20).contains(&folded.len())
            || !folded
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        {
            return Err(Refused(reason::FORMAT));
        }
        Ok(Checked {
            value: Self(folded),
            warnings: vec![reason::UNVERIFIED],
        })
    }

    pub fn normalised(&self) -> &str {
        &self.0
    }
}

/// The check digit of one field of a machine-readable zone: weights 7 3 1, letters from 10, `<` 0.
/// `None` if a character cannot stand there.
pub fn mrz_check_digit(field: &str) -> Option<u8> {
    let sum = field
        .bytes()
        .zip([7u32, 3, 1].into_iter().cycle())
        .try_fold(0u32, |sum, (byte, weight)| {
            let value = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                b'A'..=b'Z' => u32::from(byte - b'A') + 10,
                b'<' => 0,
                _ => return None,
            };
            Some((sum + value * weight) % 10)
        })?;
    u8::try_from(sum).ok()
}
