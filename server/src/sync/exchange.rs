//! One request of a device, from its lines to its reply: what came is judged, the push is committed,
//! then the pull reads one snapshot, then what was looked at goes on record, then the reply leaves.

use std::sync::Arc;

use sync_protocol::mark::Mark;
use sync_protocol::wire::{Envelope, NEXT_IN, PROTOCOL, Reply, Request};
use sync_protocol::{Millis, Seq};

use super::combiner::Failed;
use super::engine::Engine;
use super::job::{Answer, Footing, Job, Push, PushAnswer, Pushed, Settled};
use super::numbering::{Judgement, Marks};
use super::places;
use super::pull::{Snapshot, verdicts_of_all};
use super::rules::Rules;
use crate::store::acks::AckRow;
use crate::store::audit::Look;
use crate::store::definitions::Moment;
use crate::store::nodes::Tree;
use crate::store::scopes::Node;
use crate::store::{Connection, Error, Reach, acks, to_rev};
use sync_protocol::id::{DeviceNumber, UserId};

/// Why a request was not processed. Nothing of it was applied.
#[derive(Debug)]
pub enum Refusal {
    /// Changes are missing.
    Gap {
        /// The number that is expected next.
        expected: Seq,
        /// The mark before it.
        after: Option<Mark>,
    },
    /// Another phone has used these numbers.
    Fork,
    /// The device may not even push.
    Blocked,
    /// There is no such device.
    Unknown,
    /// The definitions that the device holds are too old to be served by: it may push, not pull.
    TooOld {
        /// The least version that is served.
        least: u32,
    },
    /// The server could not.
    Failed(Failed),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(Failed::Store(error))
    }
}

/// How far a request came before anything was written.
pub enum Begun {
    /// To its end: there is nothing to write.
    Answered(Answered),
    /// Its changes are read and judged, and wait for their turn.
    Waits(Push),
}

/// A reply, and what must be on record before it leaves.
pub struct Answered {
    /// The reply.
    pub reply: Reply,
    /// What its person is shown of others.
    pub looks: Vec<Look>,
}

impl Engine {
    /// Processes a request of a device, and waits until it is done. `received` is when its head
    /// arrived. A server does the same step by step, and holds no thread while it waits.
    pub fn exchange(
        &self,
        device: DeviceNumber,
        request: &Request<'_>,
        received: Millis,
    ) -> Result<Reply, Refusal> {
        let answered = match self.begin(device, request, received)? {
            Begun::Answered(answered) => answered,
            Begun::Waits(push) => {
                let answer = self.submit(Job::Push(push)).map_err(Refusal::Failed)?;
                self.finish(device, &request.envelope, answer, received)?
            }
        };
        if !answered.looks.is_empty() {
            self.submit(Job::Look(answered.looks))
                .map_err(Refusal::Failed)?;
        }
        Ok(answered.reply)
    }

    /// The first step: reads and judges what came.
    pub fn begin(
        &self,
        device: DeviceNumber,
        request: &Request<'_>,
        received: Millis,
    ) -> Result<Begun, Refusal> {
        let least = self.oldest_schema();
        if request.envelope.schema < least && !request.envelope.pull.is_empty() {
            return Err(Refusal::TooOld { least });
        }
        let push = self.read_push(device, request, received);
        Ok(match self.pull_at_once(&push, &request.envelope)? {
            Some(answered) => Begun::Answered(answered),
            None => Begun::Waits(push),
        })
    }

    /// The last step, once the push is committed: reads what is new.
    pub fn finish(
        &self,
        device: DeviceNumber,
        envelope: &Envelope,
        answer: Answer,
        received: Millis,
    ) -> Result<Answered, Refusal> {
        let pushed = pushed(answer)?;
        if let Some(reply) = pushed.reply_at_once(envelope, received) {
            let looks = Vec::new();
            return Ok(Answered { reply, looks });
        }
        let Pushed {
            moves, mut settled, ..
        } = pushed;
        self.store().read(|connection| {
            let place = self.place(connection, device)?;
            if place.moment.moves != moves {
                // Where the fold put a record is perhaps no longer where it is.
                settled.iter_mut().for_each(|one| one.spot = None);
            }
            self.pull(connection, &place, envelope, &settled, received)
        })
    }

