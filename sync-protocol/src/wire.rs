//! What travels: the envelope of a request, the reply, limits, verdicts and codes.
//!
//! `POST /v1/sync` is the whole protocol. The body is NDJSON: the first line is the
//! [`Envelope`], each further line one change, byte for byte as the device stored it when
//! packed. The reply is one [`Reply`] as JSON.

mod codes;

pub use codes::{invalid, parked};

mod request;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Fields;
use crate::digest::Digest;
use crate::id::{RecordId, UserId};
use crate::mark::Mark;
use crate::scope::{Place, Scope};
use crate::stamp::{Clock, Stamp};
use crate::{Millis, Rev, Seq};

pub use request::{BadRequest, Request};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// Changes in one request.
pub const MAX_CHANGES: usize = 500;
/// Bytes of one change's line; devices refuse larger ones at capture.
pub const MAX_CHANGE_BYTES: usize = 16 * 1024;
/// Bytes of a record's values.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;
/// Bytes of the values that lost in a record and are kept beside those that stand.
pub const MAX_LOSERS_BYTES: usize = 4 * MAX_RECORD_BYTES;
/// Map entries of a record, gone ones included.
pub const MAX_MAP_ENTRIES: usize = 256;
/// Bytes of a request's body as sent.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// Bytes of a request's body inflated.
pub const MAX_INFLATED_BYTES: usize = 1024 * 1024;
/// How many times a body may grow when inflated.
pub const MAX_INFLATE_RATIO: usize = 40;
/// How deep JSON may nest.
pub const MAX_DEPTH: usize = 16;
/// Rows, exits and own changes of one reply, over all scopes.
pub const MAX_PAGE_ROWS: usize = 500;
/// Bytes of the rows of one reply, over all scopes; one row is always sent.
pub const MAX_PAGE_BYTES: usize = 128 * 1024;
/// Scopes asked for in one request.
pub const MAX_SCOPES: usize = 64;
/// Places listed in one reply; the rest at `/v1/scopes`.
pub const MAX_PLACES: usize = 200;
/// Changes in one pack after a request failed.
pub const MAX_CHANGES_AFTER_FAILURE: usize = 32;
/// Bytes of one pack after a request failed.
pub const MAX_BYTES_AFTER_FAILURE: usize = 32 * 1024;
/// Days for which a grant that ran out by its date still admits its user's own late work.
pub const LATE_DAYS: i64 = 7;
/// Seconds that a checkpoint's rows may stay on a phone after last contact.
pub const LEASE_BY_DAY: u32 = 24 * 60 * 60;
/// Seconds that any other place's rows may stay on a phone after last contact.
pub const LEASE: u32 = 7 * LEASE_BY_DAY;
/// Seconds a device waits between requests when nothing presses.
pub const NEXT_IN: u32 = 300;

/// The first line of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The epoch of the last reply; 0 at first.
    #[serde(default)]
    pub epoch: Rev,
    /// The phone's clock, taken at each attempt.
    pub now: Millis,
    /// The era of `now`.
    pub era: u64,
    /// Server minus phone, in milliseconds, per era: earlier eras, and the smallest measured of this one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "eras")]
    pub eras: BTreeMap<u64, i64>,
    /// The version of kind definitions that the phone holds.
    #[serde(default)]
    pub schema: u32,
    /// The version of the policy that the phone holds.
    #[serde(default)]
    pub policy: u32,
    /// The hash of the grants of the last reply that listed places.
    #[serde(default)]
    pub grants: String,
    /// The number of the first change that follows, or would follow.
    pub from: Seq,
    /// The mark of change `from` − 1; empty when `from` is 1.
    #[serde(with = "crate::mark::before")]
    pub after: Option<Mark>,
    /// The scopes asked for; absent or empty asks for none.
    #[serde(default)]
    pub pull: Vec<Ask>,
    /// Rows wanted at most.
    #[serde(default = "page_rows")]
    pub limit: usize,
}

const fn page_rows() -> usize {
    MAX_PAGE_ROWS
}

/// One scope asked for: `[scope, cursor, view, digest]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask(pub Scope, pub Rev, pub String, pub Digest);

/// JSON has text keys only: `{"2": -31536000000}`.
mod eras {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        eras: &BTreeMap<u64, i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        eras.iter()
            .map(|(era, offset)| (era.to_string(), offset))
            .collect::<BTreeMap<_, _>>()
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, i64>, D::Error> {
        BTreeMap::<String, i64>::deserialize(deserializer)?
            .into_iter()
            .map(|(era, offset)| Ok((era.parse().map_err(serde::de::Error::custom)?, offset)))
            .collect()
    }
}

