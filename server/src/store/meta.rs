//! Small named facts about the installation, as text.

use diesel::prelude::*;

use super::schema::meta;
use super::{Connection, Error, epochs};

/// The version of the area tree.
pub const TREE: &str = "areas";
/// How often records went from where they stood: to another place, or for good.
pub const MOVES: &str = "moves";

pub fn load(connection: &mut Connection, name: &str) -> Result<Option<String>, Error> {
    Ok(meta::table
        .find(name)
        .select(meta::value)
        .first(connection)
        .optional()?)
}

pub fn save(connection: &mut Connection, name: &str, value: &str) -> Result<(), Error> {
    // No upsert: the two databases are asked in the same words, and only the one writer writes.
    let changed = diesel::update(meta::table.find(name))
        .set(meta::value.eq(value))
        .execute(connection)?;
    if changed == 0 {
        diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .execute(connection)?;
    }
    Ok(())
}

/// The number that a fact says; 0 before it is first written.
pub(super) fn number(text: Option<String>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Raises the number that a fact says. The epoch lifts it above all that a copy of the database which
/// was lost since may have given out.
pub fn raise(connection: &mut Connection, name: &str) -> Result<(), Error> {
    let next = number(load(connection, name)?) + 1;
    let next = next.max(epochs::current(connection)?);
    save(connection, name, &next.to_string())
}
