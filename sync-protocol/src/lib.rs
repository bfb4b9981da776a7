//! The protocol of Kadian as pure functions: how a change is read, normalised, merged and
//! fed to those who may see it, and how a device behaves.
//!
//! Nothing here does I/O, reads a clock or draws a random number; time and ids come in as
//! arguments. So every rule can be tested alone, replayed from a seed, and written again in
//! another language from `docs/protocol.md` and `vectors/*.json`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`id`] | ids of records, devices and people |
//! | [`stamp`] | when something was written, and how the server makes that trustworthy |
//! | [`mark`] | how a device and the server know they mean the same change |
//! | [`change`] | one line of a push, parsed into a type that cannot be wrong |
//! | [`value`] | values, looked at wherever they stand |
//! | [`record`] | what the centre holds of one record: a value and a writer per field |
//! | [`merge`] | the one place where conflicts are decided |
//! | [`scope`] | where a record lives: a place, or a place on one day |
//! | [`cursor`] | heads, leaps, and which cursors are worth something |
//! | [`digest`] | how two replicas prove that they hold the same |
//! | [`check`] | what a phone number, an ID, a plate… must be, and what is merely odd |
//! | [`kind`] | kinds of record as data: fields, views, counts, retention |
//! | [`policy`] | what makes an entry abnormal, as data |
//! | [`wire`] | requests, replies, limits, verdicts and codes |
//! | [`replica`] | the device: what it keeps, what it sends next, what it makes of an answer |

pub mod change;
pub mod check;
pub mod cursor;
pub mod digest;
pub mod id;
pub mod kind;
pub mod mark;
pub mod merge;
pub mod policy;
pub mod record;
pub mod replica;
pub mod scope;
pub mod stamp;
pub mod value;
pub mod wire;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The revision of a record, or a head of a scope: at most 2^53, so that every JSON reader holds it.
pub type Rev = u64;

/// The number of a change on its device: 1, 2, 3… without a gap.
pub type Seq = u64;

/// The greatest integer that every JSON reader keeps exactly (2^53 − 1).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
