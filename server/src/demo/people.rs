//! Invented people, homes and cars of area 999999, which is nobody's.

use serde_json::{Map, Value, json};
use sync_protocol::change::Fields;
use sync_protocol::id::RecordId;

use super::chance::Chance;

const SURNAMES: [&str; 12] = [
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "黄",
    "周",
    "吴",
    "欧阳",
    "买买提",
];
const NAMES: [&str; 16] = [
    "伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "超",
    "秀英",
];

/// A name that nobody in particular has.
pub fn name(chance: &mut Chance) -> String {
    let surname = chance.pick(&SURNAMES).copied().unwrap_or("王");
    let given = chance.pick(&NAMES).copied().unwrap_or("伟");
    format!("{surname}{given}")
}

/// A number of a form that phones have, in a range that is never dialled here.
pub fn phone(chance: &mut Chance) -> String {
    format!("1380000{:04}", chance.below(10_000))
}

/// A plate.
pub fn plate(chance: &mut Chance) -> String {
    format!("豫P{:05}", chance.below(100_000))
}

/// A resident ID of area 999999 with a check digit that fits.
pub fn resident_id(chance: &mut Chance) -> String {
    let year = 1950 + chance.below(60);
    let digits = format!(
        "999999{year}{:02}{:02}{:03}",
        1 + chance.below(12),
        1 + chance.below(28),
        1 + chance.below(998)
    );
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = digits
        .bytes()
        .zip(weights)
        .map(|(digit, weight)| usize::from(digit - b'0') * weight)
        .sum();
    let check = "10X98765432"
        .as_bytes()
        .get(sum % 11)
        .copied()
        .unwrap_or(b'0');
    format!("{digits}{}", char::from(check))
}

/// The fields of a registration; says whether it is one that somebody must see at once.
pub fn registration(chance: &mut Chance) -> (Fields, bool) {
    if chance.percent(20) {
        let set = json!({"mode": "tally", "direction": "in", "measurement": {"temperature": 360 + chance.below(10), "method": "forehead"}, "disposition": "passed"});
        return (fields(set), false);
    }
    let fever = chance.percent(2);
    let temperature = if fever {
        375 + chance.below(20)
    } else {
        358 + chance.below(14)
    };
    let code = if chance.percent(1) { "yellow" } else { "green" };
    let mut set = json!({
        "mode": "full",
        "direction": if chance.percent(60) { "in" } else { "out" },
        "person": {"name": name(chance), "phone": phone(chance), "document": "resident_id", "number": resident_id(chance)},
        "measurement": {"temperature": temperature, "method": "forehead"},
        "health_code": code,
        "itinerary_code": {"code": "green"},
        "disposition": if fever { "held" } else { "passed" },
    });
    if chance.percent(30) {
        set["vehicle"] = json!({"plate": plate(chance)});
        set["transport"] = json!("car");
    }
    let mut set = fields(set);
    if chance.percent(30) {
        set.insert(
            format!(
                "itinerary/{}",
                RecordId::at(1_795_000_000_000, &chance.bytes())
            ),
            json!({"area": "999999", "left": "2026-11-20"}),
        );
    }
    (set, fever || code != "green")
}

/// The fields of a household with a few members.
pub fn household(chance: &mut Chance, number: usize) -> Fields {
    let mut set = fields(json!({
        "number": format!("{number:04}"),
        "state": "occupied",
        "address": {"building": format!("{}号楼", 1 + number / 12), "room": format!("{}0{}", 1 + number % 6, 1 + number % 4)},
        "phone": phone(chance),
    }));
    for _ in 0..1 + chance.below(4) {
        let member = json!({"name": name(chance), "phone": phone(chance), "state": if chance.percent(80) { "at_home" } else { "away" }});
        set.insert(
            format!(
                "members/{}",
                RecordId::at(1_795_000_000_000, &chance.bytes())
            ),
            member,
        );
    }
    set
}

/// The fields of a visit.
pub fn visit(chance: &mut Chance, now: i64) -> (Fields, bool) {
    let ill = chance.percent(2);
    let temperature = if ill {
        376 + chance.below(15)
    } else {
        360 + chance.below(10)
    };
    let mut set = fields(
        json!({"visited_at": now, "manner": "door", "outcome": "met", "at_home": chance.below(5)}),
    );
    let member = RecordId::at(1_795_000_000_000, &chance.bytes());
    set.insert(
        format!("members/{member}"),
        json!({"state": "at_home", "temperature": temperature}),
    );
    (set, ill)
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(members) => members
            .into_iter()
            .collect::<Map<_, _>>()
            .into_iter()
            .collect(),
        _ => Fields::new(),
    }
}

#[cfg(test)]
mod tests {
    use sync_protocol::kind::Kinds;
    use sync_protocol::policy::Policy;

    use super::*;

    #[test]
    fn what_the_demonstration_enters_is_valid_and_its_fevers_are_seen() {
        let (kinds, policy) = (Kinds::built_in().unwrap(), Policy::built_in().unwrap());
        let mut chance = Chance::new(7);
        for number in 0..500 {
            let (set, abnormal) = registration(&mut chance);
            assert_eq!(
                kinds
                    .get("registration")
                    .unwrap()
                    .validate(&set, true)
                    .problems,
                [],
                "{set:?}"
            );
            assert_eq!(
                !policy.abnormal("registration", &set).is_empty(),
                abnormal,
                "{set:?}"
            );
            let set = household(&mut chance, number);
            assert_eq!(
                kinds
                    .get("household")
                    .unwrap()
                    .validate(&set, true)
                    .problems,
                [],
                "{set:?}"
            );
            let (set, abnormal) = visit(&mut chance, 1_795_300_000_000);
            assert_eq!(
                kinds.get("visit").unwrap().validate(&set, true).problems,
                [],
                "{set:?}"
            );
            assert_eq!(
                !policy.abnormal("visit", &set).is_empty(),
                abnormal,
                "{set:?}"
            );
        }
    }
}
