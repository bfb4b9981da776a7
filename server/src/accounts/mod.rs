//! Who people are and what they may do: passwords, console sessions, devices, grants and the area
//! tree they refer to. Deciding is here, rows and queries are in `store`, HTTP is above.
//!
//! Every function that changes something runs inside the caller's one transaction, is handed the
//! time, and answers a request that is not allowed with [`Refusal`].

pub mod areas;
pub mod codes;
pub mod devices;
pub mod enrolment;
pub mod grants;
pub mod passwords;
pub mod replay;
pub mod roles;
pub mod sessions;
pub mod signin;
pub mod throttle;
pub mod users;

pub use replay::catch_up;
pub use roles::{Actor, Role};

use crate::{ledger, store};

/// A request that was understood and is not allowed, or not possible as things stand. The texts
/// name fields and rules, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("your role does not allow this here")]
    Forbidden,
    #[error("there is no such {0} within your reach")]
    Unknown(&'static str),
    #[error("{field}: {rule}")]
    Malformed {
        field: &'static str,
        rule: &'static str,
    },
    #[error("{0} is taken")]
    Taken(&'static str),
    #[error("login or password is wrong")]
    Credentials,
    #[error("too many attempts; wait before the next")]
    Throttled { seconds: u64 },
    #[error("the session is over; sign in again")]
    SessionOver,
    #[error("this code is unknown; ask for a new one")]
    CodeUnknown,
    #[error("this code was used; ask for a new one")]
    CodeUsed,
    #[error("this code has run out; ask for a new one")]
    CodeExpired,
    #[error("the account is closed")]
    AccountClosed,
    #[error("the device is blocked")]
    DeviceBlocked,
    #[error("this line of devices has parted too often; ask for a new code")]
    TooManyExits,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The machine cannot do what security needs (random numbers, hashing, signing).
    #[error("the machine failed at {0}")]
    Machine(&'static str),
}

pub(crate) const fn malformed(field: &'static str, rule: &'static str) -> Error {
    Error::Refused(Refusal::Malformed { field, rule })
}

/// Names that people read: 1 to 64 characters, nothing invisible.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), Error> {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let length = name.chars().count();
    if !(1..=64).contains(&length) || name.trim() != name || name.chars().any(invisible) {
        return Err(malformed(
            field,
            "1 to 64 visible characters, no space at either end",
        ));
    }
    Ok(())
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 hex digits, of either case.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
