//! R9: a person's name: 1–64 characters without control or direction marks. Nothing is guessed
//! about what a name may be. For comparison it is composed (NFC) and the various middle dots
//! between Han characters become one.

use unicode_normalization::UnicodeNormalization;

use super::{Checked, Outcome, Refused, reason};

pub const MAX_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub fn parse(text: &str) -> Outcome<Self> {
        if text.len() > MAX_CHARS * 16 {
            return Err(Refused(reason::TOO_LONG));
        }
        if text.chars().any(|c| c.is_control() || directs(c)) {
            return Err(Refused(if text.contains('\0') {
                reason::NUL
            } else {
                reason::CONTROL
            }));
        }
        let composed: Vec<char> = text.trim().nfc().collect();
        match composed.len() {
            0 => return Err(Refused(reason::EMPTY)),
            n if n > MAX_CHARS => return Err(Refused(reason::TOO_LONG)),
            _ => {}
        }
        Ok(Checked::plain(Self(one_dot(&composed))))
    }

    pub fn normalised(&self) -> &str {
        &self.0
    }
}

fn one_dot(chars: &[char]) -> String {
    let han_at = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| is_han(*c));
    chars
        .iter()
        .enumerate()
        .map(|(at, c)| {
            let dot = matches!(c, '·' | '•' | '‧' | '・' | '.' | '．' | '･');
            let between_han = han_at(at.checked_sub(1)) && han_at(Some(at + 1));
            if dot && between_han { '·' } else { *c }
        })
        .collect()
}

/// Marks that turn the direction of text: they can make one name read as another.
fn directs(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
