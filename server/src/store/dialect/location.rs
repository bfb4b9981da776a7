//! Where the data stands, parsed from its URL.

use std::path::{Path, PathBuf};

use crate::store::Error;
use crate::store::postgres_url::{Password, PostgresUrl};

/// A database that a URL can name.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    SqliteFile(PathBuf),
    SqliteMemory,
    /// It may hold a password, so a location has no `Debug`.
    Postgres(Box<PostgresUrl>),
}

impl Location {
    /// `sqlite:///absolute/file`, `sqlite://file/beside/the/working/directory`, `sqlite::memory:`
    /// or `postgres://user@host/database`. Anything else is refused: a typing error must not open
    /// an empty database of another sort.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |text: &str| Err(Error::Unavailable(text.to_owned()));
        if url == "sqlite::memory:" {
            return Ok(Self::SqliteMemory);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(PostgresUrl::parse(url)?)));
        }
        match url.strip_prefix("sqlite://") {
            Some("") => refuse("the URL names no file; write sqlite:///path/kadian.sqlite"),
            Some(path) if path.contains(['?', '\0']) => {
                refuse("a sqlite URL names a file and nothing else (no '?', no NUL)")
            }
            Some(path) => Ok(Self::SqliteFile(PathBuf::from(path))),
            None => refuse(
                "the URL has an unknown scheme; write sqlite:///path/kadian.sqlite, postgres://user@host/database (or sqlite::memory: for a trial)",
            ),
        }
    }

    /// Adds the password of a database server that was kept apart from the URL.
    pub fn with_password(self, password: Option<&Password>) -> Result<Self, Error> {
        match (self, password) {
            (location, None) => Ok(location),
            (Self::Postgres(url), Some(password)) => url
                .with_password(password.clone())
                .map(Box::new)
                .map(Self::Postgres),
            (Self::SqliteFile(_) | Self::SqliteMemory, Some(_)) => Err(Error::Unavailable(
                "a password was given for the database, and a SQLite file has none".to_owned(),
            )),
        }
    }

    /// The file of an embedded database, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::SqliteFile(path) => Some(path),
            Self::SqliteMemory | Self::Postgres(_) => None,
        }
    }

    /// Whether the data is gone with the connection.
    pub const fn is_in_memory(&self) -> bool {
        matches!(self, Self::SqliteMemory)
    }

    /// Whether several transactions may write at the same time.
    pub const fn has_many_writers(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_understood_or_refused_with_what_to_write_instead() {
        let parsed = |url: &str| Location::parse(url).unwrap();
        assert!(
            parsed("sqlite:///var/lib/kadian.sqlite")
                == Location::SqliteFile(PathBuf::from("/var/lib/kadian.sqlite"))
        );
        assert!(
            parsed("sqlite://kadian.sqlite")
                == Location::SqliteFile(PathBuf::from("kadian.sqlite"))
        );
        assert!(parsed("sqlite::memory:") == Location::SqliteMemory);
        for url in ["postgres://db/kadian", "postgresql://db/kadian"] {
            assert!(parsed(url).has_many_writers());
        }
        for (url, part) in [
            ("mysql://db/kadian", "unknown scheme"),
            ("/var/lib/kadian.sqlite", "unknown scheme"),
            ("sqlite://", "names no file"),
            ("sqlite:///file?mode=ro", "nothing else"),
            ("", "unknown scheme"),
        ] {
            let refused = Location::parse(url).err().unwrap();
            let text = refused.to_string();
            assert!(text.contains(part), "{url}: {text}");
        }
    }
}
