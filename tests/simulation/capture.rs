//! What people enter: registrations, households, visits; good, odd, wrong and impossible ones.

use kadian::clock::Millis;
use serde_json::{Value, json};
use sync_protocol::change::Fields;
use sync_protocol::id::RecordId;
use sync_protocol::replica::{Draft, Refused, Replica, Standing, View};

use crate::rights::{CHECKPOINTS, GRIDS, path_of, roles_at};
use crate::world::{Check, World};

pub(crate) fn fields(value: &Value) -> Fields {
    value.as_object().unwrap().clone().into_iter().collect()
}

impl World {
    pub(crate) fn new_id(&mut self, at: Millis) -> RecordId {
        let ms = u64::try_from(at.max(0)).unwrap();
        RecordId::at(ms, &self.random.bytes())
    }

    /// The place where somebody enters something: mostly their own, sometimes another.
    fn place_of(&mut self, account: i64, level: &str) -> String {
        let all: &[&str] = if level == "grid" {
            &GRIDS
        } else {
            &CHECKPOINTS
        };
        let now = self.centre.now();
        let own: Vec<&str> = all
            .iter()
            .filter(|code| !roles_at(&self.centre.grants, account, path_of(code), now).is_empty())
            .copied()
            .collect();
        let code = if own.is_empty() || self.random.chance(2) {
            *self.random.pick(all).unwrap()
        } else {
            *self.random.pick(&own).unwrap()
        };
        format!("{level}:{code}")
    }

    /// Somebody enters something.
    pub(crate) fn capture_something(&mut self, carrier: usize) -> Check {
        let account = self.carriers[carrier].account;
        let now = self.centre.now();
        let roles: Vec<&str> = self
            .centre
            .grants
            .iter()
            .filter(|grant| grant.account == account && grant.holds(now))
            .map(|grant| grant.role)
            .collect();
        let outdoors = roles
            .iter()
            .any(|role| matches!(*role, "volunteer" | "checkpoint_leader"));
        let indoors = roles
            .iter()
            .any(|role| matches!(*role, "grid_leader" | "officer"));
        match self.random.below(1000) {
            0..12 => self.capture_unknown_kind(carrier),
            12..45 => self.capture_wrong(carrier),
            45..75 => self.mend(carrier),
            75..90 => self.corrupt(carrier),
            90..100 => self.too_large(carrier),
            100..400 if outdoors => self.register(carrier),
            100..220 if indoors => self.add_household(carrier),
            220..330 if indoors => self.visit(carrier),
            330..360 => self.register(carrier),
            _ => self.edit(carrier),
        }
    }

    pub(crate) fn keep(&mut self, carrier: usize, draft: &Draft) -> Check {
        let phone = self.carriers[carrier].phone;
        self.pass(7);
        let moment = self.moment(phone);
        let honest = self.is_right(phone);
        let one = &mut self.carriers[carrier];
        match one.replica.capture(draft, moment) {
            Ok(id) => {
                let line = one
                    .replica
                    .entries()
                    .find(|(entry, _)| *entry == id)
                    .and_then(|(_, entry)| entry.line.clone());
                let (lineage, account) = (one.lineage, one.account);
                let line = line.ok_or("a captured change has no line")?;
                self.say(|| {
                    format!(
                        "u{account}/{carrier} captures {} of {}: {}",
                        draft.kind,
                        draft.record,
                        serde_json::to_string(&draft.set)
                            .unwrap()
                            .chars()
                            .take(80)
                            .collect::<String>()
                    )
                });
                let time = self.time;
                self.account.note(lineage, &line, time, honest);
                Ok(())
            }
            Err(Refused::TooLarge { .. }) => {
                self.figures.one("too large, refused at the form");
                Ok(())
            }
            Err(refused) => Err(format!("a draft is refused: {refused}")),
        }
    }

    pub(crate) fn register(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let account = self.carriers[carrier].account;
        let record = self.new_id(moment.wall);
        let number = self.random.below(100_000);
        let place = self.place_of(account, "checkpoint").parse().unwrap();
        let person = json!({ "name": "王伟", "phone": format!("138000{number:05}"), "document": "passport", "number": format!("E{number:08}") });
        let (set, abnormal) = match self.random.below(10) {
            0 => (
                json!({ "person": person, "measurement": { "temperature": 386, "method": "forehead" }, "disposition": "held" }),
                true,
            ),
            1 => (
                json!({ "person": person, "health_code": "red", "measurement": { "temperature": 365 } }),
                true,
            ),
            2 | 3 => (
                json!({ "mode": "tally", "direction": "in", "measurement": { "temperature": 364 } }),
                false,
            ),
            4 => (
                json!({ "person": person, "x_question": number, format!("x_answers/{record}"): { "text": "yes" } }),
                false,
            ),
            5 => {
                let leg = self.new_id(moment.wall);
                (
                    json!({ "person": person, "vehicle": { "plate": "豫P12345" }, format!("itinerary/{leg}"): { "area": "999999", "left": "2026-11-20" } }),
                    false,
                )
            }
            _ => (
                json!({ "person": person, "measurement": { "temperature": 365, "method": "forehead" }, "health_code": "green", "direction": "in" }),
                false,
            ),
        };
        let mut draft = Draft::create(record, "registration", place, fields(&set));
        draft.abnormal = abnormal;
        self.keep(carrier, &draft)
    }

