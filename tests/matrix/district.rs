//! Two invented cities, one person of every role in every relation to one place, and at that place
//! one record of every kind, with values that must not be seen by those who may not.

use std::collections::HashMap;
use std::sync::Arc;

use kadian::accounts::areas::{self, NewArea};
use kadian::accounts::{self, Actor};
use kadian::app::App;
use kadian::clock::Clock;
use kadian::store::alerts::{self, Alert};
use kadian::store::devices::{self, NewDevice};
use kadian::store::grants::{self, NewGrant};
use kadian::store::{self, accounts as people, parked, records};
use kadian::sync::job::{Answer, Job, Push, Written};
use kadian::trial;
use serde_json::{Value, json};
use sync_protocol::change::{Change, Line, parse};
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::wire::Request;

use super::oracle::{KINDS, RELATIONS, ROLES, Relation};

pub(crate) const NOW: i64 = 1_795_307_467_950;
pub(crate) const TODAY: &str = "2026-11-22";
const DAY: i64 = 24 * 60 * 60 * 1000;

const TREE: &[(&str, &str, &str)] = &[
    ("9999", "", "city"),
    ("999999", "9999", "district"),
    ("V1", "999999", "village"),
    ("S1", "V1", "checkpoint"),
    ("P1", "S1", "place"),
    ("G1", "V1", "grid"),
    ("G1A", "G1", "grid"),
    ("V2", "999999", "village"),
    ("S2", "V2", "checkpoint"),
    ("G2", "V2", "grid"),
    ("9998", "", "city"),
    ("999800", "9998", "district"),
    ("S9", "999800", "checkpoint"),
    ("G9", "999800", "grid"),
];

/// A person with a session and a phone.
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) session: String,
    pub(crate) token: String,
}

/// The record of a kind that everybody asks for.
pub(crate) struct Target {
    pub(crate) id: RecordId,
    /// One of the same kind in the neighbouring place.
    pub(crate) neighbour: RecordId,
    pub(crate) place: &'static str,
    pub(crate) node: &'static str,
    pub(crate) scope: String,
    pub(crate) phone: String,
    /// The telephone in a change that is kept aside there.
    pub(crate) parked_phone: String,
    pub(crate) parked: i64,
    pub(crate) parked_record: RecordId,
    pub(crate) alert: String,
    pub(crate) rev: u64,
    pub(crate) cursor: String,
    /// What a new record names: its place, or the household it stands with.
    pub(crate) home: Value,
}

pub(crate) struct District {
    pub(crate) app: Arc<App>,
    pub(crate) callers: HashMap<(&'static str, Relation), Person>,
    pub(crate) targets: HashMap<&'static str, Target>,
    /// A volunteer at the target's checkpoint and grid, whom others manage.
    pub(crate) managed: Person,
    pub(crate) managed_device: u32,
    pub(crate) managed_grant: i64,
}

/// The name in records of a kind, and the note that only some may read.
pub(crate) fn words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "registration" => ("王伟", "canary-at-the-gate"),
        "household" => ("李静", "canary-at-the-door"),
        _ => ("赵磊", "canary-of-the-visit"),
    }
}

pub(crate) fn id(group: u8, n: u64) -> RecordId {
    let mut random = [group; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    RecordId::at(NOW as u64, &random)
}

fn places(relation: Relation) -> (&'static [&'static str], i64, Option<i64>, bool) {
    let at: &[&str] = match relation {
        Relation::Parent => &["V1"],
        Relation::District => &["999999"],
        Relation::Child => &["P1", "G1A"],
        Relation::Sibling => &["S2", "G2"],
        Relation::OtherCity => &["9998"],
        _ => &["S1", "G1"],
    };
    match relation {
        Relation::RanOut => (at, NOW - 9 * DAY, Some(NOW - DAY), false),
        Relation::Revoked => (at, NOW - 9 * DAY, None, true),
        Relation::NotYet => (at, NOW + DAY, None, false),
        _ => (at, NOW - 9 * DAY, None, false),
    }
}

