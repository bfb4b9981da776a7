//! One line of a push, parsed into a type that cannot be wrong.
//!
//! Whatever is wrong in a line is a verdict on that change alone: nothing here fails a request.
//! Whether the values suit the kind is `kind`'s to say.

mod outline;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value};

use self::outline::{Outline, Part, Parts, Set};
use crate::id::RecordId;
use crate::mark::fingerprint;
use crate::scope::Place;
use crate::stamp::{RawStamp, Stamp};
use crate::value::{Members, ValueRef};
use crate::wire::{MAX_CHANGE_BYTES, MAX_DEPTH, MAX_MAP_ENTRIES};
use crate::{MAX_INTEGER, Rev};

/// A map from field name to value. A field is `name`, or `map/<entry uuid>`.
pub type Fields = BTreeMap<String, Value>;

/// What a person did to one record on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it says beside that.
    pub heading: Heading,
    /// The fields it touches, each whole.
    pub set: Fields,
}

impl Deref for Change {
    type Target = Heading;

    fn deref(&self) -> &Heading {
        &self.heading
    }
}

/// What a change says beside what it sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Heading {
    /// The stretch of time in which the phone's clock ran true.
    pub era: u64,
    /// The version of the kind definitions under which it was captured.
    pub schema: u32,
    /// The phone's own stamp.
    pub stamp: RawStamp,
    /// The kind of the record.
    pub kind: String,
    /// The record.
    pub record: RecordId,
    /// The revision that was on screen; only a change without it creates.
    pub base: Option<Rev>,
    /// The greatest effective stamp of the row that was on screen.
    pub saw: Option<Stamp>,
    /// Where a new record is to live; ignored later.
    pub scope: Option<Place>,
    /// The record whose scope a new record shares; ignored later.
    pub parent: Option<RecordId>,
    /// Carries every field and the scope: mends a record whose earlier changes were invalid.
    pub whole: bool,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A change.
    Change(Box<Change>),
    /// The phone has lost the body of this change and says why.
    Lost(String),
}

/// What a line says, read where it stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Glance<'t> {
    /// A change, and the fields it touches.
    Change(Heading, Members<'t>),
    /// The phone has lost the body of this change and says why.
    Lost(String),
}

/// Why a line is no change, with what could be read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// A stable code: `size`, `utf8`, `nul`, `depth`, `json`, `number`, `type` or `missing`.
    pub code: &'static str,
    /// The member at fault, as `set.person`, or empty for the whole line.
    pub path: String,
    /// The record, if that much could be read.
    pub record: Option<RecordId>,
    /// The kind, if that much could be read.
    pub kind: Option<String>,
}

impl Change {
    /// The change as a line: what a device stores when it packs it. Members that say nothing are
    /// left out.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("era".to_owned(), self.era.into());
        members.insert("schema".to_owned(), self.schema.into());
        members.insert("stamp".to_owned(), self.stamp.to_string().into());
        members.insert("kind".to_owned(), self.kind.clone().into());
        members.insert("record".to_owned(), self.record.to_string().into());
        let optional = [
            ("base", self.base.map(Value::from)),
            ("saw", self.saw.map(|saw| saw.to_string().into())),
            (
                "scope",
                self.scope.as_ref().map(|place| place.to_string().into()),
            ),
            (
                "parent",
                self.parent.map(|parent| parent.to_string().into()),
            ),
            ("whole", self.whole.then_some(Value::Bool(true))),
        ];
        members.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        members.insert(
            "set".to_owned(),
            Value::Object(self.set.clone().into_iter().collect()),
        );
        // Members with text keys and JSON values can always be written.
        serde_json::to_vec(&Value::Object(members)).unwrap_or_default()
    }

    /// Tells this change's content from any other of its line: record, raw stamp and values.
    #[must_use]
    pub fn content(&self) -> u64 {
        self.heading.content(&self.set)
    }
}

impl Heading {
    /// The [`Change::content`] of a change that sets this: an object with its members in order of their
    /// names.
    #[must_use]
    pub fn content(&self, set: &impl Serialize) -> u64 {
        let mut text = Vec::with_capacity(1024);
        // A list takes whatever is written to it, and JSON values can always be written.
        let _ = write!(text, "{}:{}:", self.record, self.stamp);
        let _ = serde_json::to_writer(&mut text, set);
        fingerprint(&text)
    }
}

