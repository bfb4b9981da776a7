//! R1–R3: the 18-digit identity number (GB 11643-1999) with its check digit (ISO 7064 MOD 11-2),
//! its 15-digit predecessor, the residence permits of Hong Kong, Macau and Taiwan people (same
//! form, areas 810000, 820000, 830000) and the foreign permanent resident's card (first digit 9).
//!
//! It does not look the area up: codes are abolished while numbers live on, so only an unknown
//! province is flagged.

use chrono::{Datelike, NaiveDate};

use super::{Checked, Outcome, Refused, fold_bounded, reason};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

/// Provinces by the first two digits, with 81–83 as used on residence permits.
const PROVINCES: [&str; 35] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41",
    "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71",
    "81", "82", "83",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

/// Which of the documents that share the 18-digit form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Resident,
    /// Residence permit of a Hong Kong, Macau or Taiwan resident.
    ResidencePermit,
    /// Foreign permanent resident, card form of December 2023.
    ForeignResident,
}

/// A number whose form, date, sequence and check digit are right. Always 18 characters: one of 15
/// is converted with the century 19.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidentId {
    text: String,
    birth: NaiveDate,
    legacy: bool,
}

impl ResidentId {
    /// Without `today` the warnings that need a date (future birth, age) are left out.
    pub fn parse(text: &str, today: Option<NaiveDate>) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let (text, legacy) = match folded.len() {
            18 => (folded, false),
            15 => (lengthen(&folded)?, true),
            _ => return Err(Refused(reason::FORMAT)),
        };
        let bytes = text.as_bytes();
        let (digits, last) = bytes.split_at(17);
        if !digits.iter().all(u8::is_ascii_digit)
            || !last.iter().all(|b| b.is_ascii_digit() || *b == b'X')
        {
            return Err(Refused(reason::FORMAT));
        }
        if last.first().copied() != check_digit(digits) {
            return Err(Refused(reason::CHECK_DIGIT));
        }
        let birth = birth_date(digits).ok_or(Refused(reason::DATE))?;
        if &digits[14..17] == b"000" {
            return Err(Refused(reason::SEQUENCE));
        }
        let id = Self {
            text,
            birth,
            legacy,
        };
        let warnings = id.oddities(today);
        Ok(Checked {
            value: id,
            warnings,
        })
    }

    fn oddities(&self, today: Option<NaiveDate>) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if !self.province_known() {
            warnings.push(reason::AREA_UNKNOWN);
        }
        if self.legacy {
            warnings.push(reason::LEGACY_NUMBER);
        }
        if let Some(today) = today {
            if self.birth > today {
                warnings.push(reason::FUTURE_BIRTH);
            } else if self.age_on(today) > 120 {
                warnings.push(reason::AGE_OVER_120);
            }
        }
        warnings
    }

    fn province_known(&self) -> bool {
        PROVINCES.contains(&&self.text[..2])
    }

    /// Completed years on a day.
    pub fn age_on(&self, day: NaiveDate) -> i32 {
        let before_birthday = (day.month(), day.day()) < (self.birth.month(), self.birth.day());
        day.year() - self.birth.year() - i32::from(before_birthday)
    }

    pub fn normalised(&self) -> &str {
        &self.text
    }

    pub fn birth(&self) -> NaiveDate {
        self.birth
    }

    pub fn sex(&self) -> Sex {
        if self.text.as_bytes()[16] % 2 == 1 {
            Sex::Male
        } else {
            Sex::Female
        }
    }

    pub fn area(&self) -> &str {
        &self.text[..6]
    }

    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    pub fn holder(&self) -> Holder {
        match (self.area(), self.text.as_bytes()[0]) {
            ("810000" | "820000" | "830000", _) => Holder::ResidencePermit,
            (_, b'9') => Holder::ForeignResident,
            _ => Holder::Resident,
        }
    }
}

/// The check character of seventeen digits; `None` if they are not seventeen digits.
pub fn check_digit(digits: &[u8]) -> Option<u8> {
    if digits.len() != WEIGHTS.len() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(d, w)| u32::from(d - b'0') * w)
        .sum();
    CHECK.get((sum % 11) as usize).copied()
}

fn lengthen(fifteen: &str) -> Result<String, Refused> {
    if !fifteen.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refused(reason::FORMAT));
    }
    let mut long = format!("{}19{}", &fifteen[..6], &fifteen[6..]);
    let check = check_digit(long.as_bytes()).ok_or(Refused(reason::FORMAT))?;
    long.push(char::from(check));
    Ok(long)
}

fn birth_date(digits: &[u8]) -> Option<NaiveDate> {
    let number = |from: usize, to: usize| {
        digits[from..to]
            .iter()
            .fold(0u32, |n, d| n * 10 + u32::from(d - b'0'))
    };
    NaiveDate::from_ymd_opt(
        i32::try_from(number(6, 10)).ok()?,
        number(10, 12),
        number(12, 14),
    )
}
