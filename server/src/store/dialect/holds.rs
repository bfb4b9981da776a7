//! Conditions in the words of the partial index over the rows that meet them. One is used only where the
//! statement names the same value: by SQLite never for one that is bound, by PostgreSQL not in a plan that
//! was made for all values.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

/// Whether `column` says yes.
pub(in crate::store) const fn holds<C>(column: C) -> Holds<C> {
    Holds(column)
}

/// See [`holds`].
#[derive(Debug, Clone, Copy, QueryId)]
pub(in crate::store) struct Holds<C>(C);

impl<C> Expression for Holds<C> {
    type SqlType = Bool;
}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Holds<C> {
    type IsAggregate = C::IsAggregate;
}

impl<S: ?Sized, C: AppearsOnTable<S>> AppearsOnTable<S> for Holds<C> {}

impl<S: ?Sized, C: SelectableExpression<S>> SelectableExpression<S> for Holds<C> {}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Holds<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" = 1");
        Ok(())
    }
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Holds<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// Whether `column`, the state of something, says that it is open.
pub(in crate::store) const fn is_open<C>(column: C) -> IsOpen<C> {
    IsOpen(column)
}

/// See [`is_open`].
#[derive(Debug, Clone, Copy, QueryId)]
pub(in crate::store) struct IsOpen<C>(C);

impl<C> Expression for IsOpen<C> {
    type SqlType = Bool;
}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for IsOpen<C> {
    type IsAggregate = C::IsAggregate;
}

impl<S: ?Sized, C: AppearsOnTable<S>> AppearsOnTable<S> for IsOpen<C> {}

impl<S: ?Sized, C: SelectableExpression<S>> SelectableExpression<S> for IsOpen<C> {}

impl<C: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for IsOpen<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" = 'open'");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dialect::{Connection, among};
    use crate::store::schema::{parked, record};
    use crate::store::{Error, Store, StoreOptions};
    use diesel::SqliteConnection;
    use diesel::prelude::*;
    use diesel::query_builder::Query;
    use diesel::sql_types::{Text, Untyped};

    /// How a statement would be run as it is prepared, when nobody knows what will be bound to it.
    #[derive(QueryId)]
    struct Explained<Q>(Q);

    impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Explained<Q> {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("EXPLAIN QUERY PLAN ");
            self.0.walk_ast(out)
        }
    }

    impl<Q> Query for Explained<Q> {
        type SqlType = Untyped;
    }

    impl<Q> RunQueryDsl<SqliteConnection> for Explained<Q> {}

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    fn plan_of<Q: QueryFragment<Sqlite> + QueryId>(query: Q) -> String {
        let store = Store::open("sqlite::memory:", StoreOptions::default()).unwrap();
        let plan = store.read::<_, Error>(|c| {
            let Connection::Sqlite(inner) = c else {
                panic!("this is SQLite");
            };
            Ok(Explained(query).load::<Plan>(inner)?)
        });
        let plan = plan.unwrap().into_iter().map(|line| line.detail);
        plan.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn records_with_conflicts_are_found_by_their_index() {
        let plan = plan_of(
            record::table
                .filter(holds(record::conflicted))
                .filter(record::id.gt(vec![b'a']))
                .order(record::id)
                .limit(5)
                .select(record::id),
        );
        assert!(plan.contains("record_conflicted"), "{plan}");
    }

    #[test]
    fn what_is_open_about_a_record_is_found_by_its_index() {
        let ids = ["a".to_owned()];
        let open = || parked::table.filter(is_open(parked::state));
        let about = open().filter(among(parked::record, &ids));
        let plan = plan_of(about.order(parked::id + 0).limit(5).select(parked::id));
        assert!(plan.contains("parked_record"), "{plan}");
        let waiting = open().filter(among(parked::waits_for, &ids));
        let plan = plan_of(waiting.order(parked::id + 0).limit(5).select(parked::id));
        assert!(plan.contains("parked_waits"), "{plan}");
    }
}
