//! One simulated phone: the real replica, over real HTTP, on a network that loses requests and
//! replies, sends things twice, and goes away for hours.

use std::io::Read;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;
use sync_protocol::Millis;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::mark::Mark;
use sync_protocol::replica::{Action, Answer, Draft, Enrolled, Heard, Moment, Proof, Replica};
use sync_protocol::scope::Place;

use super::chance::Chance;
use super::people;

/// Requests one turn may take; a phone with more to do goes on in its next turn.
const MOST_REQUESTS: usize = 6;

/// What the person with the phone does.
#[derive(Debug, Clone)]
pub enum Work {
    /// Registers passers at a checkpoint.
    Checkpoint(Place),
    /// Walks from door to door.
    Grid(Place),
}

/// How good the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Every request comes through, once.
    Good,
    /// It does what bad networks do.
    Bad,
    /// There is none.
    None,
}

/// What bad networks did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Mishaps {
    pub requests: u64,
    pub lost_requests: u64,
    pub lost_replies: u64,
    pub sent_twice: u64,
    pub strange_replies: u64,
    pub offline_turns: u64,
}

/// A simulated phone.
pub struct Phone {
    pub replica: Replica,
    pub captured: u64,
    pub abnormal: u64,
    pub mishaps: Mishaps,
    work: Work,
    /// By how much its clock is wrong.
    skew: Millis,
    /// Turns without a network: from, to.
    offline: (usize, usize),
    server: String,
    agent: ureq::Agent,
    chance: Chance,
}

struct Received {
    status: u16,
    retry_after: Option<u32>,
    body: Vec<u8>,
}

impl Phone {
    /// A phone that is to enrol with `code`.
    pub fn new(
        server: &str,
        code: &str,
        work: Work,
        skew: Millis,
        offline: (usize, usize),
        mut chance: Chance,
    ) -> Self {
        let mut replica = Replica::new();
        replica.set_utc_offset(8 * 60);
        replica.enrol(code, &chance.bytes());
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Self {
            replica,
            captured: 0,
            abnormal: 0,
            mishaps: Mishaps::default(),
            work,
            skew,
            offline,
            server: server.to_owned(),
            agent,
            chance,
        }
    }

    /// What its clocks show when the world's show `now`.
    pub const fn moment(&self, now: Millis) -> Moment {
        Moment {
            wall: now.saturating_add(self.skew),
            mono: now,
        }
    }

    /// One turn of the day: some work, then some network.
    pub fn turn(&mut self, number: usize, now: Millis) {
        self.work(now);
        let gone = (self.offline.0..self.offline.1).contains(&number);
        if gone {
            self.mishaps.offline_turns += 1;
        }
        self.sync(now, if gone { Network::None } else { Network::Bad });
    }

    /// Talks to the server until there is nothing more to do for now.
    pub fn sync(&mut self, now: Millis, network: Network) {
        if network == Network::None {
            return;
        }
        for _ in 0..MOST_REQUESTS {
            let moment = self.moment(now);
            match self.replica.next(moment) {
                Action::Send {
                    attempt,
                    token,
                    body,
                    may_compress,
                } => {
                    let received = self.deliver(network, |phone| {
                        phone.post(
                            "/v1/sync",
                            Some(token.reveal()),
                            "application/x-ndjson",
                            &body,
                            may_compress,
                        )
                    });
                    let answer = received.as_ref().map(Received::answer);
                    let random = self.chance.bytes();
                    let heard = self.replica.hear(attempt, answer.as_ref(), moment, &random);
                    if heard != Heard::Applied && heard != Heard::Reshaped && heard != Heard::Fork {
                        return;
                    }
                }
                Action::Enrol {
                    attempt,
                    token_hash,
                    proof,
                    knew,
                    knew_mark,
                } => {
                    let proof = (&proof, knew, knew_mark);
                    if !self.enrol(attempt, &token_hash, proof, moment, network) {
                        return;
                    }
                }
                Action::Wait { .. }
                | Action::AskForCode { .. }
                | Action::Blocked { .. }
                | Action::Busy { .. } => return,
            }
        }
    }

    fn enrol(
        &mut self,
        attempt: u64,
        token_hash: &str,
        (proof, knew, mark): (&Proof, u64, Option<Mark>),
        moment: Moment,
        network: Network,
    ) -> bool {
        let (bearer, body) = match proof {
            Proof::Code(code) => (
                None,
                json!({"code": code, "token_hash": token_hash, "name": "demo"}),
            ),
            Proof::Token(token) => (
                Some(token.reveal().to_owned()),
                json!({"token_hash": token_hash, "knew": knew, "knew_mark": mark, "name": "demo"}),
            ),
        };
        let body = body.to_string().into_bytes();
        let received = self.deliver(network, |phone| {
            phone.post(
                "/v1/enrol",
                bearer.as_deref(),
                "application/json",
                &body,
                false,
            )
        });
        let enrolled = received
            .as_ref()
            .filter(|received| received.status < 300)
            .and_then(|received| read_enrolled(&received.body));
        let random = self.chance.bytes();
        match enrolled {
            Some(enrolled) => self.replica.enrolled(attempt, enrolled, moment) == Heard::Applied,
            None => {
                let answer = received.as_ref().map(Received::answer);
                self.replica
                    .enrol_failed(attempt, answer.as_ref(), moment, &random);
                false
            }
        }
    }

