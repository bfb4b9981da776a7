//! R11: codes of a list, such as the health code. A code that the list does not have is stored as
//! it came and flagged: lists change overnight, and a phone may know more than this server.

use super::{Checked, Outcome, Refused, reason};

pub const MAX_BYTES: usize = 64;

/// The codes of a health code as the built-in kinds use them.
pub const HEALTH_CODES: [&str; 5] = ["green", "yellow", "red", "none", "unreadable"];

pub fn parse<'t>(text: &'t str, known: impl IntoIterator<Item = &'t str>) -> Outcome<&'t str> {
    if text.is_empty() {
        return Err(Refused(reason::EMPTY));
    }
    if text.len() > MAX_BYTES {
        return Err(Refused(reason::TOO_LONG));
    }
    if text.chars().any(char::is_control) {
        return Err(Refused(if text.contains('\0') {
            reason::NUL
        } else {
            reason::CONTROL
        }));
    }
    let warnings = if known.into_iter().any(|code| code == text) {
        Vec::new()
    } else {
        vec![reason::UNKNOWN_CODE]
    };
    Ok(Checked {
        value: text,
        warnings,
    })
}
