//! A phone of the benchmark: it numbers its changes, repeats what a lost reply left open, amends
//! what a colleague entered, and has its requests ready as bytes before anything is timed.

use std::collections::VecDeque;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use sync_protocol::id::RecordId;
use sync_protocol::mark::Mark;
use sync_protocol::scope::Place;
use sync_protocol::wire::{Ask, Envelope, PROTOCOL, Reply};
use sync_protocol::{Millis, Rev};

use super::entry::Pen;
use crate::demo::chance::Chance;

/// Of a hundred changes, so many are sent again because their reply was lost.
const REPEATED: usize = 3;
/// Of a hundred changes, so many amend what another phone entered.
const AMENDING: usize = 2;
/// Changes that a phone keeps to send again.
const KEPT: usize = 32;

/// A request as it goes over the line, and what it stands for.
#[derive(Debug, Clone)]
pub struct Shot {
    pub bytes: Vec<u8>,
    /// Changes in it, repeats included.
    pub entries: usize,
    /// The number of the last change: what the reply must acknowledge.
    pub last: u64,
}

/// A record and the revision at which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub record: RecordId,
    pub rev: Rev,
}

/// What a phone knows of the server from its last reply.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub epoch: Rev,
    pub schema: u32,
    pub policy: u32,
    pub grants: String,
}

#[derive(Debug, Clone)]
pub struct Phone {
    pub token: String,
    pub place: Place,
    pub known: Known,
    /// Records of the last batch, for a colleague to amend.
    pub made: Vec<Made>,
    /// Every record it ever made.
    pub created: Vec<RecordId>,
    /// Every record of a colleague's that it amended.
    pub amended: Vec<RecordId>,
    pub pen: Pen,
    pub chance: Chance,
    seq: u64,
    kept: VecDeque<Vec<u8>>,
    owed_repeats: usize,
    owed_amendments: usize,
}

impl Phone {
    pub fn new(token: String, place: Place, chance: Chance) -> Self {
        Self {
            token,
            place,
            known: Known::default(),
            made: Vec::new(),
            created: Vec::new(),
            amended: Vec::new(),
            pen: Pen::default(),
            chance,
            seq: 0,
            kept: VecDeque::new(),
            owed_repeats: 0,
            owed_amendments: 0,
        }
    }

    /// Learns from a reply.
    pub fn hear(&mut self, reply: &Reply) {
        self.known.epoch = reply.epoch;
        self.known.schema = reply.schema;
        self.known.policy = reply.policy;
        if let Some(grants) = &reply.grants {
            self.known.grants.clone_from(grants);
        }
    }

    /// The next batch: some changes again, some amendments of `others`, the rest new.
    pub fn batch(&mut self, size: usize, now: Millis, others: &mut Vec<Made>) -> Shot {
        self.owed_repeats += size * REPEATED;
        self.owed_amendments += size * AMENDING;
        let repeats = (self.owed_repeats / 100).min(self.kept.len().saturating_sub(1));
        self.owed_repeats -= repeats * 100;
        let from = self.kept.len() - repeats;
        let mut lines: Vec<Vec<u8>> = self.kept.range(from..).cloned().collect();
        let first = self.seq + 1 - repeats as u64;
        let before = from.checked_sub(1).and_then(|index| self.kept.get(index));
        let after = before.map(|line| Mark::of(first - 1, line));
        self.made.clear();
        for _ in repeats..size {
            let amends = if self.owed_amendments >= 100 {
                others.pop()
            } else {
                None
            };
            let schema = self.known.schema;
            let change = match amends {
                Some(made) => {
                    self.owed_amendments -= 100;
                    self.amended.push(made.record);
                    self.pen.amendment(made.record, made.rev, None, schema, now)
                }
                None => {
                    let (place, chance) = (&self.place, &mut self.chance);
                    let change = self.pen.registration(place, schema, now, chance);
                    let (record, rev) = (change.record, self.known.epoch);
                    self.made.push(Made { record, rev });
                    self.created.push(record);
                    change
                }
            };
            let line = change.to_line();
            self.keep(line.clone());
            lines.push(line);
        }
        self.shot(&lines, first, after, Vec::new(), now)
    }

    /// These changes and no others.
    pub fn push(&mut self, lines: Vec<Vec<u8>>, now: Millis) -> Shot {
        let (first, after) = (self.seq + 1, self.last_mark());
        for line in &lines {
            self.keep(line.clone());
        }
        self.shot(&lines, first, after, Vec::new(), now)
    }

    /// No changes, and what is new in these scopes.
    pub fn ask(&self, scopes: Vec<Ask>, now: Millis) -> Shot {
        self.shot(&[], self.seq + 1, self.last_mark(), scopes, now)
    }

