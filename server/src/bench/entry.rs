//! The entries of a benchmark: registrations as full as volunteers make them, some 700 bytes a line
//! of which gzip leaves some 100, of invented people; and the moments at which they were made.

use serde_json::json;
use sync_protocol::Millis;
use sync_protocol::change::{Change, Fields, Heading};
use sync_protocol::id::RecordId;
use sync_protocol::scope::Place;
use sync_protocol::stamp::{RawStamp, Stamp};

use crate::demo::chance::Chance;
use crate::demo::people;

/// What an amendment from another device changes, and to what.
pub const AMENDED: (&str, &str) = ("disposition", "turned_back");
/// About when legs of itineraries were written down.
const LEGS_MS: u64 = 1_795_000_000_000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const ROADS: [&str; 6] = ["人民路", "建设路", "七一路", "交通路", "汉阳路", "大庆路"];
const PURPOSES: [&str; 6] = ["返乡", "务工", "就医", "探亲", "运输货物", "购买生活用品"];

/// Gives stamps that rise, by a clock that may stand still.
#[derive(Debug, Clone, Default)]
pub struct Pen {
    last: RawStamp,
}

impl Pen {
    pub fn stamp(&mut self, now: Millis) -> RawStamp {
        let ms = now.unsigned_abs();
        self.last = match self.last.counter.checked_add(1) {
            _ if ms > self.last.ms => RawStamp { ms, counter: 0 },
            Some(counter) => RawStamp {
                ms: self.last.ms,
                counter,
            },
            None => RawStamp {
                ms: self.last.ms + 1,
                counter: 0,
            },
        };
        self.last
    }

    /// A registration made now.
    pub fn registration(
        &mut self,
        place: &Place,
        schema: u32,
        now: Millis,
        chance: &mut Chance,
    ) -> Change {
        let record = RecordId::at(now.unsigned_abs(), &chance.bytes());
        let mut change = self.change("registration", record, schema, now, registration(chance));
        change.heading.scope = Some(place.clone());
        change
    }

    /// An amendment of what stands at `base`.
    pub fn amendment(
        &mut self,
        record: RecordId,
        base: u64,
        saw: Option<Stamp>,
        schema: u32,
        now: Millis,
    ) -> Change {
        let set = [(AMENDED.0.to_owned(), json!(AMENDED.1))].into();
        let mut change = self.change("registration", record, schema, now, set);
        change.heading.base = Some(base);
        change.heading.saw = saw;
        change
    }

    /// A change of some fields of a record.
    pub fn change(
        &mut self,
        kind: &str,
        record: RecordId,
        schema: u32,
        now: Millis,
        set: Fields,
    ) -> Change {
        Change {
            heading: Heading {
                era: 1,
                schema,
                stamp: self.stamp(now),
                kind: kind.to_owned(),
                record,
                base: None,
                saw: None,
                scope: None,
                parent: None,
                whole: false,
            },
            set,
        }
    }
}

/// The fields of a registration.
pub fn registration(chance: &mut Chance) -> Fields {
    let number = people::resident_id(chance);
    let road = chance.pick(&ROADS).copied().unwrap_or_default();
    let purpose = chance.pick(&PURPOSES).copied().unwrap_or_default();
    let address = format!(
        "{road}{}号院{}号楼{:02}室",
        1 + chance.below(200),
        1 + chance.below(30),
        1 + chance.below(99)
    );
    let leg = RecordId::at(LEGS_MS + chance.number() % HOUR_MS, &chance.bytes());
    let mut set: Fields = [
        (
            "direction",
            json!(if chance.percent(60) { "in" } else { "out" }),
        ),
        (
            "position",
            json!({
                "latitude": 33_600_000 + chance.below(100_000),
                "longitude": 114_600_000 + chance.below(100_000),
                "accuracy": 5 + chance.below(60),
            }),
        ),
        (
            "person",
            json!({
                "name": people::name(chance),
                "phone": people::phone(chance),
                "document": "resident_id",
                "number": number,
            }),
        ),
        (
            "measurement",
            json!({"temperature": 358 + chance.below(14), "method": "forehead"}),
        ),
        ("health_code", json!("green")),
        ("itinerary_code", json!({"code": "green"})),
        (
            "trip",
            json!({"destination_address": address, "purpose": purpose}),
        ),
        ("disposition", json!("passed")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    set.insert(
        format!("itinerary/{leg}"),
        json!({"area": "999999", "left": format!("2026-11-{}", 10 + chance.below(12))}),
    );
    if chance.percent(60) {
        let sampled_at = LEGS_MS + chance.number() % (48 * HOUR_MS);
        set.insert(
            "test".to_owned(),
            json!({"result": "negative", "sampled_at": sampled_at}),
        );
    }
    if chance.percent(60) {
        set.insert(
            "vehicle".to_owned(),
            json!({"plate": people::plate(chance)}),
        );
        set.insert("transport".to_owned(), json!("car"));
    }
    set
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use sync_protocol::kind::Kinds;
    use sync_protocol::policy::Policy;

    use super::*;

    #[test]
    fn entries_are_valid_healthy_and_no_easier_to_pack_than_real_ones() {
        let (kinds, policy) = (Kinds::built_in().unwrap(), Policy::built_in().unwrap());
        let kind = kinds.get("registration").unwrap();
        let (mut chance, mut pen) = (Chance::new(7), Pen::default());
        let place = Place::new("checkpoint", "S001").unwrap();
        let lines: Vec<Vec<u8>> = (0..500)
            .map(|_| {
                let change = pen.registration(&place, 1, 1_795_300_000_000, &mut chance);
                assert_eq!(kind.validate(&change.set, true).problems, [], "{change:?}");
                assert!(policy.abnormal("registration", &change.set).is_empty());
                change.to_line()
            })
            .collect();
        let packed = |lines: &[Vec<u8>]| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&lines.join(&b'\n')).unwrap();
            packed.finish().unwrap().len() / lines.len()
        };
        let plain = lines.concat().len() / lines.len();
        assert!((650..760).contains(&plain), "{plain}");
        assert!(
            (105..120).contains(&packed(&lines[..50])),
            "{}",
            packed(&lines[..50])
        );
        assert!((88..104).contains(&packed(&lines)), "{}", packed(&lines));
    }

    #[test]
    fn stamps_rise_also_when_the_clock_stands() {
        let mut pen = Pen::default();
        let mut last = pen.stamp(5);
        for now in [5, 5, 4, 6, 6] {
            let next = pen.stamp(now);
            assert!(next > last);
            last = next;
        }
    }
}
