//! Numbers and tokens: how a phone becomes a device, and how one of two copies of a device
//! leaves it for a number of its own. Everything that might be lost with the old number is
//! queued again under the new one, unchanged, so that the centre knows what it has already.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::outbox::Shown;
use super::{Answer, Heard, Moment, Replica};
use crate::id::{DeviceNumber, UserId};

/// A device token: 64 hex digits that nobody else knows. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A token of these random bytes.
    #[must_use]
    pub fn of(random: &[u8; 32]) -> Self {
        Self(hex(random))
    }

    /// For the `Authorization` header and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the centre keeps: SHA-256 over the token's text, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who this replica is at the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub device: DeviceNumber,
    /// The person.
    pub user: UserId,
    /// Its token.
    pub token: Token,
}

/// What the centre says to an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The new number.
    pub device: DeviceNumber,
    /// The person.
    pub user: UserId,
}

/// Why the centre should enrol this phone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A one-time code that somebody at the centre made.
    Code(String),
    /// The token of the number that this replica leaves.
    Token(Token),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// Whether the device may sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// A person must enter a code.
    NeedsCode,
    /// A new number has been asked for; the same token until the centre answers.
    Enrolling {
        /// The new token.
        token: Token,
        /// What goes with it.
        proof: Proof,
    },
    /// It may.
    Enrolled,
    /// The centre has blocked it.
    Blocked,
}

impl Replica {
    /// Number and person, once enrolled.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// A person entered a one-time code.
    pub fn enrol(&mut self, code: &str, random: &[u8; 32]) {
        self.access = Access::Enrolling {
            token: Token::of(random),
            proof: Proof::Code(code.to_owned()),
        };
        self.flight = None;
        self.pace.resume();
    }

    /// Leaves the present number for a new one, because another copy uses it too.
    pub fn enrol_again(&mut self, random: &[u8; 32]) {
        let Some(own) = &self.identity else {
            self.access = Access::NeedsCode;
            return;
        };
        self.access = Access::Enrolling {
            token: Token::of(random),
            proof: Proof::Token(own.token.clone()),
        };
        self.flight = None;
        self.pace.resume();
    }

    /// The centre has enrolled this phone. Says [`Heard::OtherPerson`], and changes nothing else,
    /// if the code was somebody else's: what was captured here stays this person's, and the other
    /// gets a replica of their own.
    pub fn enrolled(&mut self, attempt: u64, enrolled: Enrolled, moment: Moment) -> Heard {
        self.tick(moment);
        if !self.answers(attempt, true) {
            return Heard::Late;
        }
        let Access::Enrolling { token, .. } = &self.access else {
            return Heard::Late;
        };
        let token = token.clone();
        self.flight = None;
        if self
            .identity
            .as_ref()
            .is_some_and(|own| own.user != enrolled.user)
        {
            self.access = Access::NeedsCode;
            self.pace.wait_an_hour(moment);
            return Heard::OtherPerson;
        }
        self.identity = Some(Identity {
            device: enrolled.device,
            user: enrolled.user,
            token,
        });
        self.access = Access::Enrolled;
        self.queue_again();
        self.pace.resume();
        Heard::Applied
    }

    /// The centre did not enrol this phone.
    pub fn enrol_failed(
        &mut self,
        attempt: u64,
        answer: Option<&Answer<'_>>,
        moment: Moment,
        random: &[u8; 32],
    ) -> Heard {
        self.tick(moment);
        if !self.answers(attempt, true) {
            return Heard::Late;
        }
        self.flight = None;
        let problem = answer.and_then(|answer| Some((answer, answer.problem()?)));
        match problem {
            Some((answer, _)) if matches!(answer.status, 429 | 503) => {
                self.pace.wait_as_told(answer.retry_after, moment, random);
                Heard::Waiting
            }
            // The proof is worth nothing: only a person can help. The old number, if there is
            // one, is tried again in an hour.
            Some((answer, _)) if (400..500).contains(&answer.status) => {
                self.access = Access::NeedsCode;
                self.pace.wait_an_hour(moment);
                Heard::NeedsCode
            }
            _ => {
                self.pace.back_off(moment, random);
                Heard::NoReply
            }
        }
    }

    /// Everything past `durable` is queued again, by order of capture, and numbered anew from 1.
    fn queue_again(&mut self) {
        // A body that is lost here, and that outlives the loss of the centre, is not lost. One that
        // was only delivered is told of: a centre put back to an earlier day does not have it.
        let durable = self.durable;
        self.outbox
            .retain(|_, entry| entry.line.is_some() || entry.seq.is_none_or(|seq| seq > durable));
        for entry in self.outbox.values_mut().filter(|entry| entry.seq.is_some()) {
            entry.seq = None;
            if entry.shown == Shown::Awaiting {
                entry.shown = Shown::Pending;
            }
        }
        self.numbered.clear();
        self.marks.clear();
        self.ack = 0;
        self.settled = 0;
        self.durable = 0;
        self.lost_checked = None;
    }
}
