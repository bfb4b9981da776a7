//! What is asked or added in one statement: that is a snapshot, or a transaction, by itself, and needs
//! none around it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::dialect::{self, Purpose};
use super::pool::Keep;
use super::{Connection, Error, PAUSE, Store, WRITE_ATTEMPTS, unwound};

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
        for attempt in 1..WRITE_ATTEMPTS {
            let before = self.generation();
            match self.add_once(&mut statement) {
                Err(Error::Busy) => std::thread::sleep(PAUSE * attempt),
                // An idle connection may have been lost long ago; the next one is new.
                Err(Error::Unavailable(_)) if attempt == 1 && self.generation() != before => {}
                result => return result,
            }
        }
        self.add_once(&mut statement)
    }

    fn add_once(
        &self,
        statement: &mut impl FnMut(&mut Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.with_writer(|writer| self.alone(&mut writer.connection, statement))?
    }

    /// One statement without a transaction around it, and whether the connection is any good after it. A
    /// server that has no room left may well have said so over a sound one.
    fn alone<T>(
        &self,
        connection: &mut Connection,
        statement: &mut impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> (Keep, std::thread::Result<Result<T, Error>>) {
        let result = catch_unwind(AssertUnwindSafe(|| statement(connection)));
        let keep = match &result {
            Err(_) => Keep::No,
            Ok(Err(Error::Unavailable(_))) if !dialect::answers(connection) => {
                self.lost();
                Keep::No
            }
            Ok(_) => Keep::Yes,
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
    fn a_server_that_has_no_room_is_not_taken_for_one_that_is_lost() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let before = store.generation();
        let full = || Error::Unavailable("no room".to_owned());
        let mut tried = 0;
        let refused = store.add(|_| {
            tried += 1;
            Err(full())
        });
        assert!(matches!(refused, Err(Error::Unavailable(_))));
        assert!(store.glance::<()>(|_| Err(full())).is_err());
        assert_eq!((store.generation(), tried), (before, 1));
        store.add(|c| bulk::add_looks(c, &[look(1)])).unwrap();
        assert_eq!(looks(&store), [1]);
    }

    #[test]
    fn what_is_busy_is_tried_again_a_few_times() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        // An embedded database says itself when a transaction is to be tried again; this one it never saw.
        let most = match trial::server() {
            Some(_) => WRITE_ATTEMPTS,
            None => 1,
        };
        let mut tried = 0;
        let refused = store.add(|_| {
            tried += 1;
            Err(Error::Busy)
        });
        assert!(matches!(refused, Err(Error::Busy)));
        assert_eq!(tried, most);
        let mut tried = 0;
        let added = store.add(|c| {
            tried += 1;
            if tried < most {
                return Err(Error::Busy);
            }
            bulk::add_looks(c, &[look(1)])
        });
        added.unwrap();
        assert_eq!(looks(&store), [1]);
    }
}
