//! Households from a CSV file: one row per member, the rows of one household together.
//!
//! Columns (by name, in any order; only `grid` and `number` are required): `grid`, `number`,
//! `state`, `street`, `building`, `unit`, `room`, `address`, `phone`, `member_name`, `relation`,
//! `sex`, `birth_date`, `document`, `id_number`, `member_phone`, `member_state`, `key_groups`
//! (codes parted by `;`). A household without members is one row with the member columns empty.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};
use sync_protocol::Millis;
use sync_protocol::change::{Change, Fields, Heading};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::kind::Kind;
use sync_protocol::scope::Place;
use sync_protocol::stamp::RawStamp;

use super::{BadRow, derived_id};
use crate::store::{Connection, Error, records, scopes};
use crate::sync::Engine;
use crate::sync::together::{Brought, Chunk, NotBrought};

/// Bad rows that are reported one by one; beyond, only counted.
pub const MOST_REPORTED: usize = 1_000;
/// Households written at a time, all within one transaction.
const CHUNK: usize = 500;
const KIND: &str = "household";

/// What became of an import.
#[derive(Debug)]
pub enum Imported {
    /// All of it is in.
    Done(Brought),
    /// None of it is: these rows are bad, and so many in all.
    Bad {
        /// The first [`MOST_REPORTED`].
        rows: Vec<BadRow>,
        /// All of them.
        count: u64,
    },
}

/// Why an import could not even be tried.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The file is not there, or no CSV in UTF-8.
    #[error("the file cannot be read: {0}")]
    File(#[from] csv::Error),
    /// A required column is missing.
    #[error("the first line names no column `{0}`; required are grid and number")]
    Column(&'static str),
    /// The kind is not defined here.
    #[error("no kind `household` is defined here")]
    Kind,
    /// The rows were good by themselves, but could not be written.
    #[error(transparent)]
    NotBrought(#[from] NotBrought),
    /// The database could not.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Imports a file in `user`'s name: first every row is read and checked, then all is written in
/// one transaction. `progress` hears how many rows were read.
pub fn import(
    engine: &Engine,
    path: &Path,
    user: UserId,
    now: Millis,
    mut progress: impl FnMut(u64),
) -> Result<Imported, Failed> {
    let rules = engine.store().read(|connection| engine.rules(connection))?;
    let kind = rules.kinds.get(KIND).ok_or(Failed::Kind)?;
    let grids: HashSet<String> = engine.store().read(crate::store::areas::every_grid)?;
    let columns = Columns::of(&mut open(path)?)?;
    let (mut bad, mut count) = (Vec::new(), 0);
    let mut seen = HashSet::new();
    let mut households = Households::new(open(path)?, columns.clone());
    loop {
        let (mut faults, mut places) = (Vec::new(), Vec::with_capacity(CHUNK));
        for household in households.by_ref().take(CHUNK) {
            let household = household?;
            progress(household.last_line);
            faults.extend(household.check(kind, &grids, &mut seen));
            places.push((household.id(), household.line, household.grid));
        }
        if places.is_empty() {
            break;
        }
        faults.extend(engine.store().read(|c| elsewhere(c, &places))?);
        faults.sort_by_key(|fault| fault.line);
        count += faults.len() as u64;
        faults.truncate(MOST_REPORTED - bad.len());
        bad.extend(faults);
    }
    if count > 0 {
        return Ok(Imported::Bad { rows: bad, count });
    }
    let schema = rules.kinds.schema();
    let chunks = || Chunks {
        households: open(path)
            .ok()
            .map(|reader| Households::new(reader, columns.clone())),
        schema,
        now,
    };
    Ok(Imported::Done(engine.bring(user, chunks)?))
}

/// The households that stand already, but in another grid. Ids are worked out from the list, so that
/// others may have been there first; and one that was moved stays where it was moved to. What the list
/// says would be written there, and shown to those who lead that grid.
fn elsewhere(c: &mut Connection, places: &[(RecordId, u64, String)]) -> Result<Vec<BadRow>, Error> {
    let ids: Vec<RecordId> = places.iter().map(|(id, _, _)| *id).collect();
    let standing = records::standing(c, &ids)?;
    let mut scope_ids: Vec<i64> = standing.iter().map(|row| row.scope_id).collect();
    scope_ids.sort_unstable();
    scope_ids.dedup();
    let grids: HashMap<i64, String> = scopes::by_ids(c, &scope_ids)?
        .into_iter()
        .map(|scope| (scope.id, scope.area))
        .collect();
    let standing: HashMap<String, Option<&String>> = standing
        .into_iter()
        .map(|row| (row.id, grids.get(&row.scope_id)))
        .collect();
    let strays = places.iter().filter(|(id, _, grid)| {
        let stands = standing.get(&id.to_string());
        stands.is_some_and(|stands| *stands != Some(grid))
    });
    Ok(strays
        .map(|(id, line, _)| BadRow {
            line: *line,
            column: "grid".to_owned(),
            reason: format!(
                "household {id} stands in another grid: move it here first, or list it there"
            ),
        })
        .collect())
}

type Reader = csv::Reader<std::fs::File>;

fn open(path: &Path) -> Result<Reader, csv::Error> {
    csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
}

/// Where each column stands.
#[derive(Debug, Clone)]
struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn of(reader: &mut Reader) -> Result<Self, Failed> {
        // Spreadsheets begin their files with a byte order mark.
        let names = reader
            .headers()?
            .iter()
            .enumerate()
            .map(|(at, name)| (name.trim_start_matches('\u{feff}').to_owned(), at));
        let columns = Self(names.collect());
        match ["grid", "number"]
            .into_iter()
            .find(|name| !columns.0.contains_key(*name))
        {
            Some(missing) => Err(Failed::Column(missing)),
            None => Ok(columns),
        }
    }

    fn text<'r>(&self, row: &'r csv::StringRecord, name: &str) -> &'r str {
        self.0.get(name).and_then(|at| row.get(*at)).unwrap_or("")
    }
}

