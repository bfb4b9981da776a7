//! Whether a column of yes and no says yes, in the words of the partial index over those rows: SQLite
//! uses one only where the statement names the same value, not for one that is bound.

use diesel::QueryResult;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dialect::Connection;
    use crate::store::schema::record;
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

    #[test]
    fn records_with_conflicts_are_found_by_their_index() {
        let store = Store::open("sqlite::memory:", StoreOptions::default()).unwrap();
        let plan = store.read::<_, Error>(|c| {
            let Connection::Sqlite(inner) = c else {
                panic!("this is SQLite");
            };
            let query = record::table
                .filter(holds(record::conflicted))
                .filter(record::id.gt("a"))
                .order(record::id)
                .limit(5)
                .select(record::id);
            Ok(Explained(query).load::<Plan>(inner)?)
        });
        let plan: Vec<String> = plan.unwrap().into_iter().map(|line| line.detail).collect();
        assert!(plan[0].contains("record_conflicted"), "{plan:?}");
    }
}
