//! Small named facts about the installation, as text.

use diesel::prelude::*;

use super::schema::meta;
use super::{Connection, Error};

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
