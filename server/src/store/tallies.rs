//! Tallies: counts per scope, kept in the transaction that changes a record (I20). Those of a scope and
//! kind change together, and stand in one row.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::dialect::{MAX_LIST, among, each};
use super::schema::{area, scope, tally};
use super::{Connection, Error, Reach, bulk};

/// Different values of one tally in one scope; what comes on top counts as [`OTHER`]. No list of codes is
/// nearly as long, and a phone that writes anything there must not make a row of any size.
const MOST_VALUES: usize = 256;
/// Under this counts what has no room of its own.
const OTHER: &str = "other";

/// One count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyRow {
    pub scope_id: i64,
    pub kind: String,
    pub name: String,
    pub value: String,
    /// Live records.
    pub live: i64,
    /// Records that a purge closed.
    pub closed: i64,
}

/// What a tally changes by: what lives, and what a purge closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shift<'a> {
    pub scope_id: i64,
    pub kind: &'a str,
    pub name: &'a str,
    pub value: &'a str,
    pub live: i64,
    pub closed: i64,
}

/// The tallies of a scope and kind by name and value: what lives, and what a purge closed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts(BTreeMap<String, BTreeMap<String, (i64, i64)>>);

impl Counts {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let read = serde_json::from_slice(body).map(Self);
        read.map_err(|_| Error::Corrupt("the tallies of a scope".to_owned()))
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        let written = serde_json::to_vec(&self.0);
        written.map_err(|_| Error::Corrupt("tallies cannot be written".to_owned()))
    }

    fn shift(&mut self, by: &Shift<'_>) {
        if !self.0.contains_key(by.name) {
            self.0.insert(by.name.to_owned(), BTreeMap::new());
        }
        let Some(values) = self.0.get_mut(by.name) else {
            return;
        };
        // What was counted as another is taken from there, also where there would be room by now.
        let stands = values.get(by.value).map_or(0, |(live, _)| *live);
        let is_known = values.contains_key(by.value);
        let is_living = |(value, (live, _)): &(&String, &(i64, i64))| *live != 0 && *value != OTHER;
        let living = || values.iter().filter(is_living).count();
        let has_room = is_known || (by.live >= 0 && living() < MOST_VALUES);
        let own = if has_room { by.live.max(-stands) } else { 0 };
        let closed = if has_room { by.closed } else { 0 };
        count(values, by.value, (own, closed));
        count(values, OTHER, (by.live - own, by.closed - closed));
        // What is only remembered gives way.
        while values.len() > MOST_VALUES + 1 {
            let mut held = values.iter();
            let over = held.find(|(value, (live, _))| *live == 0 && *value != OTHER);
            let Some((value, shift)) = over.map(|(value, held)| (value.clone(), *held)) else {
                return;
            };
            values.remove(&value);
            count(values, OTHER, shift);
        }
    }

    fn rows(self) -> impl Iterator<Item = (String, String, i64, i64)> {
        self.0.into_iter().flat_map(|(name, values)| {
            values
                .into_iter()
                .map(move |(value, (live, closed))| (name.clone(), value, live, closed))
        })
    }
}

/// Counts a value. What comes to nothing needs no place.
fn count(values: &mut BTreeMap<String, (i64, i64)>, value: &str, (live, closed): (i64, i64)) {
    if (live, closed) == (0, 0) {
        return;
    }
    let held = match values.get_mut(value) {
        Some(held) => held,
        None => values.entry(value.to_owned()).or_default(),
    };
    *held = (held.0 + live, held.1 + closed);
    if *held == (0, 0) {
        values.remove(value);
    }
}

/// The tallies of a scope and kind as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tally)]
pub struct BodyRow {
    pub scope_id: i64,
    pub kind: String,
    pub body: Vec<u8>,
}

