//! Statements that are prepared once, though diesel would prepare them anew each time: it does so with
//! every UPDATE, every ON CONFLICT DO UPDATE and every text of ours, for it cannot know of how many texts
//! they are one. A few are of one text only, and come in every transaction.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement whose text does not depend on what it is asked with: a session keeps as many prepared
/// statements as there are texts.
pub(in crate::store) const fn once<T>(statement: T) -> Once<T> {
    Once(statement)
}

/// See [`once`].
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Once<T>(T);

impl<DB: Backend, T: QueryFragment<DB>> QueryFragment<DB> for Once<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// It is known again by its text.
impl<T> QueryId for Once<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, C> RunQueryDsl<C> for Once<T> {}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use diesel::connection::InstrumentationEvent;
    use diesel::prelude::*;
    use sync_protocol::cursor::Head;

    use crate::store::scopes::HeadRow;
    use crate::store::{Error, Store, StoreOptions, bulk, trial};

    #[test]
    fn what_comes_in_every_transaction_is_prepared_once() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let prepared = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&prepared);
        let saved = store.write::<_, Error>(|c| {
            let seen = Arc::clone(&seen);
            c.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                    seen.lock().unwrap().push(sql.to_owned());
                }
            });
            let heads = (1..=3).map(|id| HeadRow::new(id, &Head::default(), false));
            let heads = heads.collect::<Result<Vec<_>, Error>>()?;
            bulk::save_heads(c, &heads)?;
            bulk::save_heads(c, &heads)
        });
        saved.unwrap();
        let prepared = prepared.lock().unwrap();
        let updates = prepared.iter().filter(|sql| sql.starts_with("UPDATE"));
        assert_eq!(updates.count(), 1, "{prepared:?}");
    }
}
