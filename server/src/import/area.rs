//! Areas from a list: CSV with the columns code, parent, level, name and timezone, in any order of
//! rows and columns. Every bad row is reported by line and reason, and with one bad row nothing is
//! imported. A code that exists gets the new name, level and time zone; it cannot change parents.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::BadRow;
use crate::accounts::areas::{self as rules, NewArea};
use crate::accounts::{Error, Refusal};
use crate::store::areas::{self, AreaRow};
use crate::store::{self, Connection};

/// Bad rows that are listed; a wrong file has thousands.
const MOST_LISTED: usize = 200;

/// What an import did, or why it did nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Report {
    pub rows: usize,
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    /// How many rows are bad; the first 200 are listed.
    pub bad: usize,
    pub listed: Vec<BadRow>,
}

impl Report {
    fn refuse(&mut self, line: u64, column: &'static str, reason: impl Into<String>) {
        self.bad += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(BadRow {
                line,
                column: column.to_owned(),
                reason: reason.into(),
            });
        }
    }
}

/// Rows of the list, each with its line.
type Rows = BTreeMap<String, (u64, NewArea)>;

/// Imports everything or nothing; look at `bad`. Nothing is written if a row is bad.
pub fn areas(c: &mut Connection, list: impl Read) -> Result<Report, Error> {
    let mut report = Report::default();
    let rows = read(list, &mut report);
    let known: HashMap<String, String> = areas::every_path(c)?.into_iter().collect();
    let mut paths = HashMap::new();
    for (code, (line, row)) in &rows {
        match place(code, &rows, &known) {
            Ok(path) if known.get(code).is_some_and(|known| *known != path) => {
                report.refuse(*line, "parent", "this code exists below another parent");
            }
            Ok(path) => {
                paths.insert(row.code.as_str(), path);
            }
            Err(reason) => report.refuse(*line, "parent", reason),
        }
    }
    report.listed.sort_by_key(|bad| bad.line);
    if report.bad > 0 {
        return Ok(report);
    }
    for (code, (_, row)) in &rows {
        let path = paths
            .remove(code.as_str())
            .ok_or_else(|| store::Error::Corrupt("an area without a path".to_owned()))?;
        write(c, row, path, &mut report)?;
    }
    Ok(report)
}

fn write(
    c: &mut Connection,
    row: &NewArea,
    path: String,
    report: &mut Report,
) -> Result<(), Error> {
    let old = areas::by_code(c, &row.code)?;
    let new = AreaRow {
        code: row.code.clone(),
        parent: row.parent.clone(),
        level: row.level.clone(),
        name: row.name.clone(),
        path,
        timezone: row.timezone.clone(),
        valid_from: old.as_ref().and_then(|old| old.valid_from),
        valid_until: old.as_ref().and_then(|old| old.valid_until),
    };
    match old {
        None => {
            areas::insert(c, &new)?;
            report.added += 1;
        }
        Some(old) if old == new => report.unchanged += 1,
        Some(_) => {
            areas::update(c, &new)?;
            report.changed += 1;
        }
    }
    Ok(())
}

fn read(list: impl Read, report: &mut Report) -> Rows {
    let mut rows = Rows::new();
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(list);
    let columns = match reader.byte_headers() {
        Ok(headers) => Columns::find(headers),
        Err(_) => Err("code"),
    };
    let columns = match columns {
        Ok(columns) => columns,
        Err(missing) => {
            report.refuse(1, missing, "the first line must name the columns code, parent, level, name (timezone is optional)");
            return rows;
        }
    };
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return rows,
            Ok(true) => {}
            Err(_) => {
                report.refuse(
                    reader.position().line(),
                    "code",
                    "the file cannot be read on from here",
                );
                return rows;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        report.rows += 1;
        match columns.row(&record) {
            Err(column) => report.refuse(line, column, "not UTF-8"),
            Ok(row) => match rules::check(&row) {
                Err(Error::Refused(Refusal::Malformed { field, rule })) => {
                    report.refuse(line, field, rule);
                }
                Err(other) => report.refuse(line, "code", other.to_string()),
                Ok(()) => {
                    if let Some((first, _)) = rows.get(&row.code) {
                        let reason = format!("this code stands in line {first} already");
                        report.refuse(line, "code", reason);
                    } else {
                        rows.insert(row.code.clone(), (line, row));
                    }
                }
            },
        }
    }
}

struct Columns {
    code: usize,
    parent: usize,
    level: usize,
    name: usize,
    timezone: Option<usize>,
}

impl Columns {
    fn find(headers: &csv::ByteRecord) -> Result<Self, &'static str> {
        let position = |name: &'static str| {
            headers.iter().position(|header| {
                // Spreadsheets put a byte-order mark before the first header.
                let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
                header.eq_ignore_ascii_case(name.as_bytes())
            })
        };
        let need = |name| position(name).ok_or(name);
        Ok(Self {
            code: need("code")?,
            parent: need("parent")?,
            level: need("level")?,
            name: need("name")?,
            timezone: position("timezone"),
        })
    }

    fn row(&self, record: &csv::ByteRecord) -> Result<NewArea, &'static str> {
        let text = |index: usize, name: &'static str| {
            std::str::from_utf8(record.get(index).unwrap_or_default())
                .map(str::to_owned)
                .map_err(|_| name)
        };
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(NewArea {
            code: text(self.code, "code")?,
            parent: given(text(self.parent, "parent")?),
            level: text(self.level, "level")?,
            name: text(self.name, "name")?,
            timezone: match self.timezone {
                Some(index) => given(text(index, "timezone")?),
                None => None,
            },
            valid_from: None,
            valid_until: None,
        })
    }
}

/// The path of a code: up through the list, then through what is known.
fn place(code: &str, rows: &Rows, known: &HashMap<String, String>) -> Result<String, &'static str> {
    let mut below = vec![code];
    let mut at = rows.get(code).and_then(|(_, row)| row.parent.as_deref());
    while let Some(parent) = at {
        if below.contains(&parent) {
            return Err("the parents go in a circle");
        }
        if let Some((_, row)) = rows.get(parent) {
            below.push(parent);
            at = row.parent.as_deref();
        } else if let Some(path) = known.get(parent) {
            return join(Some(path), &below);
        } else {
            return Err("no such parent, neither in the list nor known already");
        }
        if below.len() > rules::MOST_LEVELS {
            return Err("the tree is at most 16 levels deep");
        }
    }
    join(None, &below)
}

fn join(top: Option<&str>, below: &[&str]) -> Result<String, &'static str> {
    below
        .iter()
        .rev()
        .try_fold(top.unwrap_or("/").to_owned(), |path, code| {
            rules::path_below(Some(&path), code).map_err(|_| "the tree is at most 16 levels deep")
        })
}

#[cfg(test)]
#[path = "area_tests.rs"]
mod tests;
