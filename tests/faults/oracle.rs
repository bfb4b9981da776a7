//! The oracle client: the phone's own state machine, as the field app has it, over HTTP, with a
//! book. It captures, talks to the server, and never forgets what it was told.

use std::path::Path;
use std::time::{Duration, Instant};

use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian::demo::people;
use kadian_tests::Client;
use kadian_tests::http::gzip;
use serde_json::json;
use sync_protocol::change::Fields;
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::replica::{Action, Answer, Draft, Enrolled, Heard, Moment, Proof, Replica};
use sync_protocol::scope::Place;

use crate::book::Book;

/// A wait that the server told is kept so long; then the person starts the app anew, which is
/// what people do.
const MOST_WAIT: Duration = Duration::from_millis(300);

/// What one turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A request was answered, or not; the status, if there was one.
    Heard(Heard, Option<u16>),
    /// It is to wait so long.
    Wait(Duration),
}

/// What an oracle has seen of the server's refusals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) no_reply: u64,
    /// 429 and 503.
    pub(crate) waits: u64,
    /// Any 503 without `Retry-After`.
    pub(crate) without_retry_after: u64,
    /// 500 and whatever else the server should not say.
    pub(crate) faults: u64,
    pub(crate) forks: u64,
    pub(crate) gaps: u64,
}

pub(crate) struct Oracle {
    pub(crate) replica: Replica,
    pub(crate) book: Book,
    pub(crate) chance: Chance,
    pub(crate) seen: Seen,
    /// Host and port; may change.
    pub(crate) address: String,
    /// Bodies may be packed.
    pub(crate) gzip: bool,
    /// A connection of its own for each request.
    pub(crate) fresh: bool,
    /// By how much its clock is wrong.
    pub(crate) skew: i64,
    /// How long it waits for an answer.
    pub(crate) patience: Duration,
    client: Client,
    place: Place,
    device: u32,
    /// The last token that was shown.
    token: String,
    began: Instant,
    made: Vec<RecordId>,
    noted: u64,
}

impl Oracle {
    /// A phone that is to enrol with a code as soon as it reaches the server.
    pub(crate) fn new(
        address: &str,
        code: &str,
        place: &str,
        mut chance: Chance,
        book: &Path,
    ) -> Self {
        let mut replica = Replica::new();
        replica.set_utc_offset(8 * 60);
        // The newest definitions are built in: nothing is to be fetched.
        replica.loaded(1, 1);
        replica.follow(Some([].into()));
        replica.enrol(code, &chance.bytes());
        let patience = Duration::from_secs(5);
        Self {
            replica,
            book: Book::create(book),
            chance,
            seen: Seen::default(),
            address: address.to_owned(),
            gzip: true,
            fresh: false,
            skew: 0,
            patience,
            client: Client::new(address).patience(patience),
            place: place.parse().unwrap(),
            device: 0,
            token: String::new(),
            began: Instant::now(),
            made: Vec::new(),
            noted: 0,
        }
    }

