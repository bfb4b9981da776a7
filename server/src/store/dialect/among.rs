//! Whether a column is one of a list of values, told as one value, so that the text of a statement
//! does not depend on how many there are, and it is prepared once: an array for PostgreSQL, JSON for
//! SQLite, which would else read a text of thousands of question marks anew each time.

use std::cell::OnceCell;

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Bool, HasSqlType, SingleValue, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, result};

/// Whether `column` is one of `list`.
pub(in crate::store) fn among<C, T>(column: C, list: &[T]) -> Among<'_, C, T> {
    Among {
        column,
        list,
        json: OnceCell::new(),
    }
}

/// A type of which lists are asked for.
pub(in crate::store) trait Listed: serde::Serialize + 'static {
    /// What it is in the database.
    type Sql: SingleValue;
    /// How SQLite makes that of a `value` of JSON.
    const OF_JSON: &str = "value";
}

impl Listed for String {
    type Sql = Text;
}

impl Listed for i64 {
    type Sql = BigInt;
}

/// See [`among`].
#[derive(Debug, Clone)]
pub(in crate::store) struct Among<'l, C, T> {
    column: C,
    list: &'l [T],
    /// Made when it is SQLite that asks.
    json: OnceCell<String>,
}

impl<C, T> Expression for Among<'_, C, T> {
    type SqlType = Bool;
}

impl<C: ValidGrouping<G>, T, G> ValidGrouping<G> for Among<'_, C, T> {
    type IsAggregate = C::IsAggregate;
}

impl<S: ?Sized, C: AppearsOnTable<S>, T> AppearsOnTable<S> for Among<'_, C, T> {}

impl<S: ?Sized, C: SelectableExpression<S>, T> SelectableExpression<S> for Among<'_, C, T> {}

impl<C: QueryId, T: Listed> QueryId for Among<'_, C, T> {
    type QueryId = Among<'static, C::QueryId, T>;
    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C: QueryFragment<Sqlite>, T: Listed> QueryFragment<Sqlite> for Among<'_, C, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let json = match self.json.get() {
            Some(json) => json,
            None => {
                let made = serde_json::to_string(self.list)
                    .map_err(|error| result::Error::SerializationError(error.into()))?;
                self.json.get_or_init(|| made)
            }
        };
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT ");
        out.push_sql(T::OF_JSON);
        out.push_sql(" FROM json_each(");
        out.push_bind_param::<Text, _>(json)?;
        out.push_sql("))");
        Ok(())
    }
}

impl<'l, C, T> QueryFragment<Pg> for Among<'l, C, T>
where
    C: QueryFragment<Pg>,
    T: Listed,
    Pg: HasSqlType<T::Sql>,
    &'l [T]: ToSql<Array<T::Sql>, Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<T::Sql>, _>(&self.list)?;
        out.push_sql(")");
        Ok(())
    }
}
