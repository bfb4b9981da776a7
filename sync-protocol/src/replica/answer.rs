//! What any answer, or none, leads to. Every one that is not a reply changes something or waits
//! (I14): a cap gets smaller, a number is taken up elsewhere, a person is asked, or time passes.

use serde::{Deserialize, Serialize};

use super::enrol::Access;
use super::reply::Step;
use super::{Moment, Replica};
use crate::Millis;
use crate::mark::Mark;
use crate::wire::{MAX_BODY_BYTES, MAX_CHANGES, MAX_SCOPES, PROTOCOL, Problem, Reply};

/// The first wait after no reply is at most twice this.
pub const BACK_OFF_MS: i64 = 2_000;
/// No wait after no reply is longer.
pub const MAX_BACK_OFF_MS: i64 = 15 * 60_000;
/// The wait after a refusal that sending again cannot mend.
pub const FAULT_WAIT_MS: i64 = 60 * 60_000;
/// No centre can make a phone wait longer.
pub const MAX_TOLD_WAIT_S: u32 = 24 * 60 * 60;

/// What came back over HTTP. No answer at all is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u32>,
    /// The body, inflated.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The reply, if this is one.
    #[must_use]
    pub fn reply(&self) -> Option<Reply> {
        let reply: Reply = serde_json::from_slice(self.body).ok()?;
        (self.status == 200 && reply.protocol == PROTOCOL).then_some(reply)
    }

    /// The problem, if a centre of ours wrote this: a JSON object with `protocol`, or with the
    /// `code` of a problem document. What a captive portal writes is neither.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let value: serde_json::Value = serde_json::from_slice(self.body).ok()?;
        let ours = value.get("protocol").is_some_and(serde_json::Value::is_u64)
            || value.get("code").is_some_and(serde_json::Value::is_string);
        if self.status == 200 || !ours {
            return None;
        }
        Some(serde_json::from_value(value).unwrap_or_default())
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// Of another attempt: ignored.
    Late,
    /// No answer of the centre's: tried again after a pause.
    NoReply,
    /// Applied.
    Applied,
    /// The centre expects an earlier number: sent again from there.
    Gap,
    /// Another copy of this device exists: enrolling again.
    Fork,
    /// The centre asked to wait.
    Waiting,
    /// Sent again in another form: smaller, plain, or without pull.
    Reshaped,
    /// A person must enter a code.
    NeedsCode,
    /// The centre has blocked this device.
    Blocked,
    /// Sending again cannot mend it; tried again in an hour.
    Fault,
    /// The code was another person's.
    OtherPerson,
}

/// How fast, and in what portions, to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The number of the last request.
    pub attempt: u64,
    /// The request that began the present round, in which every wanted scope is asked for once.
    pub round: u64,
    /// Requests without a reply, running.
    pub fails: u32,
    /// The last request failed: small packs.
    pub small: bool,
    /// What the centre, by 413 or 400, has shown to be too many.
    pub most_changes: usize,
    /// Likewise, of bytes.
    pub most_bytes: usize,
    /// Likewise, of scopes.
    pub most_scopes: usize,
    /// The centre does not take compressed bodies.
    pub plain: bool,
    /// This program is too old to be served feeds.
    pub without_pull: bool,
    /// Nothing is sent before, by the monotonic clock.
    pub not_before: Millis,
    /// The centre said so, or a fault did: no button shortens it.
    pub told: bool,
    /// When to ask although there is nothing to send.
    pub next_at: Millis,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self {
            attempt: 0,
            round: 0,
            fails: 0,
            small: false,
            most_changes: MAX_CHANGES,
            most_bytes: MAX_BODY_BYTES,
            most_scopes: MAX_SCOPES,
            plain: false,
            without_pull: false,
            not_before: 0,
            told: false,
            next_at: 0,
        }
    }

    /// A program that has just started may be a newer one, and counts its time anew.
    pub(super) const fn wake(&mut self) {
        let (attempt, round, fails, small) = (self.attempt, self.round, self.fails, self.small);
        *self = Self::new();
        self.attempt = attempt;
        self.round = round;
        self.fails = fails;
        self.small = small;
    }

    /// The clock that waits are measured by began anew.
    pub(super) const fn forget_waits(&mut self) {
        self.not_before = 0;
        self.told = false;
        self.next_at = 0;
    }

    pub(super) const fn new_attempt(&mut self) -> u64 {
        self.attempt += 1;
        self.attempt
    }

    pub(super) const fn resume(&mut self) {
        self.fails = 0;
        self.forget_waits();
    }

    pub(super) const fn hurry(&mut self) {
        self.next_at = 0;
        if !self.told {
            self.not_before = 0;
        }
    }

    /// Waits a random time of at least 2 s, up to a ceiling that doubles until 15 min.
    pub(super) fn back_off(&mut self, moment: Moment, random: &[u8; 32]) {
        self.fails = self.fails.saturating_add(1);
        let ceiling = (BACK_OFF_MS << self.fails.min(20)).min(MAX_BACK_OFF_MS);
        let wait = BACK_OFF_MS + below(ceiling - BACK_OFF_MS, random);
        self.not_before = moment.mono.saturating_add(wait);
        self.told = false;
    }

    /// Waits as long as the centre said, and by chance up to a quarter longer: phones that were
    /// sent away together do not come back together.
    pub(super) fn wait_as_told(&mut self, seconds: Option<u32>, moment: Moment, random: &[u8; 32]) {
        let Some(seconds) = seconds else {
            self.back_off(moment, random);
            return;
        };
        let told = i64::from(seconds.clamp(1, MAX_TOLD_WAIT_S)) * 1_000;
        let wait = told + below(told / 4, random);
        self.not_before = moment.mono.saturating_add(wait);
        self.told = true;
    }

    pub(super) const fn wait_an_hour(&mut self, moment: Moment) {
        self.not_before = moment.mono.saturating_add(FAULT_WAIT_MS);
        self.told = true;
    }
}

