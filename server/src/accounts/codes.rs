//! Enrolment codes as people read them: 28 letters and digits in groups of four, 140 random bits.
//! The alphabet has no I, L, O and U; what is easily misread is understood all the same. Codes are
//! never stored, only their hash.

use super::{Error, sha256};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 28;
const GROUP: usize = 4;

/// A code in the hands of the one who made it. It does not print by accident.
pub struct Code(String);

impl Code {
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|_| Error::Machine("random numbers"))?;
        // 256 is a multiple of 32: every letter is equally likely.
        let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Ok(Self(letters.iter().collect()))
    }

    /// Understands a code as it was typed: any case, any grouping, O for 0, I and L for 1.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * LENGTH {
            return None;
        }
        let letters: Option<String> = text
            .chars()
            .filter(|c| !matches!(c, '-' | ' ' | '\u{2013}'))
            .map(|c| {
                let c = match c.to_ascii_uppercase() {
                    'O' => '0',
                    'I' | 'L' => '1',
                    other => other,
                };
                u8::try_from(c)
                    .is_ok_and(|byte| ALPHABET.contains(&byte))
                    .then_some(c)
            })
            .collect();
        letters.filter(|letters| letters.len() == LENGTH).map(Self)
    }

    /// What is stored.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// `ABCD-EFGH-…`, for the screen of the one who hands it over.
    pub fn reveal(&self) -> String {
        let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (index, letter) in self.0.chars().enumerate() {
            if index > 0 && index % GROUP == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_was_typed() {
        let code = Code::random().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), 28 + 6);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
            shown.replace('0', "o").replace('1', "l"),
        ] {
            assert_eq!(Code::parse(&typed).unwrap().hash(), code.hash());
        }
        assert_ne!(Code::random().unwrap().hash(), code.hash());
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in [
            "",
            "ABCD",
            "U".repeat(28).as_str(),
            "é".repeat(28).as_str(),
            "0".repeat(29).as_str(),
        ] {
            assert!(Code::parse(text).is_none());
        }
    }
}
