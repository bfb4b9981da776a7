//! Records as they stand: one table for all kinds; the body is bytes with a one-byte codec.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_protocol::Rev;
use sync_protocol::id::RecordId;
use sync_protocol::record::{Created, Record, Write};

use super::dialect::{among, each};
use super::ids::{Stored, Wanted, stored};
use super::schema::record;
use super::{Connection, Error, from_rev};

/// The codec of a body that is JSON; a sealed one will have another.
const JSON: u8 = 1;
/// The codec of a record that one change made: what the change made of it as JSON, a line break, and
/// the line as it came.
const MADE: u8 = 2;

/// A record as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = record)]
pub struct RecordRow {
    #[diesel(deserialize_as = Stored)]
    pub id: String,
    pub scope_id: i64,
    pub head: i64,
    pub kind: String,
    pub parent: Option<String>,
    pub rev: i64,
    pub created_at: i64,
    pub time: i64,
    pub void: bool,
    /// Whether values lost against what stands.
    pub conflicted: bool,
    pub body: Vec<u8>,
    /// The run in which the hashes stand that it is found by ([`super::lookups`]).
    pub run: i64,
}

impl RecordRow {
    /// The row for a record in a scope at a head.
    pub fn new(
        scope_id: i64,
        head: Rev,
        record: &Record,
        created_at: i64,
        run: i64,
    ) -> Result<Self, Error> {
        Ok(Self {
            id: record.id.to_string(),
            scope_id,
            head: from_rev(head),
            kind: record.kind.clone(),
            parent: record.parent.map(|id| id.to_string()),
            rev: from_rev(record.rev),
            created_at,
            time: record.created.time,
            void: record.is_void(),
            conflicted: record.conflicts().next().is_some(),
            body: encode(record)?,
            run,
        })
    }

    /// The record.
    pub fn record(&self) -> Result<Record, Error> {
        match self.body.split_first() {
            Some((&MADE, content)) => self.made(content).ok_or_else(corrupt),
            _ => decode(&self.body),
        }
    }

    fn made(&self, content: &[u8]) -> Option<Record> {
        let (head, line) = content.split_at(content.iter().position(|byte| *byte == b'\n')?);
        let head: Head = serde_json::from_slice(head).ok()?;
        // What was taken once is not judged again. Of a member that stands twice the last counts, as
        // it did then.
        let Value::Object(mut line) = serde_json::from_slice(line).ok()? else {
            return None;
        };
        let Some(Value::Object(set)) = line.remove("set") else {
            return None;
        };
        let parent = match &self.parent {
            Some(id) => Some(id.parse().ok()?),
            None => None,
        };
        let mut record = Record::made_by(
            self.id.parse().ok()?,
            self.kind.clone(),
            parent,
            head.created,
            set.into_iter().collect(),
            head.write,
        );
        record.abnormal = head.abnormal;
        Some(record)
    }
}

/// What one change made, beside what its line says.
#[derive(Debug, Serialize)]
pub struct Made<'a> {
    #[serde(rename = "c")]
    pub created: Created,
    #[serde(rename = "w")]
    pub write: &'a Write,
    #[serde(rename = "a", skip_serializing_if = "<[String]>::is_empty")]
    pub abnormal: &'a [String],
}

/// The same, read.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "c")]
    created: Created,
    #[serde(rename = "w")]
    write: Write,
    #[serde(rename = "a", default)]
    abnormal: Vec<String>,
}

impl Made<'_> {
    /// The body of the record that this line made.
    pub fn by(&self, line: &[u8]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(line.len() + 256);
        bytes.push(MADE);
        serde_json::to_writer(&mut bytes, self)
            .map_err(|_| Error::Corrupt("a body cannot be written".to_owned()))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(line);
        Ok(bytes)
    }
}

fn corrupt() -> Error {
    Error::Corrupt("the body of a record".to_owned())
}

/// The bytes of any body: a codec, then the content.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![JSON];
    serde_json::to_writer(&mut bytes, value)
        .map_err(|_| Error::Corrupt("a body cannot be written".to_owned()))?;
    Ok(bytes)
}

/// The content of a body.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    match bytes.split_first() {
        Some((&JSON, content)) => serde_json::from_slice(content).map_err(|_| corrupt()),
        _ => Err(Error::Corrupt("a body with an unknown codec".to_owned())),
    }
}