    pub(crate) fn add_household(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let account = self.carriers[carrier].account;
        let record = self.new_id(moment.wall);
        let member = self.new_id(moment.wall);
        let place = self.place_of(account, "grid").parse().unwrap();
        let number = self.random.below(1000);
        let set = json!({ "number": format!("{number}"), "phone": format!("1390000{number:04}"), "state": "occupied", format!("members/{member}"): { "name": "李强", "state": "at_home", "document": "passport", "number": format!("E{number:08}") } });
        self.keep(
            carrier,
            &Draft::create(record, "household", place, fields(&set)),
        )
    }

    fn seen(&mut self, carrier: usize, kinds: &[&str]) -> Option<View> {
        let mut views: Vec<View> = self.carriers[carrier]
            .replica
            .views()
            .into_iter()
            .filter(|view| kinds.contains(&view.kind.as_str()))
            .collect();
        if self.random.chance(90) {
            views.retain(|view| !matches!(view.standing, Standing::Parked | Standing::Invalid));
        }
        // Often the same few, so that people meet.
        let most = if self.random.chance(60) {
            views.len().min(2)
        } else {
            views.len()
        };
        self.random.pick(&views[..most]).cloned()
    }

    fn visit(&mut self, carrier: usize) -> Check {
        let Some(parent) = self.seen(carrier, &["household"]) else {
            return self.add_household(carrier);
        };
        let moment = self.moment(self.carriers[carrier].phone);
        let record = self.new_id(moment.wall);
        let set = if self.random.chance(20) {
            let member = self.new_id(moment.wall);
            json!({ "outcome": "met", format!("members/{member}"): { "state": "at_home", "temperature": 389, "recheck": 390 } })
        } else {
            json!({ "outcome": "nobody_home", "manner": "door" })
        };
        self.keep(
            carrier,
            &Draft::create_under(record, "visit", parent.record, fields(&set)),
        )
    }

    /// Somebody changes what is on screen.
    pub(crate) fn edit(&mut self, carrier: usize) -> Check {
        let Some(view) = self.seen(carrier, &["household", "visit", "registration"]) else {
            return Ok(());
        };
        let moment = self.moment(self.carriers[carrier].phone);
        let entry = self.new_id(moment.wall);
        let number = self.random.below(10_000);
        let set = match (view.kind.as_str(), self.random.below(12)) {
            (_, 0) => json!({ "void": { "reason": format!("entered twice {number}") } }),
            (_, 1) => json!({ "void": null }),
            (_, 2) => {
                json!({ "x_extra": number, format!("notes/{entry}"): { "text": format!("note {number}") } })
            }
            ("household", 3..=5) => json!({ "phone": format!("139{number:08}") }),
            ("household", 6) => json!({ "state": "empty", "dogs": number.is_multiple_of(2) }),
            ("household", 7) => {
                let known: Vec<String> = view
                    .fields
                    .keys()
                    .filter(|name| name.starts_with("members/"))
                    .cloned()
                    .collect();
                let member = self
                    .random
                    .pick(&known)
                    .cloned()
                    .unwrap_or_else(|| format!("members/{entry}"));
                if self.random.chance(30) {
                    json!({ member: null })
                } else {
                    json!({ member: { "name": "赵敏", "state": "away", "phone": format!("137{number:08}") } })
                }
            }
            ("household", 8) => {
                json!({ format!("members/{entry}"): { "name": "孙丽", "state": "commuting", "key_groups": ["over_60", "driver"] } })
            }
            ("household", _) => {
                json!({ "head_counts": { "registered": number % 7, "at_home": number % 5 }, "address": { "room": format!("{number}"), "text": format!("Road {number}") } })
            }
            ("registration", 3..=6) => {
                json!({ "disposition": "passed", "health_code": if number.is_multiple_of(3) { "yellow" } else { "green" } })
            }
            ("registration", 7 | 8) => {
                json!({ "measurement": { "temperature": 360 + (number % 30) as i64, "method": "ear" } })
            }
            ("registration", _) => {
                json!({ "person": { "name": "周杰", "phone": format!("136{number:08}") }, "direction": "out" })
            }
            _ => json!({ "outcome": "refused", "at_home": number % 9 }),
        };
        let Some(draft) = self.carriers[carrier]
            .replica
            .draft(view.record, fields(&set))
        else {
            return Ok(());
        };
        self.keep(carrier, &draft)
    }

    fn capture_unknown_kind(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let account = self.carriers[carrier].account;
        let record = self.new_id(moment.wall);
        let place = self.place_of(account, "grid").parse().unwrap();
        let kind = if self.random.chance(70) {
            "poster"
        } else {
            "never_defined"
        };
        self.keep(
            carrier,
            &Draft::create(
                record,
                kind,
                place,
                fields(&json!({ "text": "wash hands" })),
            ),
        )
    }

