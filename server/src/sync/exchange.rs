//! One request of a device, from its lines to its reply: the push is committed, then the pull
//! reads one snapshot, then what was looked at goes on record, then the reply leaves.

use sync_protocol::mark::Mark;
use sync_protocol::wire::{NEXT_IN, PROTOCOL, Reply, Request};
use sync_protocol::{Millis, Seq};

use super::combiner::{Coming, Failed};
use super::engine::Engine;
use super::job::{Answer, Job, Push, PushAnswer, Pushed, Settled};
use super::numbering::{Judgement, Marks};
use super::pull::{Pulled, Snapshot};
use crate::store::acks::AckRow;
use crate::store::{Error, Reach, acks, epochs, to_rev};
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

impl Engine {
    /// Processes a request of a device. `received` is when its head arrived.
    pub fn exchange(
        &self,
        device: DeviceNumber,
        request: &Request<'_>,
        received: Millis,
    ) -> Result<Reply, Refusal> {
        self.exchange_announced(self.announce(), device, request, received)
    }

    /// The same, by somebody who was announced while the request was still being unpacked.
    pub fn exchange_announced(
        &self,
        coming: Coming,
        device: DeviceNumber,
        request: &Request<'_>,
        received: Millis,
    ) -> Result<Reply, Refusal> {
        let least = self.oldest_schema();
        if request.envelope.schema < least && !request.envelope.pull.is_empty() {
            return Err(Refusal::TooOld { least });
        }
        let mut push = Push::new(device, request, received);
        if let Some(rules) = self.core().rules.held() {
            push.check(&rules.kinds, self.core().build);
        }
        let mut settled: Vec<Settled> = Vec::new();
        if !push.lines.is_empty() || self.must_note(&push)? {
            settled = self.push(push, coming)?.settled;
        } else {
            drop(coming);
        }
        let (mut reply, pulled) = self.pull(device, request, &settled, received)?;
        if !pulled.looks.is_empty() {
            self.submit(Job::Look(pulled.looks))
                .map_err(Refusal::Failed)?;
        }
        reply.verdicts = pulled.verdicts;
        reply.dropped = pulled.dropped;
        reply.grants = pulled.grants;
        reply.places = pulled.places;
        reply.feeds = pulled.feeds;
        Ok(reply)
    }

    fn push(&self, push: Push, coming: Coming) -> Result<Pushed, Refusal> {
        let answer = self.submit_announced(Job::Push(push), coming);
        match answer.map_err(Refusal::Failed)? {
            Answer::Push(PushAnswer::Done(pushed)) => Ok(pushed),
            Answer::Push(PushAnswer::Gap { expected, after }) => {
                Err(Refusal::Gap { expected, after })
            }
            Answer::Push(PushAnswer::Fork) => Err(Refusal::Fork),
            Answer::Push(PushAnswer::Blocked) => Err(Refusal::Blocked),
            Answer::Push(PushAnswer::Unknown) => Err(Refusal::Unknown),
            _ => Err(Refusal::Failed(Failed::Broken)),
        }
    }

    /// Whether a request without changes has something to be written: it does not follow on what
    /// is known, or much time has passed. An idle phone costs no transaction.
    fn must_note(&self, push: &Push) -> Result<bool, Error> {
        let now = self.clock().now();
        self.store().read(|connection| {
            let Some(row) = acks::load(connection, &[i64::from(push.device.0)])?.pop() else {
                return Ok(true);
            };
            let epoch = epochs::current(connection)?;
            let follows = marks(&row)?.judge(row.ack(), push.from, push.after, &[])
                == Judgement::Proceed { skip: 0 };
            Ok(!follows || row.is_due(now) || push.shown > epoch || row.state == "blocked")
        })
    }

    /// Reads one snapshot: grants, rows, exits, heads, counts and digests of one moment (I17).
    fn pull(
        &self,
        device: DeviceNumber,
        request: &Request<'_>,
        settled: &[Settled],
        received: Millis,
    ) -> Result<(Reply, Pulled), Refusal> {
        let now = self.clock().now();
        self.store().read(|connection| {
            let row = acks::load(connection, &[i64::from(device.0)])?
                .pop()
                .ok_or(Refusal::Unknown)?;
            let rules = self.rules(connection)?;
            let epoch = epochs::current(connection)?;
            let reach = Reach::of(connection, UserId(row.account), now)?;
            let snapshot = Snapshot {
                rules: &rules,
                reach: &reach,
                device: device.0,
                may_read: row.state == "active",
                epoch,
                now,
            };
            let pulled = snapshot.pull(connection, &request.envelope, settled)?;
            let reply = Reply {
                protocol: PROTOCOL,
                epoch,
                now: received,
                schema: rules.kinds.schema(),
                policy: rules.policy_version,
                ack: row.ack(),
                ack_mark: marks(&row)?.mark(row.ack()),
                durable: to_rev(row.durable),
                next_in: NEXT_IN,
                verdicts: Vec::new(),
                dropped: Vec::new(),
                grants: None,
                places: None,
                feeds: Vec::new(),
            };
            Ok((reply, pulled))
        })
    }
}

fn marks(row: &AckRow) -> Result<Marks, Error> {
    Marks::from_bytes(&row.marks).ok_or_else(|| Error::Corrupt("the marks of a device".to_owned()))
}
