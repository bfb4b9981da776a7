//! What to do next, and the body of the next request. A pack is numbered and frozen here, when
//! its request is started; one sync is in flight at a time.

use serde::{Deserialize, Serialize};

use super::enrol::{Access, Proof, Token};
use super::outbox::lost_line;
use super::{Moment, Replica, pack};
use crate::mark::Mark;
use crate::scope::Scope;
use crate::wire::{
    Ask, Envelope, MAX_BODY_BYTES, MAX_BYTES_AFTER_FAILURE, MAX_CHANGES, MAX_CHANGES_AFTER_FAILURE,
    MAX_PAGE_ROWS, MAX_SCOPES, PROTOCOL,
};
use crate::{Millis, Rev, Seq};

/// What the shell is to do. Moments to wait until are on the monotonic clock; the shell asks
/// again then, and whenever something was captured.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `POST /v1/sync` with this token and body.
    Send {
        /// To be handed back with the answer.
        attempt: u64,
        /// For the `Authorization` header.
        token: Token,
        /// NDJSON: the envelope, then the changes.
        body: Vec<u8>,
        /// Whether the body may be sent with gzip.
        may_compress: bool,
    },
    /// `POST /v1/enrol` with the hash of the new token and this proof.
    Enrol {
        /// To be handed back with the answer.
        attempt: u64,
        /// SHA-256 over the token's text, in hex.
        token_hash: String,
        /// Why the centre should believe it.
        proof: Proof,
        /// The last change under the present number that the centre has acknowledged here.
        knew: Seq,
        /// Its mark: where the centre has another, it knew something else.
        knew_mark: Option<Mark>,
    },
    /// Nothing can be sent until a person enters a code; capture goes on.
    AskForCode {
        /// The old token is tried once more then.
        until: Option<Millis>,
    },
    /// This device is blocked; capture goes on.
    Blocked {
        /// It is tried once more then.
        until: Millis,
    },
    /// Nothing to do before then.
    Wait {
        /// On the monotonic clock.
        until: Millis,
    },
    /// A request is under way.
    Busy {
        /// Which.
        attempt: u64,
    },
}

/// The request under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Its number; answers to others are late.
    pub attempt: u64,
    /// When it was started.
    pub moment: Moment,
    /// The era it was started in.
    pub era: u64,
    /// The first number that it carries, or would.
    pub from: Seq,
    /// The last that it carries; below `from` if none.
    pub last: Seq,
    /// Bytes of its lines.
    pub bytes: usize,
    /// The scopes it asks for, with the cursors it sent.
    pub asks: Vec<(Scope, Rev)>,
    /// It asks whether the centre has a change whose body is lost here.
    pub asks_for_lost: bool,
    /// It was allowed to be compressed.
    pub may_compress: bool,
    /// Whether it enrols rather than syncs.
    pub enrols: bool,
}

impl Flight {
    /// How many changes it carries.
    #[must_use]
    pub fn changes(&self) -> usize {
        usize::try_from((self.last + 1).saturating_sub(self.from)).unwrap_or(usize::MAX)
    }

    /// The cursor that was sent for a scope, if it was asked for.
    #[must_use]
    pub fn cursor(&self, scope: &Scope) -> Option<Rev> {
        self.asks
            .iter()
            .find(|(asked, _)| asked == scope)
            .map(|(_, cursor)| *cursor)
    }
}

impl Replica {
    /// What to do next. Starting a request numbers what it carries: the replica is to be written
    /// to storage before the request is sent.
    pub fn next(&mut self, moment: Moment) -> Action {
        self.tick(moment);
        if let Some(flight) = &self.flight {
            return Action::Busy {
                attempt: flight.attempt,
            };
        }
        let until = self.pace.not_before;
        let early = moment.mono < until;
        match (&self.access, &self.identity) {
            (Access::NeedsCode, None) => return Action::AskForCode { until: None },
            (Access::NeedsCode, Some(_)) if early => {
                return Action::AskForCode { until: Some(until) };
            }
            (Access::Blocked, _) if early => return Action::Blocked { until },
            _ if early => return Action::Wait { until },
            (Access::Enrolling { token, proof }, _) => {
                let (token_hash, proof) = (token.hash(), proof.clone());
                let (knew, knew_mark) = (self.ack, self.mark_of(self.ack));
                let attempt = self.start_enrolling(moment);
                return Action::Enrol {
                    attempt,
                    token_hash,
                    proof,
                    knew,
                    knew_mark,
                };
            }
            _ => {}
        }
        if !self.has_work(moment) {
            if moment.mono < self.pace.next_at {
                return Action::Wait {
                    until: self.pace.next_at,
                };
            }
            // A new round: every wanted scope is due once.
            self.pace.round = self.pace.attempt + 1;
        }
        self.start(moment)
    }

    /// Somebody pressed the button: what waits for its turn goes now. What the centre told to
    /// wait for still waits.
    pub fn hurry(&mut self) {
        self.pace.hurry();
    }

    /// Whether there is something to send, or to ask for in this round.
    pub(super) fn has_work(&self, moment: Moment) -> bool {
        self.settled < self.packed()
            || self.outbox.values().any(|entry| entry.seq.is_none())
            || (!self.pace.without_pull && self.due(moment).next().is_some())
    }

    /// The wanted scopes that are not complete, or not yet asked for in this round.
    pub(super) fn due(&self, moment: Moment) -> impl Iterator<Item = Scope> {
        self.wanted(moment.wall).into_iter().filter(|scope| {
            self.holdings
                .get(scope)
                .is_none_or(|held| held.is_urgent() || held.asked < self.pace.round)
        })
    }

