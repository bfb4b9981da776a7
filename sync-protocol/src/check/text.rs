//! R13: free text. Stored exactly as typed, markup included; refused only for U+0000 and above its
//! limit. (A lone surrogate never gets this far: the line that carries it is no valid JSON text.)

use super::{Checked, Outcome, Refused, reason};

/// The limit of a text whose kind names none, in characters.
pub const DEFAULT_MAX_CHARS: usize = 500;

pub fn parse(text: &str, max_chars: usize) -> Outcome<&str> {
    if text.contains('\0') {
        return Err(Refused(reason::NUL));
    }
    if text.chars().nth(max_chars).is_some() {
        return Err(Refused(reason::TOO_LONG));
    }
    Ok(Checked::plain(text))
}
