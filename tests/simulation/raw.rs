//! A client that writes its requests by hand, for tests that need to see every byte.

use kadian::clock::Millis;
use serde_json::{Value, json};
use sync_protocol::mark::Mark;
use sync_protocol::wire::Reply;

use crate::centre::{Centre, Posted};

pub(crate) struct Raw {
    pub(crate) hash: [u8; 32],
    /// The last number it gave.
    pub(crate) seq: u64,
    pub(crate) after: Option<Mark>,
    pub(crate) number: u32,
}

impl Raw {
    pub(crate) fn enrol(centre: &mut Centre, account: i64, salt: u8) -> Self {
        let hash = [salt; 32];
        let (number, _) = centre.enrol(&hash, account);
        Self {
            hash,
            seq: 0,
            after: None,
            number: number.0,
        }
    }

    pub(crate) fn body(&self, now: Millis, lines: &[Vec<u8>], pull: &Value) -> Vec<u8> {
        let after = self.after.map(|mark| mark.to_string()).unwrap_or_default();
        let envelope = json!({ "protocol": 1, "epoch": 0, "now": now, "era": 1, "schema": 1, "from": self.seq + 1, "after": after, "pull": pull });
        let mut body = serde_json::to_vec(&envelope).unwrap();
        for line in lines {
            body.push(b'\n');
            body.extend_from_slice(line);
        }
        body
    }

    /// Pushes lines, and takes them for acknowledged.
    pub(crate) fn push(&mut self, centre: &Centre, lines: &[Vec<u8>]) -> Reply {
        let posted = self.post(centre, lines, &json!([]));
        self.advance(lines);
        posted
            .reply
            .unwrap_or_else(|| panic!("refused with {}", posted.status))
    }

    pub(crate) fn post(&self, centre: &Centre, lines: &[Vec<u8>], pull: &Value) -> Posted {
        self.post_to(centre, 0, lines, pull)
    }

    /// Asks one of several processes.
    pub(crate) fn post_to(
        &self,
        centre: &Centre,
        process: usize,
        lines: &[Vec<u8>],
        pull: &Value,
    ) -> Posted {
        centre
            .post(process, &self.hash, &self.body(centre.now(), lines, pull))
            .unwrap()
    }

    /// Pushes lines to one of several processes, which is to take them at once.
    pub(crate) fn push_to(&mut self, centre: &Centre, process: usize, lines: &[Vec<u8>]) -> Reply {
        let posted = self.post_to(centre, process, lines, &json!([]));
        self.advance(lines);
        posted
            .reply
            .unwrap_or_else(|| panic!("refused with {}", posted.status))
    }

    pub(crate) fn advance(&mut self, lines: &[Vec<u8>]) {
        for line in lines {
            self.seq += 1;
            self.after = Some(Mark::of(self.seq, line));
        }
    }
}

/// A change's line for a record with this id.
pub(crate) fn line(now: Millis, kind: &str, id: u32, place: &str, set: &Value) -> Vec<u8> {
    let change = json!({ "era": 1, "schema": 1, "stamp": format!("{now:012x}0000"), "kind": kind, "record": record(id).to_string(), "scope": place, "set": set });
    serde_json::to_vec(&change).unwrap()
}

/// A visit's line, under a household with this id.
pub(crate) fn visit(now: Millis, id: u32, household: u32) -> Vec<u8> {
    let change = json!({ "era": 1, "schema": 1, "stamp": format!("{now:012x}0000"), "kind": "visit", "record": record(id).to_string(), "parent": record(household).to_string(), "set": { "outcome": "met" } });
    serde_json::to_vec(&change).unwrap()
}

pub(crate) fn record(id: u32) -> sync_protocol::id::RecordId {
    format!("01a23000-0000-7000-8000-{id:012x}")
        .parse()
        .unwrap()
}
