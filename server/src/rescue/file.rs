//! What is inside a rescue file: for everybody on the phone, who they are and their changes.

use std::collections::BTreeMap;

use serde::Deserialize;
use sync_protocol::Millis;
use sync_protocol::Seq;
use sync_protocol::id::UserId;
use sync_protocol::mark::Mark;

/// The version of the layout that is read here.
pub const VERSION: u32 = 1;

/// Everything unsent of one phone.
#[derive(Debug, Deserialize)]
pub struct Rescue {
    pub rescue: u32,
    /// When it was made, by the phone's clock.
    pub made: Millis,
    pub persons: Vec<Person>,
}

/// One enrolment on it.
#[derive(Debug, Deserialize)]
pub struct Person {
    /// What people called them on the phone.
    #[serde(default)]
    pub name: String,
    /// Their device; `None` if they never enrolled.
    pub device: Option<u32>,
    pub user: Option<UserId>,
    /// Server minus phone per era, as the phone had measured.
    #[serde(default)]
    pub eras: BTreeMap<String, i64>,
    /// What the phone knew to be acknowledged.
    #[serde(default)]
    pub ack: Seq,
    pub ack_mark: Option<Mark>,
    pub changes: Vec<Kept>,
}

/// One change, byte for byte.
#[derive(Debug, Deserialize)]
pub struct Kept {
    pub line: String,
}

impl Person {
    pub fn offsets(&self) -> BTreeMap<u64, i64> {
        self.eras
            .iter()
            .filter_map(|(era, offset)| Some((era.parse().ok()?, *offset)))
            .collect()
    }
}