/// Counts. Whoever writes beside others holds the scopes.
pub fn add(connection: &mut Connection, shifts: &[Shift<'_>]) -> Result<(), Error> {
    let scopes: BTreeSet<i64> = shifts.iter().map(|shift| shift.scope_id).collect();
    let scopes: Vec<i64> = scopes.into_iter().collect();
    let mut stored = BTreeMap::new();
    for ids in scopes.chunks(MAX_LIST) {
        let rows = each!(connection, inner => tally::table
            .filter(among(tally::scope_id, ids))
            .select(BodyRow::as_select())
            .load::<BodyRow>(inner))?;
        for row in rows {
            stored.insert((row.scope_id, row.kind), row.body);
        }
    }
    let mut shifted = BTreeMap::<(i64, &str), Counts>::new();
    for shift in shifts {
        let key = (shift.scope_id, shift.kind);
        if !shifted.contains_key(&key) {
            let body = stored.get(&(shift.scope_id, shift.kind.to_owned()));
            let counts = body.map(|body| Counts::read(body)).transpose()?;
            shifted.insert(key, counts.unwrap_or_default());
        }
        if let Some(counts) = shifted.get_mut(&key) {
            counts.shift(shift);
        }
    }
    let rows = shifted.iter().map(|((scope_id, kind), counts)| {
        Ok(BodyRow {
            scope_id: *scope_id,
            kind: (*kind).to_owned(),
            body: counts.body()?,
        })
    });
    bulk::put_tallies(connection, &rows.collect::<Result<Vec<_>, Error>>()?)
}

/// The counts of a scope.
pub fn of_scope(connection: &mut Connection, scope_id: i64) -> Result<Vec<TallyRow>, Error> {
    let rows: Vec<BodyRow> = tally::table
        .filter(tally::scope_id.eq(scope_id))
        .order(tally::kind)
        .select(BodyRow::as_select())
        .load(connection)?;
    let mut counted = Vec::new();
    for row in rows {
        let counts = Counts::read(&row.body)?.rows();
        counted.extend(counts.map(|(name, value, live, closed)| TallyRow {
            scope_id,
            kind: row.kind.clone(),
            name,
            value,
            live,
            closed,
        }));
    }
    Ok(counted)
}

/// A count over several scopes: kind, name, value, live records, records that a purge closed.
pub type Total = (String, String, String, i64, i64);

/// The counts of an area and everything below it, summed; for kinds by day, of one day.
pub fn of_area(
    connection: &mut Connection,
    reach: &Reach,
    path: &str,
    day: Option<&str>,
) -> Result<Vec<Total>, Error> {
    if !reach.covers(path) {
        return Ok(Vec::new());
    }
    let query = tally::table
        .inner_join(scope::table.on(scope::id.eq(tally::scope_id)))
        .inner_join(area::table.on(area::code.eq(scope::area)))
        .filter(area::path.ge(path.to_owned()))
        .filter(area::path.lt(super::scopes::above(path)))
        .filter(
            scope::day
                .is_null()
                .or(scope::day.eq(day.map(str::to_owned))),
        );
    let rows: Vec<(String, Vec<u8>)> = query.select((tally::kind, tally::body)).load(connection)?;
    let mut totals = BTreeMap::<(String, String, String), (i64, i64)>::new();
    for (kind, body) in rows {
        for (name, value, live, closed) in Counts::read(&body)?.rows() {
            let total = totals.entry((kind.clone(), name, value)).or_default();
            total.0 += live;
            total.1 += closed;
        }
    }
    Ok(totals
        .into_iter()
        .map(|((kind, name, value), (live, closed))| (kind, name, value, live, closed))
        .collect())
}

/// Forgets what lives of a kind, before it is counted anew; what purges closed stays.
pub fn forget_live(connection: &mut Connection, kind: &str) -> Result<(), Error> {
    let mut after = i64::MIN;
    loop {
        let rows: Vec<BodyRow> = tally::table
            .filter(tally::kind.eq(kind))
            .filter(tally::scope_id.gt(after))
            .order(tally::scope_id)
            .limit(MAX_LIST as i64)
            .select(BodyRow::as_select())
            .load(connection)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.scope_id;
        let forgotten = rows.into_iter().map(|row| {
            let mut counts = Counts::read(&row.body)?;
            for values in counts.0.values_mut() {
                values.retain(|_, (live, closed)| {
                    *live = 0;
                    *closed != 0
                });
            }
            let body = counts.body()?;
            Ok(BodyRow { body, ..row })
        });
        bulk::put_tallies(connection, &forgotten.collect::<Result<Vec<_>, Error>>()?)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreOptions, dialect, trial};

    fn store() -> Store {
        Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap()
    }

    fn shift<'a>(name: &'a str, value: &'a str, live: i64, closed: i64) -> Shift<'a> {
        Shift {
            scope_id: 1,
            kind: "registration",
            name,
            value,
            live,
            closed,
        }
    }

    fn counted(c: &mut Connection) -> Result<Vec<(String, i64, i64)>, Error> {
        let rows = of_scope(c, 1)?.into_iter();
        let rows = rows.map(|row| (format!("{} {}", row.name, row.value), row.live, row.closed));
        Ok(rows.collect())
    }

    fn expected(rows: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
        let rows = rows.iter();
        rows.map(|(what, live, closed)| ((*what).to_owned(), *live, *closed))
            .collect()
    }

    #[test]
    fn i20_what_counts_is_added_and_taken_away_and_what_a_purge_closed_stays() {
        store()
            .write::<_, Error>(|c| {
                add(
                    c,
                    &[shift("mode", "full", 2, 0), shift("total", "all", 2, 0)],
                )?;
                let other = Shift {
                    scope_id: 2,
                    ..shift("mode", "full", 7, 0)
                };
                add(
                    c,
                    &[
                        shift("mode", "full", -2, 1),
                        shift("mode", "tally", 1, 0),
                        other,
                    ],
                )?;
                add(c, &[])?;
                let now = expected(&[
                    ("mode full", 0, 1),
                    ("mode tally", 1, 0),
                    ("total all", 2, 0),
                ]);
                assert_eq!(counted(c)?, now);
                add(c, &[shift("mode", "tally", -1, 0)])?;
                assert_eq!(
                    counted(c)?,
                    expected(&[("mode full", 0, 1), ("total all", 2, 0)])
                );
                forget_live(c, "visit")?;
                forget_live(c, "registration")?;
                assert_eq!(counted(c)?, expected(&[("mode full", 0, 1)]));
                assert_eq!(of_scope(c, 2)?, []);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn i20_values_without_end_make_no_row_without_end_and_none_is_lost_count_of() {
        let values: Vec<String> = (0..2 * MOST_VALUES).map(|n| format!("v{n}")).collect();
        let by = |live| {
            values
                .iter()
                .map(move |value| shift("code", value, live, 0))
        };
        store()
            .write::<_, Error>(|c| {
                add(c, &by(3).collect::<Vec<_>>())?;
                let rows = counted(c)?;
                assert_eq!(rows.len(), MOST_VALUES + 1);
                let all: i64 = rows.iter().map(|(_, live, _)| live).sum();
                assert_eq!(all, 3 * 2 * MOST_VALUES as i64);
                add(c, &by(-3).collect::<Vec<_>>())?;
                let left: i64 = counted(c)?.iter().map(|(_, live, _)| live).sum();
                assert_eq!(left, 0);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn i20_what_counted_as_another_goes_from_there_and_what_is_closed_keeps_no_room() {
        let names =
            |of: &str| -> Vec<String> { (0..MOST_VALUES).map(|n| format!("{of}{n:03}")).collect() };
        let (first, junk) = (names("v"), names("junk"));
        let all = |values: &[String]| {
            let mut counts = Counts::default();
            for value in values {
                counts.shift(&shift("code", value, 1, 0));
            }
            counts
        };
        let at = |counts: &Counts, value: &str| counts.0["code"].get(value).copied();
        let mut counts = all(&first);
        counts.shift(&shift("code", "late", 2, 0));
        assert_eq!(at(&counts, OTHER), Some((2, 0)));
        // There is room by now, and the next of it counts by itself.
        counts.shift(&shift("code", "v000", -1, 0));
        counts.shift(&shift("code", "late", -1, 0));
        assert_eq!(
            (at(&counts, "late"), at(&counts, OTHER)),
            (None, Some((1, 0)))
        );
        counts.shift(&shift("code", "late", 1, 0));
        counts.shift(&shift("code", "late", -2, 2));
        assert_eq!(
            (at(&counts, "late"), at(&counts, OTHER)),
            (Some((0, 2)), None)
        );
        // A purge of what somebody made up leaves room for what is meant.
        let mut counts = all(&junk);
        for value in &junk {
            counts.shift(&shift("code", value, -1, 1));
        }
        for value in &first {
            counts.shift(&shift("code", value, 1, 0));
        }
        assert!(first.iter().all(|value| at(&counts, value) == Some((1, 0))));
        let values = &counts.0["code"];
        assert!(values.len() <= MOST_VALUES + 1);
        let closed: i64 = values.values().map(|(_, closed)| closed).sum();
        assert_eq!(closed, MOST_VALUES as i64);
    }

    #[test]
    fn tallies_outlive_a_change_of_their_form() {
        let store = store();
        let all = [
            shift("mode", "full", 2, 1),
            shift("mode", "a\"b", 5, 0),
            shift("total", "all", 9, 0),
        ];
        store.write::<_, Error>(|c| add(c, &all)).unwrap();
        store
            .ask(|c| {
                let before = of_scope(c, 1)?;
                dialect::revert_to(c, "0006")?;
                dialect::migrate(c)?;
                assert_eq!(of_scope(c, 1)?, before);
                Ok(())
            })
            .unwrap();
    }
}