impl District {
    pub(crate) fn build() -> Self {
        let more = [
            ("sync.requests_per_minute", "0"),
            ("sync.look_ups_per_minute", "0"),
        ];
        let mut settings = trial::fleeting().unwrap();
        settings.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let clock = Clock::manual(NOW);
        let app = App::open(trial::config(settings).unwrap(), clock).unwrap();
        app.engine().unwrap();
        app.store
            .write::<_, accounts::Error>(|c| {
                for (code, parent, level) in TREE {
                    let new = NewArea {
                        code: (*code).to_owned(),
                        parent: Some((*parent).to_owned()).filter(|parent| !parent.is_empty()),
                        level: (*level).to_owned(),
                        name: format!("区域 {code}"),
                        ..NewArea::default()
                    };
                    areas::create(c, Actor::CommandLine, &new)?;
                }
                Ok(())
            })
            .unwrap();
        let mut callers = HashMap::new();
        for role in ROLES {
            for relation in RELATIONS {
                let login = format!("{role}.{relation:?}").to_lowercase();
                let (person, ..) = enter(&app, &login, role, relation);
                callers.insert((role, relation), person);
            }
        }
        let (managed, device, grant) = enter(&app, "managed", "volunteer", Relation::Own);
        let (writer, ..) = enter(&app, "writer", "officer", Relation::District);
        let (stranger, stranger_device, _) =
            enter(&app, "outsider", "officer", Relation::OtherCity);
        let targets = fill(&app, &writer, &stranger, stranger_device);
        Self {
            app,
            callers,
            targets,
            managed,
            managed_device: device,
            managed_grant: grant,
        }
    }

    /// The values of a record, read past all rights.
    pub(crate) fn values(&self, id: RecordId) -> Option<Value> {
        self.app
            .store
            .read::<_, store::Error>(|c| {
                let row = records::by_ids(c, &[id])?.pop();
                row.map(|row| row.record().map(|record| json!(record.values())))
                    .transpose()
            })
            .unwrap()
    }

    /// Dismisses what is kept aside about a record, so that tries do not pile up behind each other.
    pub(crate) fn tidy(&self, record: RecordId) {
        let tidied = self.app.store.write::<_, store::Error>(|c| {
            for row in parked::open_for(c, &[record], &[])? {
                parked::settle(c, row.id, "dismissed", None, NOW, None)?;
            }
            Ok(())
        });
        tidied.unwrap();
    }

    /// The id of the scope in which a record stands.
    pub(crate) fn scope_of(&self, id: RecordId) -> Option<i64> {
        let found = self
            .app
            .store
            .read::<_, store::Error>(|c| records::by_ids(c, &[id]));
        found.unwrap().pop().map(|row| row.scope_id)
    }
}

fn enter(app: &App, login: &str, role: &str, relation: Relation) -> (Person, u32, i64) {
    let (at, from_at, until_at, revoked) = places(relation);
    let token = format!("{login:x>43}");
    let hash = accounts::devices::token_hash(&token).unwrap();
    let (user, device, grant) = app
        .store
        .write::<_, store::Error>(|c| {
            let user = people::insert(c, login, "测试员", None, NOW - 10 * DAY)?;
            let mut last = 0;
            for area in at {
                let new = NewGrant {
                    account: user,
                    role,
                    area,
                    from_at,
                    until_at,
                    made_by: None,
                    made_at: from_at,
                };
                last = grants::insert(c, &new)?;
                if revoked {
                    grants::revoke(c, last, NOW - DAY)?;
                }
            }
            let new = NewDevice {
                account: user,
                token_hash: &hash,
                name: "phone",
                leaves: None,
                now: NOW - DAY,
            };
            Ok((user, devices::insert(c, &new)?.device(), last))
        })
        .unwrap();
    let session = app.door.ring.issue(user, NOW, NOW).unwrap().0;
    let person = Person {
        user,
        session,
        token,
    };
    (person, device.0, grant)
}

fn line(app: &App, kind: &str, record: RecordId, home: &Value, set: &Value) -> Vec<u8> {
    let stamp = app.engine().unwrap().stamp().to_string();
    let mut line = json!({
        "era": 0, "schema": 1, "stamp": stamp, "kind": kind, "record": record, "set": set,
    });
    for (name, value) in home.as_object().unwrap() {
        line[name] = value.clone();
    }
    serde_json::to_vec(&line).unwrap()
}

fn change(bytes: &[u8]) -> Change {
    match parse(bytes) {
        Ok(Line::Change(change)) => *change,
        other => panic!("{other:?}"),
    }
}

