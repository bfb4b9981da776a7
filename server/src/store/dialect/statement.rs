//! Statements in our own words, which are prepared once. diesel prepares anew each time what it cannot know
//! to be one of a few texts: every UPDATE, every ON CONFLICT DO UPDATE, every `sql_query`. A few of those come
//! in every transaction.

use std::marker::PhantomData;
use std::str::Split;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;
use diesel::{QueryResult, RunQueryDsl};

/// Stands in a text where a value goes.
const SLOT: char = '?';

/// A statement of these words, in which a `?` stands for each value that is bound. Whatever is bound, the
/// text is the same, so that a session prepares it once.
pub(in crate::store) const fn statement(text: &'static str) -> Statement<()> {
    Statement { text, values: () }
}

/// See [`statement`].
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Statement<B> {
    text: &'static str,
    values: B,
}

/// A value of the type `S` of the database, and those before it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Bound<B, S, V> {
    before: B,
    value: V,
    sort: PhantomData<S>,
}

impl<B> Statement<B> {
    /// Binds the next value.
    pub(in crate::store) fn bind<S, V>(self, value: V) -> Statement<Bound<B, S, V>> {
        let values = Bound {
            before: self.values,
            value,
            sort: PhantomData,
        };
        let text = self.text;
        Statement { text, values }
    }
}

/// Values in the order of their slots.
pub(in crate::store) trait Values<DB: Backend> {
    /// Says what stands before each slot, and the value that goes there.
    fn walk<'b>(
        &'b self,
        text: &mut Split<'static, char>,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>;
}

impl<DB: Backend> Values<DB> for () {
    fn walk<'b>(
        &'b self,
        _: &mut Split<'static, char>,
        _: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()> {
        Ok(())
    }
}

impl<DB, B, S, V> Values<DB> for Bound<B, S, V>
where
    DB: Backend + HasSqlType<S>,
    B: Values<DB>,
    V: ToSql<S, DB>,
{
    fn walk<'b>(
        &'b self,
        text: &mut Split<'static, char>,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()> {
        self.before.walk(text, out)?;
        out.push_sql(text.next().unwrap_or_default());
        out.push_bind_param::<S, V>(&self.value)
    }
}

impl<DB: Backend, B: Values<DB>> QueryFragment<DB> for Statement<B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut text = self.text.split(SLOT);
        self.values.walk(&mut text, &mut out)?;
        // One piece, unless values are missing: the database says so then.
        text.for_each(|rest| out.push_sql(rest));
        Ok(())
    }
}

/// It is known again by its text.
impl<B> QueryId for Statement<B> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B, C> RunQueryDsl<C> for Statement<B> {}

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
