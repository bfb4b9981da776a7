//! Scopes: every record lives in exactly one. A place (`grid:0731`), or a place on one day
//! (`checkpoint:S17@2026-11-22`).

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no place, day or scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// Not `<level>:<code>`.
    #[error(
        "a place is <level>:<code>, a level of a-z and _, a code of 1 to 32 of A-Z a-z 0-9 _ -"
    )]
    Place,
    /// Not a calendar day.
    #[error("a day is YYYY-MM-DD")]
    Day,
}

/// A node of the area tree at which records can live, with its level: `grid:0731`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    level: String,
    code: String,
}

impl Place {
    /// The place with this level and code.
    ///
    /// # Errors
    /// If either has a character that the wire does not allow.
    pub fn new(level: &str, code: &str) -> Result<Self, BadScope> {
        let level_fits = (1..=16).contains(&level.len())
            && level.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let code_fits = (1..=32).contains(&code.len())
            && code
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if level_fits && code_fits {
            Ok(Self {
                level: level.to_owned(),
                code: code.to_owned(),
            })
        } else {
            Err(BadScope::Place)
        }
    }

    /// `grid`, `checkpoint`…
    #[must_use]
    pub fn level(&self) -> &str {
        &self.level
    }

    /// The code of the node in the area tree.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.code)
    }
}

impl FromStr for Place {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let (level, code) = text.split_once(':').ok_or(BadScope::Place)?;
        Self::new(level, code)
    }
}

/// A calendar day in an area's time zone, `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| BadScope::Day)?;
        // One day has one name: no signs, no missing zeros.
        if Self(day).to_string() == text {
            Ok(Self(day))
        } else {
            Err(BadScope::Day)
        }
    }
}

/// Where a record lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The place.
    pub place: Place,
    /// The day, for kinds that are kept by day.
    pub day: Option<Day>,
}

impl From<Place> for Scope {
    fn from(place: Place) -> Self {
        Self { place, day: None }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)?;
        self.day.map_or(Ok(()), |day| write!(f, "@{day}"))
    }
}

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        Ok(match text.split_once('@') {
            Some((place, day)) => Self {
                place: place.parse()?,
                day: Some(day.parse()?),
            },
            None => Self {
                place: text.parse()?,
                day: None,
            },
        })
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(Place);
as_text!(Day);
as_text!(Scope);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_name() {
        for text in [
            "grid:0731",
            "checkpoint:S17@2026-11-22",
            "place:999999-01_x",
        ] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in [
            "grid",
            "grid:",
            ":0731",
            "Grid:1",
            "grid:a b",
            "grid:1@2026-2-30",
            "grid:1@2026-1-1",
            "grid:1@+2026-01-01",
            "grid:1@",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