/// Reads one line.
///
/// # Errors
/// If it is no change, with the reason and what could be read of it.
pub fn parse(line: &[u8]) -> Result<Line, Malformed> {
    Ok(match glance(line)? {
        Glance::Lost(reason) => Line::Lost(reason),
        Glance::Change(heading, set) => {
            let set = set.into_tree();
            Line::Change(Box::new(Change { heading, set }))
        }
    })
}

/// Reads one line and takes nothing out of it but its heading.
///
/// # Errors
/// If it is no change, with the reason and what could be read of it.
pub fn glance(line: &[u8]) -> Result<Glance<'_>, Malformed> {
    let whole = |code| Malformed {
        code,
        path: String::new(),
        record: None,
        kind: None,
    };
    if line.len() > MAX_CHANGE_BYTES {
        return Err(whole("size"));
    }
    let text = std::str::from_utf8(line).map_err(|_| whole("utf8"))?;
    if is_too_deep(line) {
        return Err(whole("depth"));
    }
    let outline: Outline<'_> = serde_json::from_str(text).map_err(|error| {
        // serde_json calls a number beyond its range malformed; say what it was.
        whole(if error.to_string().starts_with("number out of range") {
            "number"
        } else {
            "json"
        })
    })?;
    let Outline::Parts(mut members) = outline else {
        return Err(whole("type"));
    };
    if let Part::Text(reason) = &members.lost {
        let reason = reason.chars().filter(|c| *c != '\0');
        return Ok(Glance::Lost(reason.take(200).collect()));
    }
    let fault = |members: &Parts<'_>, (code, path): Fault| Malformed {
        code,
        path,
        record: members.record.parsed(),
        kind: members.kind(),
    };
    let heading =
        read_heading(&members).map_err(|(code, path)| fault(&members, (code, path.to_owned())))?;
    let set = std::mem::take(&mut members.set);
    let set = read_set(set).map_err(|found| fault(&members, found))?;
    Ok(Glance::Change(heading, set))
}

/// Whether brackets nest deeper than a line may. Most lines have fewer than that, nested or not.
fn is_too_deep(line: &[u8]) -> bool {
    let brackets = line.iter().filter(|byte| matches!(byte, b'{' | b'['));
    brackets.count() > MAX_DEPTH && depth(line) > MAX_DEPTH
}

/// How deep the brackets of a JSON text nest; what stands in strings does not count.
#[must_use]
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    deepest
}

type Fault = (&'static str, String);

fn read_heading(m: &Parts<'_>) -> Result<Heading, (&'static str, &'static str)> {
    fn required<T>(
        member: &Part<'_>,
        name: &'static str,
        value: Option<T>,
    ) -> Result<T, (&'static str, &'static str)> {
        let code = match member {
            Part::Absent => "missing",
            _ => "type",
        };
        value.ok_or((code, name))
    }
    fn optional<T>(
        member: &Part<'_>,
        name: &'static str,
        value: Option<T>,
    ) -> Result<Option<T>, (&'static str, &'static str)> {
        match member {
            Part::Absent | Part::Null => Ok(None),
            _ => value.map(Some).ok_or(("type", name)),
        }
    }
    let schema = m.schema.integer().and_then(|n| u32::try_from(n).ok());
    let whole = match m.whole {
        Part::Absent | Part::Null => false,
        Part::Boolean(whole) => whole,
        _ => return Err(("type", "whole")),
    };
    Ok(Heading {
        era: required(&m.era, "era", m.era.integer())?,
        schema: required(&m.schema, "schema", schema)?,
        stamp: required(&m.stamp, "stamp", m.stamp.parsed())?,
        kind: required(&m.kind, "kind", m.kind())?,
        record: required(&m.record, "record", m.record.parsed())?,
        base: optional(&m.base, "base", m.base.integer())?,
        saw: optional(&m.saw, "saw", m.saw.parsed())?,
        scope: optional(&m.scope, "scope", m.scope.parsed())?,
        parent: optional(&m.parent, "parent", m.parent.parsed())?,
        whole,
    })
}

/// A name of a kind, a field or a map: a-z, 0-9 and _, beginning with a letter, at most 64.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.as_bytes()[0].is_ascii_lowercase()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A field name is `name`, or `map/<entry uuid>`.
#[must_use]
pub fn is_field_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((map, entry)) => is_name(map) && entry.parse::<RecordId>().is_ok(),
        None => is_name(text),
    }
}