    /// Serves a request without changes that has nothing to be written: it follows on what is known,
    /// and not much time has passed. An idle phone costs no writing transaction.
    fn pull_at_once(&self, push: &Push, envelope: &Envelope) -> Result<Option<Answered>, Refusal> {
        if !push.lines.is_empty() {
            return Ok(None);
        }
        let now = self.clock().now();
        self.store().read(|connection| {
            let place = self.place(connection, push.device)?;
            let row = &place.row;
            let follows = marks(row)?.judge(row.ack(), push.from, push.after, &[])
                == Judgement::Proceed { skip: 0 };
            let due = row.is_due(now, self.core().durable)
                || push.shown > place.moment.epoch
                || row.state == "blocked";
            if !follows || due {
                return Ok(None);
            }
            let answered = self.pull(connection, &place, envelope, &[], push.received)?;
            Ok(Some(answered))
        })
    }

    /// Where a device stands in a snapshot.
    fn place(&self, connection: &mut Connection, device: DeviceNumber) -> Result<Place, Refusal> {
        let row = acks::load(connection, &[i64::from(device.0)])?.pop();
        let (moment, rules) = self.moment(connection)?;
        let row = row.ok_or(Refusal::Unknown)?;
        Ok(Place {
            device,
            row,
            moment,
            rules,
        })
    }

    /// Reads in one snapshot: grants, rows, exits, heads, counts and digests of one moment (I17).
    fn pull(
        &self,
        connection: &mut Connection,
        place: &Place,
        envelope: &Envelope,
        settled: &[Settled],
        received: Millis,
    ) -> Result<Answered, Refusal> {
        let now = self.clock().now();
        let Place {
            device,
            row,
            moment,
            rules,
        } = place;
        let reach = Reach::of(connection, UserId(row.account), now)?;
        let snapshot = Snapshot {
            rules,
            reach: &reach,
            device: device.0,
            may_read: row.state == "active",
            moment: *moment,
            tree: Tree::new(Arc::clone(&self.core().nodes), *moment),
            now,
        };
        let pulled = snapshot.pull(connection, envelope, settled)?;
        let reply = Reply {
            protocol: PROTOCOL,
            epoch: moment.epoch,
            now: received,
            schema: rules.kinds.schema(),
            policy: rules.policy_version,
            ack: row.ack(),
            ack_mark: marks(row)?.mark(row.ack()),
            durable: to_rev(row.durable),
            next_in: NEXT_IN,
            verdicts: pulled.verdicts,
            dropped: pulled.dropped,
            grants: pulled.grants,
            places: pulled.places,
            feeds: pulled.feeds,
        };
        let looks = pulled.looks;
        Ok(Answered { reply, looks })
    }
}

/// What became of a push, if it was taken.
fn pushed(answer: Answer) -> Result<Pushed, Refusal> {
    match answer {
        Answer::Push(PushAnswer::Done(pushed)) => Ok(pushed),
        Answer::Push(PushAnswer::Gap { expected, after }) => Err(Refusal::Gap { expected, after }),
        Answer::Push(PushAnswer::Fork) => Err(Refusal::Fork),
        Answer::Push(PushAnswer::Blocked) => Err(Refusal::Blocked),
        Answer::Push(PushAnswer::Unknown) => Err(Refusal::Unknown),
        _ => Err(Refusal::Failed(Failed::Broken)),
    }
}

impl Pushed {
    /// The reply to a phone that asks for nothing and is to be told nothing but what became of its
    /// changes: the transaction that took them knows all of it.
    pub(super) fn reply_at_once(&self, envelope: &Envelope, received: Millis) -> Option<Reply> {
        let Footing { reach, rules, tree } = self.footing.as_ref()?;
        if !envelope.pull.is_empty() || envelope.grants != places::hash(reach, rules, *tree) {
            return None;
        }
        let may_see = |node: &Node| reach.covers(&node.path);
        Some(Reply {
            protocol: PROTOCOL,
            epoch: self.epoch,
            now: received,
            schema: rules.kinds.schema(),
            policy: rules.policy_version,
            ack: self.ack,
            ack_mark: self.ack_mark,
            durable: self.durable,
            next_in: NEXT_IN,
            verdicts: verdicts_of_all(&self.settled, may_see)?,
            dropped: Vec::new(),
            grants: None,
            places: None,
            feeds: Vec::new(),
        })
    }
}

/// A device and the rules of one moment.
struct Place {
    device: DeviceNumber,
    row: AckRow,
    moment: Moment,
    rules: Rules,
}

fn marks(row: &AckRow) -> Result<Marks, Error> {
    Marks::from_bytes(&row.marks).ok_or_else(|| Error::Corrupt("the marks of a device".to_owned()))
}