/// One household of the file.
struct Household {
    line: u64,
    last_line: u64,
    grid: String,
    number: String,
    set: Fields,
    /// The column that a path in the set comes from.
    columns: BTreeMap<String, (u64, &'static str)>,
}

impl Household {
    fn begin(columns: &Columns, row: &csv::StringRecord, line: u64) -> Self {
        let mut household = Self {
            line,
            last_line: line,
            grid: columns.text(row, "grid").to_owned(),
            number: columns.text(row, "number").to_owned(),
            set: Fields::new(),
            columns: BTreeMap::new(),
        };
        household.scalar(columns, row, "number", "number");
        household.scalar(columns, row, "state", "state");
        household.scalar(columns, row, "phone", "phone");
        let address = [
            ("street", "street"),
            ("building", "building"),
            ("unit", "unit"),
            ("room", "room"),
            ("address", "text"),
        ];
        household.object(columns, row, "address", &address);
        household
    }

    fn scalar(
        &mut self,
        columns: &Columns,
        row: &csv::StringRecord,
        column: &'static str,
        field: &str,
    ) {
        let text = columns.text(row, column);
        if !text.is_empty() {
            self.set.insert(field.to_owned(), text.into());
            self.columns
                .insert(field.to_owned(), (self.last_line, column));
        }
    }

