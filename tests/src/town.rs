//! A district of area 999999 in small: a village with two grids and two checkpoints, another
//! village beside it, and people of each standing. Nobody in it exists.

use kadian::accounts::areas::{self, NewArea};
use kadian::accounts::codes::Code;
use kadian::accounts::grants;
use kadian::accounts::users::{self, NewUser};
use kadian::accounts::{Actor, Error, enrolment};
use kadian::app::App;
use sync_protocol::id::UserId;

pub const PASSWORD: &str = "correct horse battery";

/// The nodes, each with what stands above it.
const AREAS: &[(&str, &str, &str)] = &[
    ("9999", "", "city"),
    ("999999", "9999", "district"),
    ("T1", "999999", "town"),
    ("V1", "T1", "village"),
    ("V2", "T1", "village"),
    ("G1", "V1", "grid"),
    ("G2", "V1", "grid"),
    ("G3", "V2", "grid"),
    ("S1", "V1", "checkpoint"),
    ("S2", "V1", "checkpoint"),
    ("S3", "V2", "checkpoint"),
];

/// Everybody: login, role, where.
const PEOPLE: &[(&str, &str, &str)] = &[
    ("admin", "admin", "9999"),
    ("officer", "officer", "V1"),
    ("chief", "officer", "999999"),
    ("grid.one", "grid_leader", "G1"),
    ("grid.two", "grid_leader", "G2"),
    ("grid.three", "grid_leader", "G3"),
    ("volunteer", "volunteer", "S1"),
    ("mate", "volunteer", "S1"),
    ("other", "volunteer", "S2"),
    ("auditor", "auditor", "999999"),
    ("command", "command", "999999"),
];

/// Who lives there.
#[derive(Debug, Clone)]
pub struct Town {
    people: Vec<(String, UserId)>,
}

impl Town {
    pub fn build(app: &App) -> Self {
        let hash = app.door.passwords.hash(PASSWORD).unwrap();
        let now = app.clock.now();
        let people = app.store.write::<_, Error>(|c| {
            for (code, parent, level) in AREAS {
                let new = NewArea {
                    code: (*code).to_owned(),
                    parent: (!parent.is_empty()).then(|| (*parent).to_owned()),
                    level: (*level).to_owned(),
                    name: format!("区域 {code}"),
                    ..NewArea::default()
                };
                areas::create(c, Actor::CommandLine, &new)?;
            }
            let mut people = Vec::new();
            for (login, role, area) in PEOPLE {
                let user = NewUser {
                    login,
                    name: "测试员",
                    password_hash: Some(&hash),
                    role,
                    area,
                    from: None,
                    until: None,
                };
                let made = users::create(c, Actor::CommandLine, &user, now)?;
                people.push(((*login).to_owned(), made.0));
            }
            Ok(people)
        });
        Self {
            people: people.unwrap(),
        }
    }

    pub fn user(&self, login: &str) -> UserId {
        let found = self.people.iter().find(|(known, _)| known == login);
        found.map(|(_, user)| *user).unwrap()
    }

    /// One more person, without a password.
    pub fn hire(&mut self, app: &App, login: &str, role: &str, area: &str) -> UserId {
        let user = NewUser {
            login,
            name: "测试员",
            password_hash: None,
            role,
            area,
            from: None,
            until: None,
        };
        let now = app.clock.now();
        let made = app
            .store
            .write::<_, Error>(|c| users::create(c, Actor::CommandLine, &user, now));
        let user = made.unwrap().0;
        self.people.push((login.to_owned(), user));
        user
    }

    /// One more node.
    pub fn found(&self, app: &App, code: &str, parent: &str, level: &str, name: &str) {
        let new = NewArea {
            code: code.to_owned(),
            parent: Some(parent.to_owned()),
            level: level.to_owned(),
            name: name.to_owned(),
            ..NewArea::default()
        };
        app.store
            .write::<_, Error>(|c| areas::create(c, Actor::CommandLine, &new).map(|_| ()))
            .unwrap();
    }

    /// One more role for somebody.
    pub fn give(&self, app: &App, login: &str, role: &str, area: &str) {
        let new = grants::NewAssignment {
            account: self.user(login),
            role,
            area,
            from: None,
            until: None,
        };
        let now = app.clock.now();
        app.store
            .write::<_, Error>(|c| grants::give(c, Actor::CommandLine, &new, now).map(|_| ()))
            .unwrap();
    }

    /// A code with which a phone of somebody enrols.
    pub fn code(&self, app: &App, login: &str) -> String {
        let code = Code::random().unwrap();
        let (user, now) = (self.user(login), app.clock.now());
        app.store
            .write::<_, Error>(|c| {
                enrolment::make_code(c, Actor::CommandLine, user, &code, 1440, now)
            })
            .unwrap();
        code.reveal()
    }
}