    /// The same phone once more, as after a copy of its storage, with a book of its own.
    pub(crate) fn copy(&self, number: u64, book: &Path) -> Self {
        let mut copy = Self {
            replica: self.replica.clone(),
            book: Book::create(book),
            chance: self.chance.branch(number),
            address: self.address.clone(),
            client: Client::new(&self.address).patience(self.patience),
            place: self.place.clone(),
            made: self.made.clone(),
            token: self.token.clone(),
            ..*self
        };
        copy.book.enrolled(self.device);
        copy
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            wall: Clock::system().now() + self.skew,
            mono: i64::try_from(self.began.elapsed().as_millis()).unwrap(),
        }
    }

    /// Its number, as of now.
    pub(crate) const fn number(&self) -> u32 {
        self.device
    }

    /// What it shows to the server.
    pub(crate) fn token(&self) -> String {
        self.token.clone()
    }

    /// Lets go of its connection.
    pub(crate) fn hang_up(&mut self) {
        self.client = Client::new(&self.address).patience(self.patience);
    }

    /// Some new entries, and amendments of its own in fields of their own, so that none takes
    /// the place of another.
    pub(crate) fn capture(&mut self, count: usize) {
        for _ in 0..count {
            if self.made.is_empty() || !self.chance.percent(30) {
                self.create();
            } else {
                let record = self.made[self.chance.below(self.made.len())];
                let note = format!("notes/{}", self.new_id());
                let set = [(note, json!({"text": "又"}))].into();
                self.amend(record, set);
            }
        }
    }

    /// One new entry.
    pub(crate) fn create(&mut self) -> RecordId {
        let (set, abnormal) = people::registration(&mut self.chance);
        self.create_of(set, abnormal)
    }

    /// One new entry that says this.
    pub(crate) fn create_of(&mut self, set: Fields, abnormal: bool) -> RecordId {
        let record = self.new_id();
        let draft = Draft::create(record, "registration", self.place.clone(), set);
        self.keep(&if abnormal { draft.abnormal() } else { draft });
        self.made.push(record);
        record
    }

    /// Changes a record without having seen any row of it.
    pub(crate) fn amend(&mut self, record: RecordId, set: Fields) {
        let draft = Draft::create(record, "registration", self.place.clone(), set);
        self.keep(&Draft {
            scope: None,
            ..draft
        });
    }

    pub(crate) fn keep(&mut self, draft: &Draft) {
        let moment = self.moment();
        self.replica.capture(draft, moment).unwrap();
    }

    pub(crate) fn new_id(&mut self) -> RecordId {
        let wall = self.moment().wall;
        RecordId::at(u64::try_from(wall).unwrap_or(0), &self.chance.bytes())
    }

    /// Does the next thing, which is one request at most.
    pub(crate) fn turn(&mut self) -> Turn {
        let moment = self.moment();
        match self.replica.next(moment) {
            Action::Send {
                attempt,
                token,
                body,
                may_compress,
            } => {
                self.note();
                token.reveal().clone_into(&mut self.token);
                let answer = self.send(token.reveal(), &body, may_compress);
                self.hear(attempt, answer)
            }
            Action::Enrol {
                attempt,
                token_hash,
                proof,
                knew,
                knew_mark,
            } => {
                let mut bearer = None;
                let body = match &proof {
                    Proof::Code(code) => json!({"code": code, "token_hash": token_hash}),
                    Proof::Token(token) => {
                        bearer = Some(token.reveal().to_owned());
                        json!({"token_hash": token_hash, "knew": knew, "knew_mark": knew_mark})
                    }
                };
                self.enrol(attempt, bearer.as_deref(), &body.to_string())
            }
            Action::Wait { until } => {
                let left = u64::try_from(until - moment.mono).unwrap_or(0);
                Turn::Wait(Duration::from_millis(left))
            }
            other => panic!("an oracle is stuck: {other:?}"),
        }
    }

    /// Talks until all is sent, or until time is up; says whether all is sent.
    pub(crate) fn settle(&mut self, within: Duration) -> bool {
        let until = Instant::now() + within;
        while self.replica.unsent() > 0 || self.replica.numbers().0 > self.replica.numbers().2 {
            if Instant::now() > until {
                return false;
            }
            self.replica.hurry();
            if let Turn::Wait(told) = self.turn() {
                std::thread::sleep(told.min(MOST_WAIT));
                if told > MOST_WAIT {
                    let moment = self.moment();
                    self.replica.wake(moment);
                }
            }
        }
        true
    }

    /// Writes down what has a number now and had none.
    fn note(&mut self) {
        let noted = self.noted;
        let fresh: Vec<_> = self
            .replica
            .entries()
            .filter_map(|(_, entry)| {
                let seq = entry.seq.filter(|seq| *seq > noted)?;
                let content = entry.change().unwrap().content();
                Some((seq, entry.record, entry.stamp, content))
            })
            .collect();
        self.noted = fresh.iter().map(|one| one.0).max().unwrap_or(noted);
        self.book.sent(&fresh);
    }

    fn hear(&mut self, attempt: u64, answer: Option<kadian_tests::Answer>) -> Turn {
        let status = answer.as_ref().map(|answer| answer.status);
        let plain = answer.as_ref().map(kadian_tests::Answer::plain);
        let retry_after = answer.as_ref().and_then(|answer| {
            answer
                .header("retry-after")
                .and_then(|text| text.parse().ok())
        });
        let answer = plain.as_ref().zip(status).map(|(body, status)| Answer {
            status,
            retry_after,
            body,
        });
        let before = self.replica.numbers().1;
        let (moment, random) = (self.moment(), self.chance.bytes());
        let heard = self.replica.hear(attempt, answer.as_ref(), moment, &random);
        let ack = self.replica.numbers().1;
        if heard == Heard::Applied && ack > before {
            self.book.acked(ack);
        }
        self.count(heard, status, retry_after.is_some());
        Turn::Heard(heard, status)
    }

    fn count(&mut self, heard: Heard, status: Option<u16>, told: bool) {
        self.seen.requests += 1;
        match heard {
            Heard::NoReply => self.seen.no_reply += 1,
            Heard::Waiting => self.seen.waits += 1,
            Heard::Fork => self.seen.forks += 1,
            Heard::Gap => self.seen.gaps += 1,
            _ => {}
        }
        match status {
            Some(503) if !told => self.seen.without_retry_after += 1,
            Some(500) => self.seen.faults += 1,
            _ => {}
        }
    }

    fn send(
        &mut self,
        token: &str,
        body: &[u8],
        may_compress: bool,
    ) -> Option<kadian_tests::Answer> {
        if self.fresh {
            self.hang_up();
        }
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-ndjson"),
        ];
        let packed = (self.gzip && may_compress && body.len() > 512).then(|| gzip(body));
        if packed.is_some() {
            headers.push(("content-encoding", "gzip"));
        }
        let sent = packed.as_deref().unwrap_or(body);
        self.client.ask("POST", "/v1/sync", &headers, sent).ok()
    }

    fn enrol(&mut self, attempt: u64, bearer: Option<&str>, body: &str) -> Turn {
        if self.fresh {
            self.hang_up();
        }
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.iter().map(|text| ("authorization", text.as_str())));
        let answer = self
            .client
            .ask("POST", "/v1/enrol", &headers, body.as_bytes());
        let answer = answer.ok();
        let (moment, random) = (self.moment(), self.chance.bytes());
        let found = answer.as_ref().filter(|answer| answer.status == 200);
        let heard = match found.map(kadian_tests::Answer::json) {
            Some(enrolled) => {
                let device = u32::try_from(enrolled["device"].as_u64().unwrap()).unwrap();
                let user: UserId = enrolled["user"].as_str().unwrap().parse().unwrap();
                self.book.enrolled(device);
                self.device = device;
                self.noted = 0;
                let device = DeviceNumber(device);
                let enrolled = Enrolled { device, user };
                self.replica.enrolled(attempt, enrolled, moment)
            }
            None => {
                let plain = answer.as_ref().map(kadian_tests::Answer::plain);
                let given = plain
                    .as_ref()
                    .zip(answer.as_ref())
                    .map(|(body, answer)| Answer {
                        status: answer.status,
                        retry_after: None,
                        body,
                    });
                self.replica
                    .enrol_failed(attempt, given.as_ref(), moment, &random)
            }
        };
        Turn::Heard(heard, answer.map(|answer| answer.status))
    }
}
