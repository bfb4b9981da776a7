//! The tables, three times the same: in `schema.rs`, in the embedded database and, where there is a
//! server for trials, on PostgreSQL: columns, types, what may be missing, keys, indexes, counters.

use std::collections::{BTreeMap, BTreeSet};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};

use crate::store::{Connection, Error, Store, StoreOptions, dialect, trial};

#[derive(diesel::QueryableByName, Debug)]
struct Column {
    #[diesel(sql_type = Text)]
    held_by: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
    /// 1 if the database gives numbers itself.
    #[diesel(sql_type = BigInt)]
    counted: i64,
}

/// One column of an index; the rows come in the order of columns.
#[derive(diesel::QueryableByName, Debug)]
struct Part {
    #[diesel(sql_type = Text)]
    held_by: String,
    #[diesel(sql_type = Text)]
    name: String,
    /// `primary`, `unique` or `index`.
    #[diesel(sql_type = Text)]
    sort: String,
    #[diesel(sql_type = Text)]
    column: String,
    /// Which rows it has, if not all.
    #[diesel(sql_type = Text)]
    predicate: String,
}

/// What the tables look like, one text for each thing, and the same texts on both databases.
#[derive(Debug, PartialEq, Eq, Default)]
struct Tables {
    columns: BTreeSet<String>,
    counters: BTreeSet<String>,
    indexes: BTreeSet<String>,
}

/// Booleans are integers with a check there; an index that a primary key makes is left out where
/// the key is the number of the row.
const SQLITE_COLUMNS: &str = "SELECT m.name AS held_by, p.name AS name, \
     CASE WHEN instr(m.sql, 'CHECK (' || p.name || ' IN (0, 1))') > 0 THEN 'Bool' \
          WHEN p.type = 'INTEGER' THEN 'BigInt' WHEN p.type = 'TEXT' THEN 'Text' \
          WHEN p.type = 'BLOB' THEN 'Binary' ELSE p.type END AS kind, \
     p.\"notnull\" AS required, \
     (p.pk = 1 AND instr(m.sql, 'AUTOINCREMENT') > 0) AS counted \
     FROM sqlite_schema m, pragma_table_info(m.name) p \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%migrations'";
const SQLITE_INDEXES: &str = "SELECT * FROM (\
     SELECT m.name AS held_by, 'key' AS name, 'primary' AS sort, p.name AS column, '' AS predicate, p.pk AS place \
     FROM sqlite_schema m, pragma_table_info(m.name) p \
     WHERE m.type = 'table' AND p.pk > 0 AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%migrations' \
     UNION ALL \
     SELECT m.name, l.name, CASE l.\"unique\" WHEN 1 THEN 'unique' ELSE 'index' END, i.name, \
     coalesce((SELECT substr(s.sql, instr(s.sql, ' WHERE ') + 7) FROM sqlite_schema s \
               WHERE s.name = l.name AND instr(s.sql, ' WHERE ') > 0), ''), i.seqno \
     FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) i \
     WHERE m.type = 'table' AND l.origin <> 'pk' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%migrations') \
     ORDER BY held_by, name, place";
const POSTGRES_COLUMNS: &str = "SELECT table_name::text AS held_by, column_name::text AS name, \
     CASE data_type WHEN 'bigint' THEN 'BigInt' WHEN 'text' THEN 'Text' WHEN 'bytea' THEN 'Binary' \
     WHEN 'boolean' THEN 'Bool' ELSE data_type END AS kind, \
     (is_nullable = 'NO')::int::int8 AS required, (is_identity = 'YES')::int::int8 AS counted \
     FROM information_schema.columns \
     WHERE table_schema = 'public' AND table_name NOT LIKE '%migrations'";
const POSTGRES_INDEXES: &str = "SELECT t.relname::text AS held_by, i.relname::text AS name, \
     CASE WHEN x.indisprimary THEN 'primary' WHEN x.indisunique THEN 'unique' ELSE 'index' END AS sort, \
     a.attname::text AS column, coalesce(pg_get_expr(x.indpred, x.indrelid), '') AS predicate \
     FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace \
     CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
     WHERE n.nspname = 'public' AND t.relname NOT LIKE '%migrations' \
     ORDER BY held_by, name, k.place";

