//! What can go wrong in the store. Expected outcomes are not in here: they are values of the
//! functions that find them. Texts name rules and places, never a value that somebody entered.

/// An unexpected end of a store operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else held the lock for longer than the bounded retries: try again later.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be used as it was named or where it stands.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// Any other refusal of the database. Its text may quote a constraint, so it goes to the log
    /// and never into a reply.
    #[error("a query failed")]
    Query(#[source] diesel::result::Error),
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        super::dialect::classify(error)
    }
}
