//! A district in small, with invented people, for the tests of this folder.

use std::collections::HashMap;

use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::areas::{self, NewArea};
use super::codes::Code;
use super::enrolment;
use super::users::{self, NewUser};
use super::{Actor, Error};
use crate::ledger::Ledger;
use crate::store::{Connection, Durability, Reach, Store, StoreOptions};

pub(crate) const NOW: Millis = 1_795_298_400_000;
pub(crate) const DAY: Millis = 24 * 60 * 60 * 1000;

/// (code, parent, level)
const TREE: &[(&str, &str, &str)] = &[
    ("9999", "", "city"),
    ("999999", "9999", "district"),
    ("T1", "999999", "town"),
    ("T2", "999999", "town"),
    ("V11", "T1", "village"),
    ("V12", "T1", "village"),
    ("V21", "T2", "village"),
    ("G111", "V11", "grid"),
    ("G112", "V11", "grid"),
    ("G121", "V12", "grid"),
    ("S1", "V11", "checkpoint"),
    ("S2", "V12", "checkpoint"),
];

/// (login, role, area)
const PEOPLE: &[(&str, &str, &str)] = &[
    ("root", "admin", "9999"),
    ("admin", "admin", "999999"),
    ("command", "command", "999999"),
    ("auditor", "auditor", "999999"),
    ("officer", "officer", "V11"),
    ("neighbour", "officer", "V12"),
    ("leader", "checkpoint_leader", "S1"),
    ("grid", "grid_leader", "G111"),
    ("grid2", "grid_leader", "G112"),
    ("volunteer", "volunteer", "S1"),
    ("stranger", "volunteer", "S2"),
];

pub(crate) struct District {
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    people: HashMap<&'static str, UserId>,
}

impl District {
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = crate::trial::settings(folder.path()).unwrap();
        let config = crate::trial::config(settings).unwrap();
        let options = StoreOptions {
            durability: Durability::OffForSimulationsOnly,
            ..StoreOptions::default()
        };
        let store = Store::open(&config.database.url, options).unwrap();
        let beside = || Ledger::beside(store.file().unwrap());
        let path = config.ledger.file.unwrap_or_else(beside);
        let (ledger, people) = store
            .write::<_, Error>(|c| {
                let ledger = Ledger::open(&path, c, false)?;
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
                    let new = person(login, role, area);
                    let (user, _) = users::create(c, Actor::CommandLine, &new, NOW)?;
                    people.insert(*login, user);
                }
                Ok((ledger, people))
            })
            .unwrap();
        Self {
            store,
            ledger,
            folder,
            url: config.database.url,
            people,
        }
    }

    pub(crate) fn user(&self, login: &str) -> UserId {
        self.people[login]
    }

    /// Runs something as the person with this login, in a transaction.
    pub(crate) fn as_person<T>(
        &self,
        login: &str,
        mut work: impl FnMut(&mut Connection, Actor<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let user = self.user(login);
        self.store.write(|c| {
            let reach = Reach::of(c, user, NOW)?;
            work(c, Actor::Person(&reach))
        })
    }

    pub(crate) fn code(&self, by: &str, login: &str) -> Result<Code, Error> {
        let code = Code::random()?;
        let user = self.user(login);
        self.as_person(by, |c, actor| {
            enrolment::make_code(c, actor, user, &code, 10, NOW)
        })?;
        Ok(code)
    }

    /// A phone of this person, with a token made from `seed`.
    pub(crate) fn phone(&self, login: &str, seed: u8) -> enrolment::Enrolled {
        let code = self.code("root", login).unwrap();
        self.store
            .write::<_, Error>(|c| {
                enrolment::enrol(c, &self.ledger, &code, &[seed; 32], "phone", NOW)
            })
            .unwrap()
    }
}

pub(crate) const fn person<'a>(login: &'a str, role: &'a str, area: &'a str) -> NewUser<'a> {
    NewUser {
        login,
        name: "测试员",
        password_hash: None,
        role,
        area,
        from: None,
        until: None,
    }
}