    fn last_mark(&self) -> Option<Mark> {
        self.kept.back().map(|line| Mark::of(self.seq, line))
    }

    fn keep(&mut self, line: Vec<u8>) {
        self.seq += 1;
        self.kept.push_back(line);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    fn shot(
        &self,
        lines: &[Vec<u8>],
        from: u64,
        after: Option<Mark>,
        pull: Vec<Ask>,
        now: Millis,
    ) -> Shot {
        let envelope = Envelope {
            protocol: PROTOCOL,
            epoch: self.known.epoch,
            now,
            era: 1,
            eras: std::collections::BTreeMap::new(),
            schema: self.known.schema,
            policy: self.known.policy,
            grants: self.known.grants.clone(),
            from,
            after,
            pull,
            limit: sync_protocol::wire::MAX_PAGE_ROWS,
        };
        // An envelope can always be written, and memory takes whatever is written to it.
        let mut body = serde_json::to_vec(&envelope).unwrap_or_default();
        for line in lines {
            body.push(b'\n');
            body.extend_from_slice(line);
        }
        Shot {
            bytes: request(&self.token, &body),
            entries: lines.len(),
            last: self.seq,
        }
    }
}

/// A request for `/v1/sync` as bytes. Large bodies are packed, as phones do.
fn request(token: &str, body: &[u8]) -> Vec<u8> {
    let packed = (body.len() > 512).then(|| gzip(body)).flatten();
    let encoding = if packed.is_some() {
        "Content-Encoding: gzip\r\n"
    } else {
        ""
    };
    let body = packed.as_deref().unwrap_or(body);
    let mut bytes = format!(
        "POST /v1/sync HTTP/1.1\r\nHost: kadian.example\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-ndjson\r\n{encoding}Accept-Encoding: gzip\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The same request, to a resource of the floor that does nothing with it.
pub fn to_nothing(shot: &Shot) -> Shot {
    let mut shot = shot.clone();
    let path = b"/nothing";
    if let Some(place) = shot.bytes.get_mut(5..5 + path.len()) {
        place.copy_from_slice(path);
    }
    shot
}

/// A request without a body.
pub fn get(path: &str, token: &str) -> Shot {
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: kadian.example\r\nAuthorization: Bearer {token}\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    Shot {
        bytes: text.into_bytes(),
        entries: 0,
        last: 0,
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).ok()?;
    packed.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use sync_protocol::wire::Request;

    use super::*;

    fn phone(seed: u64) -> Phone {
        let place = Place::new("checkpoint", "S001").unwrap();
        Phone::new("t".repeat(43), place, Chance::new(seed))
    }

    /// The changes in a request, as lines, with the number of the first and the mark before it.
    fn open(shot: &Shot) -> (Vec<Vec<u8>>, u64, Option<Mark>) {
        let at = shot
            .bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(&shot.bytes[at + 4..])
            .read_to_end(&mut body)
            .unwrap();
        let request = Request::parse(&body).unwrap();
        let lines = request.lines.iter().map(|line| line.to_vec()).collect();
        (lines, request.envelope.from, request.envelope.after)
    }

    #[test]
    fn three_of_a_hundred_are_repeats_and_two_amend_what_a_colleague_made() {
        let (mut one, mut other) = (phone(1), phone(2));
        let (mut repeats, mut amendments, mut last, mut mark) = (0, 0, 0, None);
        for _ in 0..20 {
            let mut made = other.batch(50, 2_000, &mut Vec::new());
            made.entries = 0;
            let mut others = other.made.clone();
            let shot = one.batch(50, 2_000, &mut others);
            let (lines, from, after) = open(&shot);
            assert_eq!(lines.len(), 50);
            let again = usize::try_from(last + 1 - from).unwrap();
            repeats += again;
            if again == 0 {
                assert_eq!(after, mark);
            }
            last = from + 49;
            assert_eq!(last, shot.last);
            mark = lines.last().map(|line| Mark::of(last, line));
            amendments += lines
                .iter()
                .filter(|line| String::from_utf8_lossy(line).contains("\"base\""))
                .count();
        }
        // Repeated amendments count twice.
        assert!((29..=30).contains(&repeats), "{repeats}");
        assert!((20..=26).contains(&amendments), "{amendments}");
    }

    #[test]
    fn a_request_to_nothing_has_the_same_length() {
        let shot = phone(3).batch(5, 2_000, &mut Vec::new());
        let to = to_nothing(&shot);
        assert!(to.bytes.starts_with(b"POST /nothing HTTP/1.1\r\n"));
        assert_eq!(to.bytes.len(), shot.bytes.len());
    }
}
