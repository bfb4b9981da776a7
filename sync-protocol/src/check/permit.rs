//! R4: mainland travel permits: the home-return permit of Hong Kong and Macau residents (H or M and
//! eight digits, sometimes ten), the permit of Taiwan residents (eight digits), and the older card
//! of foreign permanent residents (three letters and twelve digits, R3). None carries a check that
//! can be computed, so each is accepted as unverified.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    HongKongMacau,
    Taiwan,
    ForeignResidentOld,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    text: String,
    form: Form,
}

impl Permit {
    pub fn parse(text: &str) -> Outcome<Self> {
        let text = fold_bounded(text)?;
        let digits = |from: usize| text.bytes().skip(from).all(|b| b.is_ascii_digit());
        let form = match (text.len(), text.as_bytes().first()) {
            (9 | 11, Some(b'H' | b'M')) if digits(1) => Form::HongKongMacau,
            (8, Some(_)) if digits(0) => Form::Taiwan,
            (15, Some(_)) if digits(3) && text.bytes().take(3).all(|b| b.is_ascii_uppercase()) => {
                Form::ForeignResidentOld
            }
            _ => return Err(Refused(reason::FORMAT)),
        };
        Ok(Checked {
            value: Self { text, form },
            warnings: vec![reason::UNVERIFIED],
        })
    }

    pub fn normalised(&self) -> &str {
        &self.text
    }

    pub fn form(&self) -> Form {
        self.form
    }
}