/// A random time of at most `most`, out of the first four bytes.
fn below(most: Millis, random: &[u8; 32]) -> Millis {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&random[..4]);
    i64::from(u32::from_be_bytes(bytes)) % (most + 1)
}

impl Replica {
    /// Takes in what came back for a sync request, or that nothing did. Of the 32 random bytes
    /// four spread the pauses of many phones; all become a token where a fork demands one.
    pub fn hear(
        &mut self,
        attempt: u64,
        answer: Option<&Answer<'_>>,
        moment: Moment,
        random: &[u8; 32],
    ) -> Heard {
        self.tick(moment);
        if !self.answers(attempt, false) {
            return Heard::Late;
        }
        let Some(answer) = answer else {
            return self.hear_nothing(moment, random);
        };
        if let Some(reply) = answer.reply() {
            return self.hear_reply(&reply, moment, random);
        }
        let Some(problem) = answer.problem() else {
            return self.hear_nothing(moment, random);
        };
        self.hear_problem(answer, &problem, moment, random)
    }

    pub(super) fn answers(&self, attempt: u64, enrols: bool) -> bool {
        self.flight
            .as_ref()
            .is_some_and(|flight| flight.attempt == attempt && flight.enrols == enrols)
    }

    fn hear_nothing(&mut self, moment: Moment, random: &[u8; 32]) -> Heard {
        self.flight = None;
        self.pace.small = true;
        self.pace.back_off(moment, random);
        Heard::NoReply
    }

    fn hear_reply(&mut self, reply: &Reply, moment: Moment, random: &[u8; 32]) -> Heard {
        if self.is_fork(reply) {
            self.enrol_again(random);
            return Heard::Fork;
        }
        let before = self.progress(moment);
        for step in Step::ALL {
            self.apply(step, reply, moment);
        }
        // A reply that moves nothing while there is work must not be asked for in a circle.
        if self.has_work(moment) && self.progress(moment) == before {
            self.pace.back_off(moment, random);
        }
        Heard::Applied
    }

    /// Whether a reply shows that another copy of this device exists.
    #[must_use]
    pub fn is_fork(&self, reply: &Reply) -> bool {
        reply.ack > self.packed()
            || reply.ack_mark.is_some() != (reply.ack > 0)
            || self
                .mark_of(reply.ack)
                .is_some_and(|mark| Some(mark) != reply.ack_mark)
    }

    fn hear_problem(
        &mut self,
        answer: &Answer<'_>,
        problem: &Problem,
        moment: Moment,
        random: &[u8; 32],
    ) -> Heard {
        let Some(flight) = self.flight.take() else {
            return Heard::Late;
        };
        match answer.status {
            401 => {
                self.access = Access::NeedsCode;
                self.pace.wait_an_hour(moment);
                Heard::NeedsCode
            }
            403 => {
                self.access = Access::Blocked;
                self.pace.wait_an_hour(moment);
                Heard::Blocked
            }
            409 if problem.code == "fork" => {
                self.enrol_again(random);
                Heard::Fork
            }
            409 if problem.code == "gap" => self.hear_gap(problem, moment, random),
            413 if self.shrink(flight.changes(), flight.bytes, flight.asks.len()) => {
                Heard::Reshaped
            }
            415 if !self.pace.plain => {
                self.pace.plain = true;
                Heard::Reshaped
            }
            426 if !self.pace.without_pull => {
                self.pace.without_pull = true;
                Heard::Reshaped
            }
            429 | 503 => {
                self.pace.wait_as_told(answer.retry_after, moment, random);
                Heard::Waiting
            }
            400 if self.shrink(flight.changes(), flight.bytes, flight.asks.len()) => {
                self.fault = Some(problem.code.clone());
                self.pace.back_off(moment, random);
                Heard::Reshaped
            }
            400 | 409 | 413 | 415 | 426 => {
                self.fault = Some(problem.code.clone());
                self.pace.wait_an_hour(moment);
                Heard::Fault
            }
            _ => {
                self.pace.back_off(moment, random);
                Heard::NoReply
            }
        }
    }

    /// Halves what goes into a request; says whether anything was left to halve.
    const fn shrink(&mut self, changes: usize, bytes: usize, scopes: usize) -> bool {
        if changes > 1 {
            self.pace.most_changes = changes / 2;
            self.pace.most_bytes = bytes / 2;
        } else if scopes > 1 {
            self.pace.most_scopes = scopes / 2;
        } else {
            return false;
        }
        true
    }

    /// The centre lacks what it had: send from there again, out of the kept copies.
    fn hear_gap(&mut self, problem: &Problem, moment: Moment, random: &[u8; 32]) -> Heard {
        let after: Result<Option<Mark>, _> = match problem.after.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some),
        };
        let (Some(expected), Ok(after)) = (problem.expected.filter(|seq| *seq > 0), after) else {
            self.fault = Some(problem.code.clone());
            self.pace.wait_an_hour(moment);
            return Heard::Fault;
        };
        let last = expected - 1;
        let another = match (self.mark_of(last), after) {
            (Some(own), Some(theirs)) => own != theirs,
            _ => (last == 0) != after.is_none(),
        };
        if last > self.packed() || another {
            self.enrol_again(random);
            return Heard::Fork;
        }
        if last >= self.settled {
            // What was sent began at or below what is expected: there was no gap.
            self.fault = Some(problem.code.clone());
            self.pace.wait_an_hour(moment);
            return Heard::Fault;
        }
        if let Some(mark) = after {
            self.set_mark(last, mark);
        }
        self.unsettle(last);
        Heard::Gap
    }
}
