//! Reading a definition out of a table of values, collecting *every* fault with its path and what to
//! do about it, so that an operator mends a file in one go. Keys that nobody asked for are faults
//! too: a misspelt key must not silently do nothing.

use std::cell::RefCell;
use std::fmt;

use serde_json::{Map, Value};

use super::Label;

/// One thing wrong with a definition. `path` leads there (`field[3].member[0].type`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub path: String,
    pub message: String,
}

/// Everything wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            if fault.path.is_empty() {
                write!(f, "{}", fault.message)?;
            } else {
                write!(f, "{}: {}", fault.path, fault.message)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[derive(Default)]
pub(crate) struct Collector(RefCell<Vec<Fault>>);

impl Collector {
    pub(crate) fn add(&self, path: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault {
            path: path.into(),
            message: message.into(),
        });
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// TOML as the plain values that the rest reads.
pub(crate) fn toml_value(text: &str) -> Result<Value, Faults> {
    toml::from_str::<Value>(text).map_err(|error| {
        Faults(vec![Fault {
            path: String::new(),
            message: format!("this is not valid TOML: {error}"),
        }])
    })
}

/// A table being read: what was asked for is taken out, `finish` complains about the rest.
pub(crate) struct Table<'c> {
    left: Map<String, Value>,
    path: String,
    faults: &'c Collector,
}

impl<'c> Table<'c> {
    pub(crate) fn new(value: Value, path: &str, faults: &'c Collector) -> Self {
        let left = match value {
            Value::Object(map) => map,
            _ => {
                faults.add(path, "must be a table of keys and values");
                Map::new()
            }
        };
        Self {
            left,
            path: path.to_owned(),
            faults,
        }
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn faults(&self) -> &'c Collector {
        self.faults
    }

    pub(crate) fn fault(&self, key: &str, message: impl Into<String>) {
        self.faults.add(self.path_of(key), message);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.left.keys().cloned().collect()
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.left.remove(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            Value::String(_) => {
                self.fault(key, "is empty: write a text or leave the key out");
                None
            }
            _ => {
                self.fault(key, "must be a text in quotation marks");
                None
            }
        }
    }

    pub(crate) fn need_text(&mut self, key: &str, why: &str) -> String {
        if !self.has(key) {
            self.fault(key, format!("is missing: {why}"));
        }
        self.text(key).unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, key: &str) -> bool {
        match self.left.remove(key) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.fault(key, "must be true or false");
                false
            }
        }
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i64> {
        let value = self.left.remove(key)?;
        let integer = value
            .as_i64()
            .filter(|n| n.unsigned_abs() <= crate::check::value::MAX_INTEGER.unsigned_abs());
        if integer.is_none() {
            self.fault(
                key,
                "must be a whole number (temperatures in tenths of a degree, times in ms)",
            );
        }
        integer
    }

    pub(crate) fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.left.remove(key) else {
            return Vec::new();
        };
        let texts: Option<Vec<String>> = value.as_array().and_then(|items| {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        });
        texts.unwrap_or_else(|| {
            self.fault(key, "must be a list of texts: [\"a\", \"b\"]");
            Vec::new()
        })
    }

    pub(crate) fn table(&mut self, key: &str) -> Option<Table<'c>> {
        let value = self.left.remove(key)?;
        Some(Table::new(value, &self.path_of(key), self.faults))
    }

    pub(crate) fn tables(&mut self, key: &str) -> Vec<Table<'c>> {
        match self.left.remove(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items
                .into_iter()
                .enumerate()
                .map(|(at, item)| {
                    Table::new(item, &format!("{}[{at}]", self.path_of(key)), self.faults)
                })
                .collect(),
            Some(_) => {
                self.fault(key, format!("must be a list of tables: [[{key}]]"));
                Vec::new()
            }
        }
    }

    /// `{ zh = "…", en = "…" }`, both there.
    pub(crate) fn label(&mut self, key: &str) -> Option<Label> {
        let mut table = self.table(key)?;
        let label = table.zh_en();
        table.finish();
        Some(label)
    }

    pub(crate) fn need_label(&mut self, key: &str) -> Label {
        if !self.has(key) {
            self.fault(
                key,
                "is missing: people read it, write { zh = \"…\", en = \"…\" }",
            );
        }
        self.label(key).unwrap_or_else(|| Label {
            zh: String::new(),
            en: String::new(),
        })
    }

    pub(crate) fn zh_en(&mut self) -> Label {
        Label {
            zh: self.need_text("zh", "labels stand in Chinese and English"),
            en: self.need_text("en", "labels stand in Chinese and English"),
        }
    }

    pub(crate) fn finish(self) {
        for key in self.left.keys() {
            self.fault(
                key,
                "is not a key that is known here: check its spelling or take it out",
            );
        }
    }
}

/// Names of kinds, fields, members, tallies and purposes.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 48
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

pub(crate) const NAME_RULE: &str = "must be a name: lower-case letters, digits and _, beginning with a letter, at most 48 characters";

/// Codes of lists: as names, but digits may lead and `-` is allowed.
pub(crate) fn is_code(text: &str) -> bool {
    (1..=48).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
