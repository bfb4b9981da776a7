//! What is asked or added in one statement: that is a snapshot, or a transaction, by itself, and needs
//! none around it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::dialect::Purpose;
use super::pool::Keep;
use super::{Connection, Error, Store, unwound};

impl Store {
    /// Asks one question of one statement, which is its own snapshot and needs no transaction around
    /// it: a third of the trips to a server.
    pub fn glance<T>(
        &self,
        mut question: impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = &self.shared;
        if shared.source.location.is_in_memory() {
            return self.read(question);
        }
        let connect = || shared.source.connect(Purpose::Read, &shared.options);
        let mut ask = |connection: &mut Connection| self.alone(connection, &mut question);
        match unwound(shared.readers.with(connect, &mut ask)?) {
            // An idle connection may have been lost long ago; the next one is new.
            Err(Error::Unavailable(_)) => unwound(shared.readers.with(connect, ask)?),
            result => result,
        }
    }

    /// Adds what nobody else changes, in one statement: to a server that is a transaction by itself, in a
    /// third of the trips. Should a connection break off it may be there twice.
    pub fn add(
        &self,
        mut statement: impl FnMut(&mut Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.shared.source.location.has_many_writers() {
            return self.write(statement);
        }
        let mut add =
            || self.with_writer(|writer| self.alone(&mut writer.connection, &mut statement))?;
        match add() {
            Err(Error::Unavailable(_)) => add(),
            result => result,
        }
    }

    /// One statement without a transaction around it, and whether the connection is any good after it.
    fn alone<T>(
        &self,
        connection: &mut Connection,
        statement: &mut impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> (Keep, std::thread::Result<Result<T, Error>>) {
        let result = catch_unwind(AssertUnwindSafe(|| statement(connection)));
        let keep = match &result {
            Ok(Ok(_)) => Keep::Yes,
            Ok(Err(Error::Unavailable(_))) => {
                self.lost();
                Keep::No
            }
            Ok(Err(_)) | Err(_) => Keep::No,
        };
        (keep, result)
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::store::audit::Look;
    use crate::store::schema::audit;
    use crate::store::{StoreOptions, bulk, trial};

    fn look(at: i64) -> Look {
        Look {
            at,
            account: 1,
            device: None,
            action: "read".to_owned(),
            scope_id: None,
            from_head: None,
            to_head: None,
            record: None,
            count: 1,
            purpose: None,
        }
    }

    fn looks(store: &Store) -> Vec<i64> {
        let looks = store.read::<_, Error>(|c| {
            let at = audit::table.select(audit::at).order(audit::at);
            Ok(at.load(c)?)
        });
        looks.unwrap()
    }

    #[test]
    fn what_is_added_is_there_though_the_connection_was_lost_while_it_was_idle() {
        let url = trial::url().unwrap();
        let store = Store::open(&url, StoreOptions::default()).unwrap();
        let add = |at| store.add(|c| bulk::add_looks(c, &[look(at), look(at + 1)]));
        add(1).unwrap();
        if trial::server().is_some() {
            let before = store.generation();
            trial::end_sessions(&url).unwrap();
            add(3).unwrap();
            assert!(store.generation() > before, "others are to open an epoch");
        } else {
            add(3).unwrap();
        }
        assert_eq!(looks(&store), [1, 2, 3, 4]);
    }

    #[test]
    fn what_could_not_be_added_is_said_and_the_next_goes_in() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let refused = store.add(|_| Err(Error::Busy));
        assert!(matches!(refused, Err(Error::Busy)));
        store.add(|c| bulk::add_looks(c, &[look(1)])).unwrap();
        assert_eq!(looks(&store), [1]);
    }
}