fn tables(c: &mut Connection) -> Result<Tables, Error> {
    let (columns, indexes) = match c {
        Connection::Sqlite(_) => (SQLITE_COLUMNS, SQLITE_INDEXES),
        Connection::Postgres(_) => (POSTGRES_COLUMNS, POSTGRES_INDEXES),
    };
    let columns: Vec<Column> = diesel::sql_query(columns).load(c)?;
    let parts: Vec<Part> = diesel::sql_query(indexes).load(c)?;
    let mut found = Tables::default();
    for column in columns {
        let null = if column.required == 0 { "?" } else { "" };
        let place = format!("{}.{}", column.held_by, column.name);
        found
            .columns
            .insert(format!("{place} {}{null}", column.kind));
        if column.counted == 1 {
            found.counters.insert(place);
        }
    }
    let mut gathered = BTreeMap::<(String, String), (String, Vec<String>, String)>::new();
    for part in parts {
        let key = (part.held_by, part.name);
        let entry = gathered.entry(key).or_default();
        entry.0 = part.sort;
        entry.1.push(part.column);
        entry.2 = plain(&part.predicate);
    }
    for ((table, name), (sort, columns, predicate)) in gathered {
        // Only what an index is called that has a name of its own.
        let name = if sort == "index" { name } else { String::new() };
        let columns = columns.join(", ");
        let text = format!("{table}: {sort} {name} ({columns}) {predicate}");
        found.indexes.insert(text);
    }
    Ok(found)
}

/// A predicate without what the databases write differently.
fn plain(predicate: &str) -> String {
    let text = predicate.replace("::text", "").replace(" = 1", "");
    text.trim_start_matches('(')
        .trim_end_matches(')')
        .to_owned()
}

/// The columns that `schema.rs` declares.
fn declared() -> BTreeSet<String> {
    let mut table = String::new();
    let mut renamed = None;
    let mut declared = BTreeSet::new();
    for line in include_str!("../schema.rs").lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
            name.clone_into(&mut table);
        } else if let Some(name) = line.strip_prefix("#[sql_name = \"") {
            renamed = name.strip_suffix("\"]");
        } else if let Some((name, kind)) = line.trim_end_matches(',').split_once(" -> ") {
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), "?"),
                None => (kind, ""),
            };
            let name = renamed.take().unwrap_or(name);
            declared.insert(format!("{table}.{name} {kind}{null}"));
        }
    }
    declared
}

fn open(url: &str) -> Store {
    Store::open(url, StoreOptions::default()).unwrap()
}

fn found_in(url: &str) -> Tables {
    open(url).read(tables).unwrap()
}

#[test]
fn the_tables_in_rust_are_the_tables_in_the_database() {
    assert!(declared().len() > 100, "{}", declared().len());
    assert_eq!(declared(), found_in(&trial::url().unwrap()).columns);
}

#[test]
fn both_databases_have_the_same_columns_keys_indexes_and_counters() {
    let embedded = found_in("sqlite::memory:");
    assert!(embedded.counters.contains("device.number"));
    for known in [
        "scope_kind: primary  (scope_id, kind) ",
        "record: unique  (scope_id, head) ",
        "record: index record_conflicted (id) conflicted",
        "parked: index parked_record (record) state = 'open'",
    ] {
        assert!(embedded.indexes.contains(known), "{:#?}", embedded.indexes);
    }
    assert_eq!(found_in(&trial::url().unwrap()), embedded);
}

#[test]
fn the_migrations_of_both_databases_have_the_same_names_and_a_way_back() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = |database: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder.join(database)).unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                for file in ["up.sql", "down.sql"] {
                    let text = std::fs::read_to_string(entry.path().join(file)).unwrap();
                    assert!(!text.trim().is_empty(), "{:?} {file}", entry.path());
                }
                entry.file_name().into_string().unwrap()
            })
            .collect()
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn migrations_can_be_taken_back_and_applied_again() {
    let url = match trial::server() {
        Some(server) => trial::bare(&server).unwrap(),
        None => "sqlite::memory:".to_owned(),
    };
    open(&url)
        .ask(|c| {
            let before = tables(c)?;
            assert!(!before.columns.is_empty());
            dialect::revert_all(c)?;
            assert_eq!(tables(c)?, Tables::default());
            assert!(!dialect::migrate(c)?.is_empty());
            assert_eq!(tables(c)?, before);
            Ok(())
        })
        .unwrap();
    trial::remove(&url).unwrap();
}
