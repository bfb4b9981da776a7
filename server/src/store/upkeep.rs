//! What is asked of a database now and then, outside of any transaction.

use super::{Error, Store, dialect};

impl Store {
    /// Migrations that are still missing (another, older process may have come later).
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        self.ask(dialect::pending)
    }

    /// What is damaged, as far as a quick look over the whole database tells.
    pub fn examine(&self) -> Result<Vec<String>, Error> {
        self.ask(dialect::examine)
    }

    /// Name and version of the database.
    pub fn describe(&self) -> Result<String, Error> {
        self.ask(dialect::describe)
    }

    /// Empties what an embedded database keeps of former writes beside the file, if nobody reads from it just
    /// now: what was purged stands in it.
    pub fn empty_log(&self) -> Result<(), Error> {
        self.ask(dialect::empty_log)
    }
}