/// What a record of a kind holds: a telephone, a note, and a value that loses against another.
pub(crate) fn content(kind: &str, phone: &str, entry: RecordId, choice: &str) -> Value {
    let note = format!("notes/{entry}");
    let (name, text) = words(kind);
    match kind {
        "registration" => json!({
            "person": { "name": name, "phone": phone }, "disposition": "passed",
            "transport": choice, (note): { "text": text },
        }),
        "household" => json!({
            "contact": { "name": name, "phone": phone }, "phone": phone,
            "state": choice, (note): { "text": text },
        }),
        _ => json!({
            "spoke_with": { "name": name, "phone": phone }, "outcome": "met",
            "manner": choice, (note): { "text": text },
        }),
    }
}

/// Two values of the field of a kind about which two people differ.
fn choices(kind: &str) -> (&'static str, &'static str, &'static str) {
    match kind {
        "registration" => ("transport", "walk", "car"),
        "household" => ("state", "occupied", "empty"),
        _ => ("manner", "door", "phone"),
    }
}

fn fill(
    app: &App,
    writer: &Person,
    stranger: &Person,
    device: u32,
) -> HashMap<&'static str, Target> {
    let engine = app.engine().unwrap();
    let write = |bytes: &[u8]| {
        let written = Written {
            change: change(bytes),
            user: writer.user,
        };
        let Ok(Answer::Write(settled)) = engine.submit(Job::Write(vec![written])) else {
            panic!("not written")
        };
        assert_eq!(settled[0].code, None, "{settled:?}");
    };
    let mut lines = Vec::new();
    let mut targets = HashMap::new();
    for (n, kind) in (1..).zip(KINDS) {
        let (node, place, beside) = match kind {
            "registration" => ("S1", "checkpoint:S1", json!({ "scope": "checkpoint:S2" })),
            "household" => ("G1", "grid:G1", json!({ "scope": "grid:G2" })),
            _ => ("G1", "grid:G1", json!({ "parent": id(2, 2) })),
        };
        let home = match kind {
            "visit" => json!({ "parent": id(1, 2) }),
            _ => json!({ "scope": place }),
        };
        let (phone, parked_phone) = (format!("1380000000{n}"), format!("1370000000{n}"));
        let (record, neighbour) = (id(1, n), id(2, n));
        let (field, one, other) = choices(kind);
        let set = content(kind, &phone, id(3, n), one);
        write(&line(app, kind, record, &home, &set));
        let text = set
            .to_string()
            .replace(words(kind).0, "陈安")
            .replace(words(kind).1, "plain");
        let other_set = serde_json::from_str(&text.replace("13800", "13600")).unwrap();
        write(&line(app, kind, neighbour, &beside, &other_set));
        for (value, base) in [(other, 1), (one, 1)] {
            let edit = json!({ "base": base });
            write(&line(app, kind, record, &edit, &json!({ (field): value })));
        }
        let parked_record = id(4, n);
        let set = content(kind, &parked_phone, id(5, n), one);
        lines.push(line(app, kind, parked_record, &home, &set));
        let alert = Alert::new(NOW, "canary", kind, Some(node.to_owned()));
        let name = alert.id.clone();
        let row = app
            .store
            .write::<_, store::Error>(|c| {
                alerts::raise(c, std::slice::from_ref(&alert))?;
                Ok(records::by_ids(c, &[record])?.pop())
            })
            .unwrap()
            .unwrap();
        targets.insert(
            kind,
            Target {
                id: record,
                neighbour,
                place,
                node,
                scope: if kind == "registration" {
                    format!("{place}@{TODAY}")
                } else {
                    place.to_owned()
                },
                phone,
                parked_phone,
                parked: i64::try_from(n).unwrap(),
                parked_record,
                alert: name,
                rev: u64::try_from(row.rev).unwrap(),
                cursor: format!("{}_{}", row.time + 1, id(9, 9)),
                home,
            },
        );
    }
    let envelope = json!({ "protocol": 1, "now": NOW, "era": 0, "from": 1, "after": "" });
    let mut body = envelope.to_string().into_bytes();
    for line in lines {
        body.push(b'\n');
        body.extend(line);
    }
    let request = Request::parse(&body).unwrap();
    let push = Push::new(DeviceNumber(device), &request, NOW, None);
    assert!(engine.submit(Job::Push(push)).is_ok());
    let _ = stranger;
    targets
}