    fn start_enrolling(&mut self, moment: Moment) -> u64 {
        let attempt = self.pace.new_attempt();
        self.flight = Some(Flight {
            attempt,
            moment,
            era: self.eras.era,
            from: 1,
            last: 0,
            bytes: 0,
            asks: Vec::new(),
            asks_for_lost: false,
            may_compress: false,
            enrols: true,
        });
        attempt
    }

    fn start(&mut self, moment: Moment) -> Action {
        let Some(token) = self.identity.as_ref().map(|own| own.token.clone()) else {
            return Action::AskForCode { until: None };
        };
        let attempt = self.pace.new_attempt();
        // Without the mark before `from` the centre cannot know us: ask from the beginning,
        // without changes, and take the mark that it names.
        let blind = self.settled > 0 && self.mark_of(self.settled).is_none();
        let from = if blind { 1 } else { self.settled + 1 };
        let asks = self.choose_asks(moment);
        let envelope = Envelope {
            protocol: PROTOCOL,
            epoch: self.epoch,
            now: moment.wall,
            era: self.eras.era,
            eras: self.eras.offsets.clone(),
            schema: self.schema,
            policy: self.policy,
            grants: self.grants.clone(),
            from,
            after: self.mark_of(from - 1),
            pull: asks
                .iter()
                .map(|(scope, cursor)| {
                    let held = self.holdings.get(scope);
                    Ask(
                        scope.clone(),
                        *cursor,
                        held.map(|held| held.view.clone()).unwrap_or_default(),
                        held.map(|held| held.digest).unwrap_or_default(),
                    )
                })
                .collect(),
            limit: MAX_PAGE_ROWS,
        };
        let mut body = serde_json::to_vec(&envelope).unwrap_or_default();
        let envelope_bytes = body.len();
        let (lines, asks_for_lost) = if blind {
            (Vec::new(), false)
        } else {
            self.take_lines(MAX_BODY_BYTES.saturating_sub(envelope_bytes + 1))
        };
        for line in &lines {
            body.push(b'\n');
            body.extend_from_slice(line.as_bytes());
        }
        body.push(b'\n');
        let may_compress = !self.pace.plain;
        self.flight = Some(Flight {
            attempt,
            moment,
            era: self.eras.era,
            from,
            last: from - 1 + lines.len() as Seq,
            bytes: body.len() - envelope_bytes,
            asks,
            asks_for_lost,
            may_compress,
            enrols: false,
        });
        Action::Send {
            attempt,
            token,
            body,
            may_compress,
        }
    }

    /// The lines of the next request: first what has a number and no verdict, then what is packed
    /// now. Stops at a change whose body is lost and which the centre was not yet asked about.
    fn take_lines(&mut self, room: usize) -> (Vec<String>, bool) {
        let most_changes = MAX_CHANGES.min(self.pace.most_changes);
        let most_bytes = room.min(self.pace.most_bytes);
        let (most_changes, most_bytes) = if self.pace.small {
            (
                most_changes.min(MAX_CHANGES_AFTER_FAILURE),
                most_bytes.min(MAX_BYTES_AFTER_FAILURE),
            )
        } else {
            (most_changes, most_bytes)
        };
        let mut lines: Vec<String> = Vec::new();
        let mut bytes = 0;
        let mut fits = |line: &str, count: usize| {
            bytes += line.len() + 1;
            count == 0 || (count < most_changes && bytes <= most_bytes)
        };
        for seq in self.settled + 1..=self.packed() {
            let line = match self.entry_of(seq).and_then(|entry| entry.line.clone()) {
                Some(line) => line,
                // Known not to be there: say so. The line is the same at every attempt.
                None if self.lost_checked.is_some_and(|told| told < seq) => {
                    let line = lost_line("storage");
                    self.set_mark(seq, Mark::of(seq, line.as_bytes()));
                    line
                }
                None => {
                    let first = lines.is_empty();
                    return (lines, first);
                }
            };
            if !fits(&line, lines.len()) {
                return (lines, false);
            }
            lines.push(line);
        }
        for id in pack::order(&self.outbox) {
            let line = self.outbox.get(&id).and_then(|entry| entry.line.clone());
            // Lost before it had a number: nobody can have it.
            let line = line.unwrap_or_else(|| lost_line("storage"));
            if !fits(&line, lines.len()) {
                break;
            }
            let seq = self.packed() + 1;
            self.marks.push(Some(Mark::of(seq, line.as_bytes())));
            self.numbered.insert(seq, id);
            if let Some(entry) = self.outbox.get_mut(&id) {
                entry.seq = Some(seq);
                entry.line = Some(line.clone());
            }
            lines.push(line);
        }
        (lines, false)
    }

    /// The scopes to ask for: those with more to come first, then those not complete, then those
    /// asked longest ago.
    fn choose_asks(&self, moment: Moment) -> Vec<(Scope, Rev)> {
        if self.pace.without_pull {
            return Vec::new();
        }
        let mut scopes = self.wanted(moment.wall);
        scopes.sort_by_key(|scope| {
            let held = self.holdings.get(scope);
            (
                !held.is_some_and(|held| held.more),
                held.is_some_and(|held| held.complete),
                held.map_or(0, |held| held.asked),
                scope.clone(),
            )
        });
        scopes.truncate(MAX_SCOPES.min(self.pace.most_scopes));
        scopes
            .into_iter()
            .map(|scope| {
                let held = self.holdings.get(&scope);
                let cursor = held.map_or(0, |held| if held.again { 0 } else { held.cursor });
                (scope, cursor)
            })
            .collect()
    }
}