    fn object(
        &mut self,
        columns: &Columns,
        row: &csv::StringRecord,
        field: &str,
        members: &[(&'static str, &str)],
    ) {
        let mut object = Map::new();
        for (column, member) in members {
            let text = columns.text(row, column);
            if !text.is_empty() {
                object.insert((*member).to_owned(), text.into());
                self.columns
                    .insert(format!("{field}.{member}"), (self.last_line, column));
            }
        }
        if !object.is_empty() {
            self.set.insert(field.to_owned(), Value::Object(object));
        }
    }

    fn member(&mut self, columns: &Columns, row: &csv::StringRecord, line: u64) {
        self.last_line = line;
        let count = self
            .set
            .keys()
            .filter(|name| name.starts_with("members/"))
            .count();
        let name = columns.text(row, "member_name");
        // Whoever is told apart by name keeps their entry when the list comes again in another order.
        let external = format!(
            "{}/{}/{}",
            self.number,
            name,
            columns.text(row, "birth_date")
        );
        let mut entry = derived_id("member", &self.grid, &external);
        if self.set.contains_key(&format!("members/{entry}")) {
            entry = derived_id("member", &self.grid, &format!("{external}/{count}"));
        }
        let field = format!("members/{entry}");
        let members = [
            ("member_name", "name"),
            ("relation", "relation"),
            ("sex", "sex"),
            ("birth_date", "birth_date"),
            ("member_phone", "phone"),
            ("member_state", "state"),
        ];
        self.object(columns, row, &field, &members);
        let documents = [("document", "document"), ("id_number", "number")];
        self.object(columns, row, &format!("documents/{entry}"), &documents);
        let groups: Vec<Value> = columns
            .text(row, "key_groups")
            .split(';')
            .map(str::trim)
            .filter(|code| !code.is_empty())
            .map(Value::from)
            .collect();
        if !groups.is_empty()
            && let Value::Object(member) = self
                .set
                .entry(field.clone())
                .or_insert_with(|| Value::Object(Map::new()))
        {
            member.insert("key_groups".to_owned(), Value::Array(groups));
            self.columns
                .insert(format!("{field}.key_groups"), (line, "key_groups"));
        }
    }

    fn id(&self) -> RecordId {
        derived_id(KIND, &self.grid, &self.number)
    }

    fn check(
        &self,
        kind: &Kind,
        grids: &HashSet<String>,
        seen: &mut HashSet<RecordId>,
    ) -> Vec<BadRow> {
        let bad = |line, column: &str, reason: String| BadRow {
            line,
            column: column.to_owned(),
            reason,
        };
        let mut faults = Vec::new();
        if self.number.is_empty() {
            faults.push(bad(self.line, "number", "required".to_owned()));
        }
        if !grids.contains(&self.grid) {
            faults.push(bad(
                self.line,
                "grid",
                "no such grid; import the areas first".to_owned(),
            ));
        }
        if !self.number.is_empty() && !seen.insert(self.id()) {
            faults.push(bad(
                self.line,
                "number",
                "this household stands further up already; keep its rows together".to_owned(),
            ));
        }
        for problem in kind.validate(&self.set, true).problems {
            let (line, column) = self
                .columns
                .get(&problem.path)
                .copied()
                .unwrap_or((self.line, ""));
            faults.push(bad(
                line,
                if column.is_empty() {
                    &problem.path
                } else {
                    column
                },
                problem.code.to_string(),
            ));
        }
        faults
    }

    fn change(self, schema: u32, now: Millis, counter: u16) -> Option<Change> {
        Some(Change {
            heading: Heading {
                era: 0,
                schema,
                stamp: RawStamp {
                    ms: u64::try_from(now).ok()?,
                    counter,
                },
                kind: KIND.to_owned(),
                record: self.id(),
                base: None,
                saw: None,
                scope: Place::new("grid", &self.grid).ok(),
                parent: None,
                whole: false,
            },
            set: self.set,
        })
    }
}

/// The households of a file, in order.
struct Households {
    rows: csv::StringRecordsIntoIter<std::fs::File>,
    columns: Columns,
    begun: Option<Household>,
}

impl Households {
    fn new(reader: Reader, columns: Columns) -> Self {
        Self {
            rows: reader.into_records(),
            columns,
            begun: None,
        }
    }
}

impl Iterator for Households {
    type Item = Result<Household, csv::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.rows.next() {
                None => return self.begun.take().map(Ok),
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(row)) => row,
            };
            let line = row.position().map_or(0, csv::Position::line);
            let same = self.begun.as_ref().is_some_and(|begun| {
                begun.grid == self.columns.text(&row, "grid")
                    && begun.number == self.columns.text(&row, "number")
            });
            let done = if same {
                None
            } else {
                self.begun
                    .replace(Household::begin(&self.columns, &row, line))
            };
            if let Some(begun) = &mut self.begun {
                begun.member(&self.columns, &row, line);
            }
            if let Some(done) = done {
                return Some(Ok(done));
            }
        }
    }
}

/// The changes of a file, some at a time.
struct Chunks {
    households: Option<Households>,
    schema: u32,
    now: Millis,
}

impl Iterator for Chunks {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let Some(households) = &mut self.households else {
            return Some(Err(()));
        };
        let mut chunk = Vec::with_capacity(CHUNK);
        for (counter, household) in (0..).zip(households.by_ref().take(CHUNK)) {
            let Ok(household) = household else {
                return Some(Err(()));
            };
            chunk.extend(household.change(self.schema, self.now, counter));
        }
        if chunk.is_empty() {
            None
        } else {
            Some(Ok(chunk))
        }
    }
}

#[cfg(test)]
mod tests;
