//! What people at a console, and other systems, do with records: find, read, make, change, move
//! and look up. Everything shown passes through its reader's view, everything written through the
//! engine; no kind is named here.

pub mod aside;
pub mod conflicts;
pub mod look_up;
pub mod read;
pub mod search;
pub mod write;

use sync_protocol::kind::{Kind, Kinds, ROLES};
use sync_protocol::scope::Scope;

use crate::store;
use crate::sync::combiner::Failed;
use crate::sync::day;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such thing in reach.
    #[error("there is no such thing in reach")]
    Unknown,
    /// It is in reach, but not to be done by this person.
    #[error("this is not for one of these roles")]
    Forbidden,
    /// What was asked for is not well formed.
    #[error("{field}: {rule}")]
    Malformed {
        /// Where.
        field: &'static str,
        /// What is wanted.
        rule: &'static str,
    },
    /// The record is not at the revision that was looked at.
    #[error("the record has changed since")]
    Stale,
    /// It was decided before.
    #[error("this was decided before")]
    Decided,
    /// The record cannot go there.
    #[error("records of this kind do not live there")]
    Place,
    /// Under the id that follows from the caller's key stands what somebody else made.
    #[error(
        "idempotency-key: a record of somebody else stands where this key leads; use another key"
    )]
    Taken,
    /// The record stands with another and moves with it.
    #[error("the record moves with the one it stands with")]
    Child,
    /// It cannot be admitted; the code says why.
    #[error("the change cannot be admitted: {0}")]
    NotAdmitted(String),
    /// The writer could not.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        Self::Failed(Failed::Store(error))
    }
}

const fn malformed(field: &'static str, rule: &'static str) -> Fault {
    Fault::Malformed { field, rule }
}

/// The roles that see anything of a kind.
pub fn readers_of(kind: &Kind) -> Vec<&'static str> {
    ROLES
        .into_iter()
        .filter(|role| kind.view(&[role]).sees_kind())
        .collect()
}

/// The roles that see anything of any kind.
pub fn readers(kinds: &Kinds) -> Vec<&'static str> {
    ROLES
        .into_iter()
        .filter(|role| kinds.newest().any(|kind| kind.view(&[role]).sees_kind()))
        .collect()
}

/// The calendar day on which a record began, as far as its scope does not say it.
fn day_of(scope: &Scope, time: sync_protocol::Millis) -> chrono::NaiveDate {
    scope.day.unwrap_or_else(|| day::local_day(time, None)).0
}
