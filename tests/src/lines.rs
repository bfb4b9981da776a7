//! Changes as a phone writes them, each a JSON value that a test may still bend.

use kadian::demo::chance::Chance;
use kadian::demo::people;
use serde_json::{Value, json};
use sync_protocol::Millis;
use sync_protocol::id::RecordId;
use sync_protocol::stamp::RawStamp;

/// Writes changes whose stamps rise.
#[derive(Debug)]
pub struct Pen {
    pub chance: Chance,
    pub schema: u64,
    last: RawStamp,
}

impl Pen {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            schema: 1,
            last: RawStamp { ms: 0, counter: 0 },
        }
    }

    pub fn id(&mut self, now: Millis) -> String {
        RecordId::at(now.unsigned_abs(), &self.chance.bytes()).to_string()
    }

    /// The next stamp.
    pub fn stamp(&mut self, now: Millis) -> String {
        let ms = now.unsigned_abs();
        self.last = if ms > self.last.ms {
            RawStamp { ms, counter: 0 }
        } else {
            RawStamp {
                ms: self.last.ms,
                counter: self.last.counter + 1,
            }
        };
        self.last.to_string()
    }

    /// A change without a place.
    pub fn change(&mut self, now: Millis, kind: &str, record: &str, set: Value) -> Value {
        json!({"era": 1, "schema": self.schema, "stamp": self.stamp(now), "kind": kind, "record": record, "set": set})
    }

    /// A good registration of somebody healthy.
    pub fn registration(&mut self, now: Millis, place: &str) -> Value {
        let set = json!({
            "mode": "full",
            "direction": "in",
            "person": {"name": people::name(&mut self.chance), "phone": people::phone(&mut self.chance),
                       "document": "resident_id", "number": people::resident_id(&mut self.chance)},
            "measurement": {"temperature": 360 + self.chance.below(10), "method": "forehead"},
            "health_code": "green",
            "itinerary_code": {"code": "green"},
            "disposition": "passed",
        });
        let record = self.id(now);
        let mut change = self.change(now, "registration", &record, set);
        change["scope"] = place.into();
        change
    }

    /// A good household.
    pub fn household(&mut self, now: Millis, place: &str, number: usize) -> Value {
        let set = json!(people::household(&mut self.chance, number));
        let record = self.id(now);
        let mut change = self.change(now, "household", &record, set);
        change["scope"] = place.into();
        change
    }
}

pub fn bytes(changes: &[Value]) -> Vec<Vec<u8>> {
    changes
        .iter()
        .map(|change| change.to_string().into_bytes())
        .collect()
}
