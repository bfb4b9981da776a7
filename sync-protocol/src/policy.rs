//! Policy: which records are abnormal, as data that an officer changes overnight. A rule looks at
//! the fields of one record and nothing else: no clock, no other record, so that phone, server and
//! a later recount agree. `docs/kinds.md` says how to write one.
//!
//! What follows from an abnormal record (alerts, deadlines) is decided elsewhere.

mod condition;
mod parse;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kind::{Fault, KindErrors, Kinds, Label, Values};
use condition::Condition;

/// The policy that comes with the program, as a file of TOML.
pub const BUILT_IN: &str = include_str!("../kinds/policy.toml");

/// How much a rule matters. Ordered: more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown to whoever looks; the record is not abnormal.
    Notice,
    /// The record is abnormal.
    Alert,
    /// Abnormal, and somebody is to act at once.
    Urgent,
}

impl Level {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "notice" => Self::Notice,
            "alert" => Self::Alert,
            "urgent" => Self::Urgent,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Alert => "alert",
            Self::Urgent => "urgent",
        }
    }
}

/// One rule: a code, whom it concerns, what to do, and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub code: String,
    pub kind: String,
    pub label: Label,
    pub advice: Option<Label>,
    pub level: Level,
    when: Condition,
}

/// A policy document of one version. The rules of a version never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    version: u32,
    lists: BTreeMap<String, Vec<String>>,
    rules: Vec<Rule>,
    source: Value,
}

impl Policy {
    /// Reads TOML. Every fault is reported with its path and what to do.
    pub fn parse(toml: &str) -> Result<Self, KindErrors> {
        Self::from_value(crate::kind::read::toml_value(toml)?)
    }

    /// Reads the same document as JSON.
    pub fn from_json(json: &str) -> Result<Self, KindErrors> {
        let value = serde_json::from_str(json).map_err(|error| {
            KindErrors(vec![Fault {
                path: String::new(),
                message: format!("this is not valid JSON: {error}"),
            }])
        })?;
        Self::from_value(value)
    }

    /// Reads the document out of plain values.
    pub fn from_value(value: Value) -> Result<Self, KindErrors> {
        parse::policy(value)
    }

    /// The policy that comes with the program.
    pub fn built_in() -> Result<Self, KindErrors> {
        Self::parse(BUILT_IN)
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, code: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.code == code)
    }

    /// The rules that hold for a record, in the order of the document.
    pub fn holding<'p>(
        &'p self,
        kind: &'p str,
        fields: &'p impl Values,
    ) -> impl Iterator<Item = &'p Rule> {
        let rules = self.rules.iter();
        rules.filter(move |rule| self.holds(rule, kind, fields))
    }

    fn holds(&self, rule: &Rule, kind: &str, fields: &impl Values) -> bool {
        rule.kind == kind && rule.when.holds(fields, &self.lists)
    }

    /// The codes that make a record abnormal, sorted, each once. A pure function of the record and
    /// this document.
    pub fn abnormal(&self, kind: &str, fields: &impl Values) -> Vec<String> {
        self.codes(kind, fields, |level| level >= Level::Alert)
    }

    /// The codes of the rules that only take note.
    pub fn notices(&self, kind: &str, fields: &impl Values) -> Vec<String> {
        self.codes(kind, fields, |level| level == Level::Notice)
    }

    fn codes(&self, kind: &str, fields: &impl Values, of: impl Fn(Level) -> bool) -> Vec<String> {
        let rules = self.rules.iter().filter(|rule| of(rule.level));
        let mut codes: Vec<String> = rules
            .filter(|rule| self.holds(rule, kind, fields))
            .map(|rule| rule.code.clone())
            .collect();
        codes.sort();
        codes.dedup();
        codes
    }

    /// What the rules speak of and these kinds do not have, in words: such a rule never holds.
    pub fn unknown_in(&self, kinds: &Kinds) -> Vec<String> {
        let mut unknown = Vec::new();
        for rule in &self.rules {
            let Some(kind) = kinds.get(&rule.kind) else {
                unknown.push(format!("{}: there is no kind {}", rule.code, rule.kind));
                continue;
            };
            let mut paths = Vec::new();
            rule.when.paths(&mut paths);
            paths.sort();
            paths.dedup();
            for path in paths.iter().filter(|path| !path.exists(kind.fields())) {
                unknown.push(format!("{}: {} has no {path}", rule.code, rule.kind));
            }
        }
        unknown
    }

    /// The document as clients fetch it. `from_json` reads it back to the same policy.
    pub fn to_json(&self) -> Value {
        json!(self.source)
    }
}