/// The records with these ids that exist.
pub fn by_ids(connection: &mut Connection, ids: &[RecordId]) -> Result<Vec<RecordRow>, Error> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(super::dialect::MAX_LIST) {
        let ids: Vec<Wanted> = ids.iter().map(Wanted::from).collect();
        rows.extend(each!(connection, inner => record::table
            .filter(among(record::id, &ids))
            .select(RecordRow::as_select())
            .load::<RecordRow>(inner))?);
    }
    Ok(rows)
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = record)]
pub struct Standing {
    #[diesel(deserialize_as = Stored)]
    pub id: String,
    pub scope_id: i64,
    pub head: i64,
    pub rev: i64,
}

/// Where those of these records that exist stand.
pub fn standing(connection: &mut Connection, ids: &[RecordId]) -> Result<Vec<Standing>, Error> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(super::dialect::MAX_LIST) {
        let ids: Vec<Wanted> = ids.iter().map(Wanted::from).collect();
        rows.extend(each!(connection, inner => record::table
            .filter(among(record::id, &ids))
            .select(Standing::as_select())
            .load::<Standing>(inner))?);
    }
    Ok(rows)
}

/// What stands above a head in a scope, in head order, without its content.
pub fn standing_above(
    connection: &mut Connection,
    scope_id: i64,
    head: Rev,
    most: i64,
) -> Result<Vec<Standing>, Error> {
    Ok(record::table
        .filter(record::scope_id.eq(scope_id))
        .filter(record::head.gt(from_rev(head)))
        .order(record::head)
        .limit(most)
        .select(Standing::as_select())
        .load(connection)?)
}

/// The records that share these records' scope.
pub fn children_of(
    connection: &mut Connection,
    parents: &[RecordId],
) -> Result<Vec<RecordRow>, Error> {
    let mut rows = Vec::new();
    for parents in parents.chunks(super::dialect::MAX_LIST) {
        let parents: Vec<String> = parents.iter().map(ToString::to_string).collect();
        rows.extend(
            record::table
                .filter(record::parent.eq_any(parents))
                .order(record::id)
                .select(RecordRow::as_select())
                .load(connection)?,
        );
    }
    Ok(rows)
}

/// What stands above a head in a scope, in head order.
pub fn above(
    connection: &mut Connection,
    scope_id: i64,
    head: Rev,
    most: i64,
) -> Result<Vec<RecordRow>, Error> {
    Ok(each!(connection, inner => record::table
        .filter(record::scope_id.eq(scope_id))
        .filter(record::head.gt(from_rev(head)))
        .order(record::head)
        .limit(most)
        .select(RecordRow::as_select())
        .load(inner))?)
}

/// All records of a scope, in id order: for recounts.
pub fn in_scope(connection: &mut Connection, scope_id: i64) -> Result<Vec<RecordRow>, Error> {
    Ok(record::table
        .filter(record::scope_id.eq(scope_id))
        .order(record::id)
        .select(RecordRow::as_select())
        .load(connection)?)
}

/// Notes in which run the hashes of a record stand.
pub fn set_run(connection: &mut Connection, id: &str, run: i64) -> Result<(), Error> {
    diesel::update(record::table.find(stored(id)))
        .set(record::run.eq(run))
        .execute(connection)?;
    Ok(())
}

/// Takes records out.
pub fn delete(connection: &mut Connection, ids: &[RecordId]) -> Result<(), Error> {
    for ids in ids.chunks(super::dialect::MAX_LIST) {
        let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
        diesel::delete(record::table.filter(record::id.eq_any(ids))).execute(connection)?;
    }
    Ok(())
}

/// Shows every record there is, in id order, a few at a time. For checks by the operator.
pub fn each(connection: &mut Connection, mut show: impl FnMut(&Record)) -> Result<(), Error> {
    let mut after = String::new();
    loop {
        let rows: Vec<RecordRow> = record::table
            .filter(record::id.gt(stored(&after)))
            .order(record::id)
            .limit(super::dialect::MAX_LIST as i64)
            .select(RecordRow::as_select())
            .load(connection)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after.clone_from(&last.id);
        for row in &rows {
            show(&row.record()?);
        }
    }
}