    /// Well-formed, and wrong: of the wrong type, without what is required, at the wrong place.
    fn capture_wrong(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let account = self.carriers[carrier].account;
        let record = self.new_id(moment.wall);
        let checkpoint = self.place_of(account, "checkpoint").parse().unwrap();
        let grid = self.place_of(account, "grid").parse().unwrap();
        let draft = match self.random.below(7) {
            0 => Draft::create(
                record,
                "registration",
                checkpoint,
                fields(&json!({ "person": { "name": "王伟" }, "health_code": 17 })),
            ),
            1 => Draft::create(
                record,
                "registration",
                checkpoint,
                fields(&json!({ "direction": "in" })),
            ),
            2 => Draft::create(
                record,
                "household",
                checkpoint,
                fields(&json!({ "state": "occupied" })),
            ),
            3 => Draft::create(
                record,
                "household",
                grid,
                fields(&json!({ "abnormal": ["fever"] })),
            ),
            4 => Draft {
                scope: None,
                ..Draft::create(
                    record,
                    "household",
                    grid,
                    fields(&json!({ "state": "occupied" })),
                )
            },
            5 => Draft {
                scope: None,
                ..Draft::create(record, "visit", grid, fields(&json!({ "outcome": "met" })))
            },
            // A visit to a household that nobody knows, perhaps yet.
            _ => {
                let parent = self.new_id(moment.wall);
                Draft::create_under(
                    record,
                    "visit",
                    parent,
                    fields(&json!({ "outcome": "met" })),
                )
            }
        };
        self.keep(carrier, &draft)
    }

    /// A record whose entry was invalid is entered again, whole.
    fn mend(&mut self, carrier: usize) -> Check {
        let account = self.carriers[carrier].account;
        let wrong: Vec<(RecordId, String)> = self.carriers[carrier]
            .replica
            .needs_attention()
            .iter()
            .filter_map(|trouble| Some((trouble.record, trouble.kind.clone()?)))
            .collect();
        let Some((record, kind)) = self.random.pick(&wrong).cloned() else {
            return Ok(());
        };
        let (level, set) = match kind.as_str() {
            "registration" => (
                "checkpoint",
                json!({ "person": { "name": "王伟", "phone": "13800000000" }, "measurement": { "temperature": 365 }, "health_code": "green" }),
            ),
            "household" => ("grid", json!({ "state": "occupied", "number": "12" })),
            _ => return Ok(()),
        };
        let place = self.place_of(account, level).parse().unwrap();
        let draft = Draft {
            whole: true,
            ..Draft::create(record, &kind, place, fields(&set))
        };
        self.keep(carrier, &draft)
    }

    fn too_large(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let record = self.new_id(moment.wall);
        let entry = self.new_id(moment.wall);
        // One is too large for a change, the other only for a note.
        let length = if self.random.chance(50) {
            20_000
        } else {
            5_000
        };
        let set = json!({ "state": "occupied", format!("notes/{entry}"): { "text": "x".repeat(length) } });
        self.keep(
            carrier,
            &Draft::create(
                record,
                "household",
                "grid:G1".parse().unwrap(),
                fields(&set),
            ),
        )
    }

    /// A program with a fault puts a line into the outbox that is no change.
    pub(crate) fn corrupt(&mut self, carrier: usize) -> Check {
        self.register(carrier)?;
        let Some((id, line)) = self.carriers[carrier]
            .replica
            .entries()
            .filter(|(_, entry)| entry.seq.is_none())
            .filter_map(|(id, entry)| Some((id, entry.line.clone()?)))
            .last()
        else {
            return Ok(());
        };
        let number = self.random.below(1_000_000);
        let broken = match self.random.below(9) {
            0 => line[..line.len() / 2].to_owned(),
            1 => format!("{}{number}{}", "[".repeat(40), "]".repeat(40)),
            2 => line.replace(
                "\"set\":{",
                &format!("\"set\":{{\"lane\":\"a\\u0000{number}\","),
            ),
            3 => line.replace(
                "\"set\":{",
                &format!("\"set\":{{\"x_n\":1e400,\"x_m\":{number},"),
            ),
            4 => line.replace("\"era\":", &format!("\"x\":{number},\"era\":\"")),
            5 => line.replace("\"kind\":\"registration\"", &format!("\"kind\":{number}")),
            6 => format!("{{\"x\":{number}}}"),
            7 => line.replace(
                "\"set\":{",
                &format!("\"set\":{{\"x_f\":0.5,\"x_m\":{number},"),
            ),
            _ => format!("{line}{}{number}", " ".repeat(17_000)),
        };
        let lineage = self.carriers[carrier].lineage;
        self.account.replace(lineage, &line, &broken);
        self.say(|| {
            format!(
                "{carrier}: a line is broken: {}",
                broken.chars().take(60).collect::<String>()
            )
        });
        let mut state: Value = serde_json::to_value(&self.carriers[carrier].replica).unwrap();
        state["outbox"][id.to_string()]["line"] = broken.into();
        let replica: Replica = serde_json::from_value(state).map_err(|e| e.to_string())?;
        self.carriers[carrier].replica = replica;
        self.figures.one("lines broken");
        Ok(())
    }
}
