//! The device side as a state machine: what a phone keeps, what it sends next, what it makes of
//! an answer.
//!
//! A [`Replica`] is one enrolment: one person on one phone. A shared phone holds several, and one
//! that is not enrolled yet, which takes what is captured before. Nothing here does I/O, reads a
//! clock or draws a random number: the shell around it passes a [`Moment`] and random bytes,
//! sends what [`Replica::next`] says, and hands back what came with [`Replica::hear`]. The whole
//! value is to be written to storage after every call that changes it, and above all before what
//! [`Replica::next`] returned is sent.
//!
//! What it deliberately does not do: merge (the centre does), draw, seal bodies at rest, or
//! decide whether a form is filled in rightly.
//!
//! | part | what it holds |
//! | --- | --- |
//! | [`time`] | eras, raw stamps, and what is known of the server's clock |
//! | [`outbox`] | what was captured, from capture until it is safe elsewhere |
//! | [`pack`] | which changes go next, in what order |
//! | [`request`] | the body of the next request |
//! | [`answer`] | what any answer, or none, leads to |
//! | [`reply`] | the steps that apply a reply |
//! | [`rows`] | confirmed rows by scope: leases, digests, sweeping |
//! | [`view`] | what is on screen: pending changes over confirmed rows |
//! | [`enrol`] | numbers and tokens, forks |
//! | [`status`] | what people are told |

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::RecordId;
use crate::mark::Mark;
use crate::scope::{Place, Scope};
use crate::wire::HeldPlace;
use crate::{Millis, Rev, Seq};

pub mod answer;
pub mod enrol;
pub mod outbox;
pub mod pack;
pub mod reply;
pub mod request;
pub mod rows;
pub mod status;
#[cfg(test)]
mod tests;
pub mod time;
pub mod view;

pub use answer::{Answer, Heard};
pub use enrol::{Access, Enrolled, Identity, Proof, Token};
pub use outbox::{Draft, EntryId, Refused, Seen, Trouble};
pub use reply::Step;
pub use request::Action;
pub use view::{Standing, View};

/// A reading of the phone's two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The clock on the wall: milliseconds since 1970, as right as the phone is.
    pub wall: Millis,
    /// A clock that only ever runs forward while the program runs; its zero means nothing.
    pub mono: Millis,
}

/// One enrolment's copy of the world, and what it has still to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    pub(crate) eras: time::Eras,

    /// Number and token, once there are any.
    pub(crate) identity: Option<Identity>,
    pub(crate) access: Access,

    /// What was captured, by order of capture.
    pub(crate) outbox: BTreeMap<EntryId, outbox::Entry>,
    /// The next entry's id.
    pub(crate) next_entry: EntryId,
    /// The entries that have a number.
    pub(crate) numbered: BTreeMap<Seq, EntryId>,
    /// The mark of every number ever given out; `None` where storage has lost it.
    pub(crate) marks: Vec<Option<Mark>>,
    /// What the centre has given a verdict on.
    pub(crate) ack: Seq,
    /// What this phone has heard the verdict of.
    pub(crate) settled: Seq,
    /// What outlives the loss of the centre.
    pub(crate) durable: Seq,
    /// The change whose body is lost, and which the centre was asked about and does not have.
    pub(crate) lost_checked: Option<Seq>,
    /// Verdicts that people should know of.
    pub(crate) troubles: BTreeMap<EntryId, Trouble>,

    pub(crate) epoch: Rev,
    /// Versions of the definitions that the phone holds, and the newest that the centre has.
    pub(crate) schema: u32,
    pub(crate) policy: u32,
    pub(crate) newest_schema: u32,
    pub(crate) newest_policy: u32,
    /// The hash of the grants under which `places` were listed.
    pub(crate) grants: String,
    pub(crate) places: Vec<HeldPlace>,
    /// Only these places, if the person chose.
    pub(crate) follow: Option<BTreeSet<Place>>,
    /// Scopes that the centre dropped since it last listed places.
    pub(crate) refused: BTreeSet<Scope>,
    /// Minutes that local time is ahead of UTC where the phone works.
    pub(crate) utc_offset: i64,

    pub(crate) holdings: BTreeMap<Scope, rows::Holding>,
    pub(crate) rows: BTreeMap<RecordId, rows::Filed>,
    /// Bodies of records on their way to another scope.
    pub(crate) limbo: BTreeMap<RecordId, rows::Limbo>,

    pub(crate) pace: answer::Pace,
    pub(crate) flight: Option<request::Flight>,
    /// Wall time of the last reply.
    pub(crate) last_contact: Option<Millis>,
    /// The code of a refusal that only a newer program can mend.
    pub(crate) fault: Option<String>,
}

impl Default for Replica {
    fn default() -> Self {
        Self::new()
    }
}

impl Replica {
    /// A replica that holds nothing and is not enrolled. It captures from the first moment.
    #[must_use]
    pub fn new() -> Self {
        Self {
            eras: time::Eras::new(),
            identity: None,
            access: Access::NeedsCode,
            outbox: BTreeMap::new(),
            next_entry: 1,
            numbered: BTreeMap::new(),
            marks: Vec::new(),
            ack: 0,
            settled: 0,
            durable: 0,
            lost_checked: None,
            troubles: BTreeMap::new(),
            epoch: 0,
            schema: 0,
            policy: 0,
            newest_schema: 0,
            newest_policy: 0,
            grants: String::new(),
            places: Vec::new(),
            follow: None,
            refused: BTreeSet::new(),
            utc_offset: 8 * 60,
            holdings: BTreeMap::new(),
            rows: BTreeMap::new(),
            limbo: BTreeMap::new(),
            pace: answer::Pace::new(),
            flight: None,
            last_contact: None,
            fault: None,
        }
    }

    /// To be called once when the program starts, before anything else: requests under way are
    /// gone, and the monotonic clock begins anew.
    pub fn wake(&mut self, moment: Moment) {
        self.flight = None;
        self.pace.wake();
        self.eras.wake();
        self.tick(moment);
    }

    /// Looks at the clocks: begins an era, ends leases. Every call that takes a moment does this
    /// first; a shell calls it before it shows rows.
    pub fn tick(&mut self, moment: Moment) {
        if self.eras.tick(moment) {
            self.pace.forget_waits();
        }
        self.end_leases(moment.wall);
    }

    /// The versions of kind definitions and policy that the phone holds now.
    pub const fn loaded(&mut self, schema: u32, policy: u32) {
        // Who was too old to be served is no longer, perhaps.
        if schema > self.schema {
            self.pace.without_pull = false;
        }
        self.schema = schema;
        self.policy = policy;
    }

    /// Minutes that local time is ahead of UTC: what "today" means for scopes kept by day.
    pub const fn set_utc_offset(&mut self, minutes: i64) {
        self.utc_offset = minutes;
    }

    /// Replaces the list of places, when it is longer than a reply holds and was fetched from
    /// `/v1/scopes`.
    pub fn set_places(&mut self, places: Vec<HeldPlace>) {
        self.places = places;
        self.refused.clear();
    }

    /// Pulls only these of the held places; `None` pulls all.
    pub fn follow(&mut self, places: Option<BTreeSet<Place>>) {
        self.follow = places;
    }
}
