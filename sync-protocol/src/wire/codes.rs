//! Why a change is kept aside: the codes that a verdict gives.

/// Why a change is parked.
pub mod parked {
    /// The writer has no right to write there.
    pub const OUT_OF_SCOPE: &str = "out_of_scope";
    /// The record would outgrow its limits.
    pub const TOO_LARGE: &str = "too_large";
    /// The kind, or its version, is not known here yet.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// The record or the parent is not known here yet.
    pub const WAITING: &str = "waiting";
    /// An earlier change of this device to the record is parked or invalid.
    pub const BEHIND: &str = "behind";
}

/// Why a change is invalid, beside the codes of [`crate::change::Malformed`] and of the kind's checks.
pub mod invalid {
    /// The record is of another kind.
    pub const KIND: &str = "kind";
    /// The record was purged, or the whole day at its place; the body is not kept.
    pub const PURGED: &str = "purged";
    /// Its day is past retention by the server's clock, which alone destroys nothing: the body is
    /// kept aside, and goes with what else is aside.
    pub const EXPIRED: &str = "expired";
    /// The phone has lost the body.
    pub const LOST: &str = "lost";
    /// A new record names no place, or one at which its kind does not live.
    pub const SCOPE: &str = "scope";
    /// A new record of this kind names no parent, or one of another kind.
    pub const PARENT: &str = "parent";
}
