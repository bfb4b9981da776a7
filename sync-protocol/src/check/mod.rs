//! Validation of single values (rules R1–R13): one file per subject. Each subject is parsed into a
//! type that cannot be wrong, and says apart what is *refused* (malformed: the change is `invalid`,
//! kept and shown) and what is *warned* of (implausible: stored and flagged).
//!
//! Values are stored as they were captured. The normalised form made here serves search and
//! comparison only. Nothing here reads a clock, a table of areas or a policy, and no outcome ever
//! carries the value it is about: codes can go to logs and screens.

pub mod area_code;
pub mod code;
pub mod credit_code;
pub mod date;
pub mod document;
pub mod name;
pub mod passport;
pub mod permit;
pub mod phone;
pub mod plate;
pub mod resident_id;
pub mod temperature;
pub mod text;
pub mod time;
pub mod value;

use unicode_normalization::UnicodeNormalization;

pub use area_code::AreaCode;
pub use credit_code::CreditCode;
pub use document::{Document, DocumentType};
pub use name::Name;
pub use passport::Passport;
pub use permit::Permit;
pub use phone::Phone;
pub use plate::Plate;
pub use resident_id::ResidentId;
pub use temperature::Temperature;

/// A stable reason: lower-case words joined by `_`, never translated, never carrying a value.
/// Together with the path of the field it says everything a screen needs.
pub type Reason = &'static str;

/// What was accepted, with what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<T> {
    pub value: T,
    pub warnings: Vec<Reason>,
}

impl<T> Checked<T> {
    pub(crate) fn plain(value: T) -> Self {
        Self {
            value,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Checked<U> {
        Checked {
            value: turn(self.value),
            warnings: self.warnings,
        }
    }
}

/// Malformed, with the reason. The value itself is deliberately not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub Reason);

/// A checked value or the reason why it is malformed.
pub type Outcome<T> = Result<Checked<T>, Refused>;

/// The reasons, refusals (E) first, then warnings (W). An open list: a client shows a code it does
/// not know as it is.
pub mod reason {
    use super::Reason;

    pub const EMPTY: Reason = "empty";
    pub const TOO_LONG: Reason = "too_long";
    pub const FORMAT: Reason = "format";
    pub const CHECK_DIGIT: Reason = "check_digit";
    pub const DATE: Reason = "date";
    pub const SEQUENCE: Reason = "sequence";
    pub const RANGE: Reason = "range";
    pub const NUL: Reason = "nul_character";
    pub const CONTROL: Reason = "control_character";
    pub const NOT_INTEGER: Reason = "not_integer";
    pub const OFFSET_MISSING: Reason = "offset_missing";
    pub const TOO_DEEP: Reason = "too_deep";
    pub const TOO_LARGE: Reason = "too_large";

    pub const AREA_UNKNOWN: Reason = "area_unknown";
    pub const FUTURE_BIRTH: Reason = "future_birth";
    pub const AGE_OVER_120: Reason = "age_over_120";
    pub const LEGACY_NUMBER: Reason = "legacy_number";
    pub const UNVERIFIED: Reason = "unverified";
    pub const UNUSUAL: Reason = "unusual";
    pub const PREFIX_UNASSIGNED: Reason = "prefix_unassigned";
    pub const UNKNOWN_CODE: Reason = "unknown_code";
    pub const IMPLAUSIBLE: Reason = "implausible";
    pub const UNIT_UNCLEAR: Reason = "unit_unclear";
}

/// Full-width to half-width, trimmed, upper case: how every code-like value is read.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        // Most of what is typed: it has but one form.
        return text.trim().to_ascii_uppercase();
    }
    text.nfkc().collect::<String>().trim().to_uppercase()
}

/// No code-like value is longer than this; longer text is refused before any work is done on it.
pub(crate) const CODE_MAX_BYTES: usize = 256;

pub(crate) fn fold_bounded(text: &str) -> Result<String, Refused> {
    if text.len() > CODE_MAX_BYTES {
        return Err(Refused(reason::TOO_LONG));
    }
    let folded = fold(text);
    if folded.is_empty() {
        return Err(Refused(reason::EMPTY));
    }
    Ok(folded)
}
