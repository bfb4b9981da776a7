//! R6: number plates. Never refused for its form: military, foreign and temporary plates pass every
//! gate. What is not a usual civil or new-energy plate is flagged as unusual, so that a typing slip
//! is seen.

use super::{Checked, Outcome, fold_bounded, reason};

const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
const SUFFIXES: &str = "挂学警港澳";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate(String);

impl Plate {
    /// Refuses only what is empty or far too long for a plate.
    pub fn parse(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let bare: String = folded
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '·' | '•' | '‧' | '・' | '.' | '-'))
            .collect();
        if bare.is_empty() {
            return Err(super::Refused(reason::EMPTY));
        }
        if bare.chars().count() > 20 {
            return Err(super::Refused(reason::TOO_LONG));
        }
        if bare.chars().any(char::is_control) {
            return Err(super::Refused(reason::CONTROL));
        }
        let warnings = if is_usual(&bare) {
            Vec::new()
        } else {
            vec![reason::UNUSUAL]
        };
        Ok(Checked {
            value: Self(bare),
            warnings,
        })
    }

    pub fn normalised(&self) -> &str {
        &self.0
    }
}

fn is_usual(plate: &str) -> bool {
    let chars: Vec<char> = plate.chars().collect();
    let [province, letter, rest @ ..] = chars.as_slice() else {
        return false;
    };
    if !PROVINCES.contains(*province) || !letter.is_ascii_uppercase() {
        return false;
    }
    match rest {
        [a, b, c, d, last] => {
            [a, b, c, d].into_iter().all(|c| serial(*c))
                && (serial(*last) || SUFFIXES.contains(*last))
        }
        [kind, second, tail @ ..] if tail.len() == 4 && new_energy(*kind) => {
            serial(*second) && tail.iter().all(char::is_ascii_digit)
        }
        [digits @ .., kind] if digits.len() == 5 => {
            new_energy(*kind) && digits.iter().all(char::is_ascii_digit)
        }
        _ => false,
    }
}

/// A letter or digit of the serial part: I and O are left out, they read as 1 and 0.
fn serial(c: char) -> bool {
    c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, 'I' | 'O'))
}

fn new_energy(c: char) -> bool {
    matches!(c, 'A'..='H' | 'J' | 'K')
}