/// The answer to a request that was processed, whatever the verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The epoch of the database.
    pub epoch: Rev,
    /// The server's clock.
    pub now: Millis,
    /// The newest version of the kind definitions.
    pub schema: u32,
    /// The newest version of the policy.
    pub policy: u32,
    /// Every change up to this number has its final verdict.
    pub ack: Seq,
    /// The mark of change `ack`; empty when `ack` is 0.
    #[serde(with = "crate::mark::before")]
    pub ack_mark: Option<Mark>,
    /// Every change up to this number will outlive the loss of the server; until then the device keeps a copy.
    pub durable: Seq,
    /// Seconds to wait before the next request, unless there is something to send.
    pub next_in: u32,
    /// What became of changes of this request; one that is not named is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Scopes asked for that are not the caller's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// The hash of the caller's grants, with `places`, when the request's is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<String>,
    /// The caller's places, at most [`MAX_PLACES`], when the request's `grants` is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<HeldPlace>>,
    /// News of the scopes asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
}

/// A place where the caller has a role now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPlace {
    /// The place; for kinds by day, a scope is this and a day.
    pub place: Place,
    /// Its name, for people.
    pub name: String,
    /// Whether its scopes are kept by day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_day: bool,
    /// The roles held there.
    pub roles: Vec<String>,
}

/// What became of a change, or of a run of changes alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The change.
    pub seq: Seq,
    /// The last change of the run, if it is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Seq>,
    /// The outcome.
    pub verdict: Outcome,
    /// Why, for `parked` and `invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where in the change, as `set.person.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The fields that lost, for `merged`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Where the record is, if the caller may read it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// What became of a change. An open list: a device takes an unknown one for `applied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "String")]
pub enum Outcome {
    /// Some of its fields lost to later ones and are kept in the history.
    Merged,
    /// Kept aside until someone resolves it or what it waits for comes.
    Parked,
    /// No change of a record; kept and shown.
    Invalid,
    /// It is in the record; also whatever this program does not know.
    /// (Last, as serde wants it.)
    #[serde(other)]
    Applied,
}

impl From<String> for Outcome {
    fn from(text: String) -> Self {
        match text.as_str() {
            "merged" => Self::Merged,
            "parked" => Self::Parked,
            "invalid" => Self::Invalid,
            _ => Self::Applied,
        }
    }
}

/// A scope that is not the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The scope.
    pub scope: Scope,
    /// `reassigned`, `expired`, `revoked` or `unknown`.
    pub reason: String,
}

/// News of one scope: a page in head order over rows and exits together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// The scope.
    pub scope: Scope,
    /// What to send next time.
    pub cursor: Rev,
    /// Whether more stands above the cursor.
    pub more: bool,
    /// Served from 0 because the cursor was void: sweep what is not sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// The projection under which this was served.
    pub view: String,
    /// Records in the scope, of the kinds that the view shows.
    pub count: u64,
    /// The digest over them.
    pub digest: Digest,
    /// Seconds, from the start of the request, for which the rows may stay on the phone.
    pub lease: u32,
    /// Runs of this request's changes that make up their rows: `[first seq, last seq, rev]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<(Seq, Seq, Rev)>,
    /// Records as they stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Records that have left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<Exit>,
}

/// A record as its reader may see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The record.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// The record whose scope it shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordId>,
    /// Its revision: `base` of a change made on it.
    pub rev: Rev,
    /// Its greatest effective stamp: `saw` of a change made on it.
    pub stamp: Stamp,
    /// Effective time of its first write.
    pub time: Millis,
    /// How sure `time` is; absent when sure.
    #[serde(default, skip_serializing_if = "is_right")]
    pub clock: Clock,
    /// Who wrote first.
    pub by: UserId,
    /// The fields, projected.
    pub set: Fields,
    /// Values that lost against what stands, projected.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<String, Vec<Conflict>>,
    /// Codes of the policy's rules that mark it abnormal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abnormal: Vec<String>,
    /// `amended_after_void`, `late`. An open list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

fn is_right(clock: &Clock) -> bool {
    *clock == Clock::Right
}

/// A value that lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The value, projected.
    pub value: Value,
    /// Effective time of its write.
    pub time: Millis,
    /// Who wrote it.
    pub by: UserId,
}

/// A record that has left a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The record.
    pub record: RecordId,
    /// `moved`, `purged` or `hidden`. An open list.
    pub reason: String,
    /// Where it is in this snapshot, if this request asked for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Scope>,
}

/// A refusal: an RFC 9457 problem document with a stable `code`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// `fork`, `gap`, `busy`…
    #[serde(default)]
    pub code: String,
    /// With `gap`: the number that is expected next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Seq>,
    /// With `gap`: the mark before `expected`; empty when that is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