    /// What the network makes of a request.
    fn deliver(
        &mut self,
        network: Network,
        request: impl Fn(&Self) -> Option<Received>,
    ) -> Option<Received> {
        self.mishaps.requests += 1;
        if network == Network::Good {
            return request(self);
        }
        match self.chance.below(100) {
            0..10 => {
                self.mishaps.lost_requests += 1;
                None
            }
            10..22 => {
                self.mishaps.lost_replies += 1;
                request(self);
                None
            }
            22..28 => {
                self.mishaps.sent_twice += 1;
                let first = request(self);
                let second = request(self);
                if self.chance.percent(50) {
                    first
                } else {
                    second
                }
            }
            28..30 => {
                self.mishaps.strange_replies += 1;
                Some(Received {
                    status: 200,
                    retry_after: None,
                    body: b"<html>Please sign in to the hotel network</html>".to_vec(),
                })
            }
            _ => request(self),
        }
    }

    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content: &str,
        body: &[u8],
        may_compress: bool,
    ) -> Option<Received> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.server))
            .header("content-type", content)
            .header("accept-encoding", "gzip");
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let sent = if may_compress && body.len() > 512 {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            std::io::Write::write_all(&mut packed, body).ok()?;
            request
                .header("content-encoding", "gzip")
                .send(packed.finish().ok()?)
        } else {
            request.send(body)
        };
        let mut response = sent.ok()?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (status, retry_after) = (
            response.status().as_u16(),
            header("retry-after").and_then(|text| text.parse().ok()),
        );
        let packed = header("content-encoding").as_deref() == Some("gzip");
        let bytes = response.body_mut().read_to_vec().ok()?;
        let body = if packed {
            let mut plain = Vec::new();
            GzDecoder::new(bytes.as_slice())
                .read_to_end(&mut plain)
                .ok()?;
            plain
        } else {
            bytes
        };
        Some(Received {
            status,
            retry_after,
            body,
        })
    }

    fn work(&mut self, now: Millis) {
        match self.work.clone() {
            Work::Checkpoint(place) => {
                for _ in 0..self.chance.below(3) {
                    let (set, abnormal) = people::registration(&mut self.chance);
                    let draft = Draft::create(self.new_id(now), "registration", place.clone(), set);
                    let draft = if abnormal { draft.abnormal() } else { draft };
                    self.capture(&draft, now);
                }
            }
            Work::Grid(_) if self.chance.percent(60) => self.walk(now),
            Work::Grid(_) => {}
        }
    }

    /// Rings at a door: a visit, and sometimes something to put right in the household.
    fn walk(&mut self, now: Millis) {
        let mut households: Vec<RecordId> = self
            .replica
            .views()
            .into_iter()
            .filter(|view| view.kind == "household")
            .map(|view| view.record)
            .collect();
        households.sort_unstable();
        // The first doors are everybody's favourites, so that two leaders meet there.
        let reach = if self.chance.percent(30) {
            2
        } else {
            households.len()
        };
        let Some(household) = households
            .get(self.chance.below(reach.min(households.len())))
            .copied()
        else {
            return;
        };
        let visited_at = self.moment(now).wall;
        let (set, abnormal) = people::visit(&mut self.chance, visited_at);
        let draft = Draft::create_under(self.new_id(now), "visit", household, set);
        let draft = if abnormal { draft.abnormal() } else { draft };
        self.capture(&draft, now);
        if self.chance.percent(50) {
            let set = if self.chance.percent(50) {
                [("phone".to_owned(), json!(people::phone(&mut self.chance)))].into()
            } else {
                let member = format!("members/{}", self.new_id(now));
                [(
                    member,
                    json!({"name": people::name(&mut self.chance), "state": "returned"}),
                )]
                .into()
            };
            if let Some(draft) = self.replica.draft(household, set) {
                self.capture(&draft, now);
            }
        }
    }

    fn capture(&mut self, draft: &Draft, now: Millis) {
        let moment = self.moment(now);
        if self.replica.capture(draft, moment).is_ok() {
            self.captured += 1;
            self.abnormal += u64::from(draft.abnormal);
        }
    }

    fn new_id(&mut self, now: Millis) -> RecordId {
        RecordId::at(
            u64::try_from(self.moment(now).wall).unwrap_or(0),
            &self.chance.bytes(),
        )
    }
}

impl Received {
    fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            retry_after: self.retry_after,
            body: &self.body,
        }
    }
}

fn read_enrolled(body: &[u8]) -> Option<Enrolled> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let device = DeviceNumber(u32::try_from(value.get("device")?.as_u64()?).ok()?);
    let user: UserId = value.get("user")?.as_str()?.parse().ok()?;
    Some(Enrolled { device, user })
}
