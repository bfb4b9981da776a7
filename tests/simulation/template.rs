//! The database that every world begins with: areas, accounts and kinds, made once and copied.

use crate::rights::NODES;
use kadian::clock::BUILD;
use kadian::store::areas::AreaRow;
use kadian::store::definitions::KindRow;
use kadian::store::{Connection, Error, Store, accounts, areas, definitions, trial};
use std::sync::OnceLock;
use sync_protocol::kind::BUILT_IN;
use tempfile::TempDir;

use crate::centre::{ACCOUNTS, options};

/// In memory where the machine has such a place: the ledger waits for the disk at every line.
pub(crate) fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.unwrap()
}

/// The URL of one database with areas, accounts and kinds, made once and copied for each world.
pub(crate) fn template() -> &'static str {
    static TEMPLATE: OnceLock<(TempDir, String)> = OnceLock::new();
    &TEMPLATE
        .get_or_init(|| {
            let folder = folder();
            let url = trial::lasting(&folder.path().join("template.sqlite")).unwrap();
            let store = Store::open(&url, options()).unwrap();
            store.write(fill).unwrap();
            drop(store);
            (folder, url)
        })
        .1
}

fn fill(c: &mut Connection) -> Result<(), Error> {
    for node in NODES {
        let row = AreaRow {
            code: node.code.to_owned(),
            parent: node.parent.map(str::to_owned),
            level: node.level.to_owned(),
            name: node.code.to_owned(),
            path: node.path.to_owned(),
            timezone: None,
            valid_from: None,
            valid_until: None,
        };
        areas::insert(c, &row)?;
    }
    for number in 1..=ACCOUNTS {
        accounts::insert(c, &format!("u{number}"), &format!("u{number}"), None, BUILD)?;
    }
    for definition in BUILT_IN {
        add_definition(c, 1, definition)?;
    }
    Ok(())
}

fn add_definition(c: &mut Connection, schema: i64, definition: &str) -> Result<(), Error> {
    let table: toml::Table = definition.parse().unwrap();
    let name = table["name"].as_str().unwrap().to_owned();
    definitions::add_kind(
        c,
        &KindRow {
            name,
            schema,
            definition: definition.to_owned(),
            at: BUILD,
        },
    )
}
