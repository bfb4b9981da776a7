//! A small district over HTTP, in process, for the tests of this folder: invented people, consoles
//! with sessions, phones with tokens.

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::mark::Mark;

use super::service;
use crate::accounts::areas::{self, NewArea};
use crate::accounts::users::{self, NewUser};
use crate::accounts::{Actor, devices::token_hash};
use crate::app::App;
use crate::clock::Clock;
use crate::trial;
use crate::store::devices::{self, NewDevice};

pub(super) const NOW: i64 = 1_795_307_467_950;
pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;
/// The local day of [`NOW`].
pub(super) const TODAY: &str = "2026-11-22";

/// (code, parent, level)
const TREE: &[(&str, &str, &str)] = &[
    ("9999", "", "city"),
    ("999999", "9999", "district"),
    ("V1", "999999", "village"),
    ("V2", "999999", "village"),
    ("G11", "V1", "grid"),
    ("G12", "V1", "grid"),
    ("G21", "V2", "grid"),
    ("S1", "V1", "checkpoint"),
    ("S2", "V2", "checkpoint"),
];

/// (login, role, area)
const PEOPLE: &[(&str, &str, &str)] = &[
    ("root", "admin", "9999"),
    ("admin", "admin", "999999"),
    ("command", "command", "999999"),
    ("auditor", "auditor", "V1"),
    ("officer", "officer", "V1"),
    ("neighbour", "officer", "V2"),
    ("leader", "checkpoint_leader", "S1"),
    ("grid", "grid_leader", "G11"),
    ("grid2", "grid_leader", "G11"),
    ("other", "grid_leader", "G21"),
    ("volunteer", "volunteer", "S1"),
    ("stranger", "volunteer", "S2"),
];

pub(super) struct Trial {
    pub(super) app: Arc<App>,
    pub(super) clock: Clock,
    people: HashMap<&'static str, UserId>,
}

/// A phone as these tests need it: it numbers what it sends.
pub(super) struct Phone {
    pub(super) token: String,
    pub(super) number: u32,
    pub(super) sent: u64,
    after: String,
}

impl Trial {
    pub(super) fn new(flags: &[(&str, &str)]) -> Self {
        let standard = [
            ("sync.requests_per_minute", "0"),
            ("sync.look_ups_per_minute", "0"),
        ];
        let more = standard.iter().chain(flags);
        let mut settings = trial::fleeting().unwrap();
        settings.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let clock = Clock::manual(NOW);
        let app = App::open(trial::config(settings).unwrap(), clock.clone()).unwrap();
        let people = app
            .store
            .write::<_, crate::accounts::Error>(|c| {
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
                let mut people = HashMap::new();
                for (login, role, area) in PEOPLE {
                    let new = NewUser {
                        login,
                        name: "测试员",
                        password_hash: None,
                        role,
                        area,
                        from: None,
                        until: None,
                    };
                    people.insert(*login, users::create(c, Actor::CommandLine, &new, NOW)?.0);
                }
                Ok(people)
            })
            .unwrap();
        app.engine().unwrap();
        Self { app, clock, people }
    }

    pub(super) fn user(&self, login: &str) -> UserId {
        self.people[login]
    }

    /// A session of this person.
    pub(super) fn session(&self, login: &str) -> String {
        let now = self.clock.now();
        self.app
            .door
            .ring
            .issue(self.user(login), now, now)
            .unwrap()
            .0
    }

    /// A phone of this person.
    pub(super) fn phone(&self, login: &str) -> Phone {
        let token = format!("{login:a>43}{}", self.clock.advance(0));
        let new = NewDevice {
            account: self.user(login),
            token_hash: &token_hash(&token).unwrap(),
            name: "phone",
            leaves: None,
            now: NOW,
        };
        let row = self
            .app
            .store
            .write::<_, crate::store::Error>(|c| devices::insert(c, &new))
            .unwrap();
        Phone {
            token,
            number: row.device().0,
            sent: 0,
            after: String::new(),
        }
    }

    /// One request; status and document.
    pub(super) async fn send(&self, request: TestRequest, token: &str) -> (u16, Value) {
        let service = init_service(service(&self.app)).await;
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let reply = call_service(&service, request.to_request()).await;
        let status = reply.status().as_u16();
        let body = read_body(reply).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(super) async fn get(&self, login: &str, path: &str) -> (u16, Value) {
        let token = self.session(login);
        self.send(TestRequest::with_uri(path), &token).await
    }

    pub(super) async fn post(&self, login: &str, path: &str, body: &Value) -> (u16, Value) {
        let token = self.session(login);
        let request = TestRequest::with_uri(path).method(Method::POST);
        self.send(request.set_json(body), &token).await
    }

    /// What a phone pushes and asks for.
    pub(super) async fn sync(
        &self,
        phone: &mut Phone,
        lines: &[Value],
        pull: Value,
    ) -> (u16, Value) {
        let from = phone.sent + 1;
        let envelope = json!({
            "protocol": 1, "now": self.clock.now(), "era": 1, "schema": 1, "from": from,
            "after": phone.after, "pull": pull,
        });
        let (body, last) = body(from, &envelope, lines);
        let reply = self.sync_raw(&phone.token, body).await;
        if reply.0 == 200 {
            phone.sent += lines.len() as u64;
            phone.after = last.unwrap_or(phone.after.clone());
        }
        reply
    }

    pub(super) async fn sync_raw(&self, token: &str, body: String) -> (u16, Value) {
        let request = TestRequest::post()
            .uri("/v1/sync")
            .insert_header(("content-type", "application/x-ndjson"))
            .set_payload(body);
        self.send(request, token).await
    }

    /// A line that a phone would write now.
    pub(super) fn line(&self, kind: &str, record: RecordId, more: &Value) -> Value {
        let stamp = format!("{:012x}0000", self.clock.now());
        let mut line = json!({
            "era": 1, "schema": 1, "stamp": stamp, "kind": kind, "record": record,
        });
        for (name, value) in more.as_object().unwrap() {
            line[name] = value.clone();
        }
        line
    }

    /// An entry at checkpoint S1.
    pub(super) fn entry(&self, n: u8) -> Value {
        self.line(
            "registration",
            id(n),
            &json!({ "scope": "checkpoint:S1", "set": person(n) }),
        )
    }
}

fn body(from: u64, envelope: &Value, lines: &[Value]) -> (String, Option<String>) {
    let mut text = envelope.to_string();
    let mut last = None;
    for (seq, line) in (from..).zip(lines) {
        let line = line.to_string();
        last = Some(Mark::of(seq, line.as_bytes()).to_string());
        text.push('\n');
        text.push_str(&line);
    }
    (text, last)
}

/// The record with this number.
pub(super) fn id(n: u8) -> RecordId {
    RecordId::at(NOW as u64, &[n; 10])
}

/// What is asked of an invented traveller.
pub(super) fn person(n: u8) -> Value {
    json!({
        "person": { "name": "王伟", "phone": format!("138000000{n:02}") },
        "measurement": { "temperature": 365 + i64::from(n == 9) * 20, "method": "forehead" },
        "health_code": "green",
        "disposition": "passed",
    })
}