fn read_set(set: Set<'_>) -> Result<Members<'_>, Fault> {
    let set = match set {
        Set::Fields(set) => set,
        Set::Other => return Err(("type", "set".to_owned())),
        Set::Absent => return Err(("missing", "set".to_owned())),
    };
    if set.iter().next().is_none() {
        return Err(("missing", "set".to_owned()));
    }
    if set.iter().filter(|(name, _)| name.contains('/')).count() > MAX_MAP_ENTRIES {
        return Err(("size", "set".to_owned()));
    }
    for (name, value) in set.iter() {
        if !is_field_name(name) {
            // The name is the client's own text and may hold anything: it is not repeated.
            return Err(("type", "set".to_owned()));
        }
        check_value(value).map_err(|code| (code, format!("set.{name}")))?;
    }
    Ok(set)
}

fn check_value(value: ValueRef<'_>) -> Result<(), &'static str> {
    match value {
        ValueRef::Null | ValueRef::Bool(_) => Ok(()),
        ValueRef::Number(number) => match number.as_i64() {
            Some(n) if n.unsigned_abs() <= MAX_INTEGER.unsigned_abs() => Ok(()),
            _ => Err("number"),
        },
        ValueRef::Text(text) => check_text(text),
        ValueRef::List(items) => items.iter().try_for_each(check_value),
        ValueRef::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_text(name)?;
            check_value(value)
        }),
    }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    // Databases that hold texts as C strings refuse U+0000.
    if text.as_bytes().contains(&0) {
        Err("nul")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"{"era":3,"schema":7,"stamp":"01a200990ebf0000","kind":"registration","record":"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01","scope":"checkpoint:S17","set":{"health_code":"green","itinerary/01a20099-0ebf-7a11-8c21-6f0f2a9d4b02":{"area":"999999"}}}"#;

    fn code(line: impl AsRef<[u8]>) -> (&'static str, String) {
        let fault = parse(line.as_ref()).expect_err("is malformed");
        (fault.code, fault.path)
    }

    #[test]
    fn a_good_line_is_a_change() {
        let Ok(Line::Change(change)) = parse(GOOD.as_bytes()) else {
            panic!("not a change")
        };
        assert_eq!(change.kind, "registration");
        assert_eq!(change.scope.as_ref().unwrap().code(), "S17");
        assert_eq!(change.set.len(), 2);
        assert_eq!(
            parse(br#"{"lost":"storage"}"#),
            Ok(Line::Lost("storage".to_owned()))
        );
    }

    #[test]
    fn i5_the_least_of_all_integers_is_a_number_out_of_range_and_no_panic() {
        let line = GOOD.replace("\"green\"", "-9223372036854775808");
        assert_eq!(code(line), ("number", "set.health_code".into()));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_and_where() {
        let with = |from: &str, to: &str| GOOD.replace(from, to);
        assert_eq!(code(&GOOD[..80]), ("json", String::new()));
        assert_eq!(code("[]"), ("type", String::new()));
        assert_eq!(code(b"{\"set\":\"\xff\"}"), ("utf8", String::new()));
        assert_eq!(code(with("\"era\":3,", "")), ("missing", "era".into()));
        assert_eq!(
            code(with("\"era\":3", "\"era\":-3")),
            ("type", "era".into())
        );
        assert_eq!(
            code(with("\"era\":3", "\"era\":1e999")),
            ("number", String::new())
        );
        assert_eq!(
            code(with("01a200990ebf0000", "01A200990EBF0000")),
            ("type", "stamp".into())
        );
        assert_eq!(
            code(with("\"green\"", "1.5")),
            ("number", "set.health_code".into())
        );
        assert_eq!(
            code(with("\"green\"", "9007199254740992")),
            ("number", "set.health_code".into())
        );
        assert_eq!(
            code(with("\"green\"", "\"a\\u0000b\"")),
            ("nul", "set.health_code".into())
        );
        assert_eq!(
            code(with("\"green\"", "\"\\ud800\"")),
            ("json", String::new())
        );
        assert_eq!(
            code(with("health_code", "Health Code")),
            ("type", "set".into())
        );
        assert_eq!(
            code(with(
                "\"green\"",
                &format!("{}1{}", "[".repeat(20), "]".repeat(20))
            )),
            ("depth", String::new())
        );
        assert_eq!(
            code(with("green", &"x".repeat(MAX_CHANGE_BYTES))),
            ("size", String::new())
        );
        let fault = parse(with("\"green\"", "1.5").as_bytes()).unwrap_err();
        assert!(fault.record.is_some() && fault.kind.as_deref() == Some("registration"));
    }

    proptest! {
        #[test]
        fn i5_no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn i5_no_damage_to_a_good_line_makes_the_parser_panic(at in 0..GOOD.len(), byte: u8) {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = parse(&bytes);
            let _ = parse(&bytes[..at]);
        }
    }
}
