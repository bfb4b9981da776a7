//! Tables there and back, with everything that a cell can hold, and the counters with them.

use super::*;
use crate::store::{Store, StoreOptions, trial};

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn database() -> Store {
    Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap()
}

/// A file to copy into, and its folder.
fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    (folder, path)
}

/// Rows of several tables with whatever their columns take.
fn rows() -> Vec<(&'static str, Vec<Row>)> {
    let whole = Cell::Whole;
    let odd = "王伟 O'Brien 𠮷 \"x\" \\ \u{202e} \n%";
    let audit = |id, device: Cell, purpose: Cell| {
        Row(vec![
            whole(id),
            whole(i64::MAX),
            whole(-1),
            device,
            text("pull"),
            Cell::Null,
            Cell::Null,
            whole(i64::MIN),
            Cell::Null,
            whole(0),
            purpose,
        ])
    };
    let history = |id, value: &[u8]| {
        let mut row = vec![whole(id), text("r"), text(odd), whole(1), text("s")];
        row.extend([whole(1000), whole(2), whole(3), whole(4)]);
        row.push(Cell::Bytes(value.to_vec()));
        Row(row)
    };
    vec![
        (
            "meta",
            // More than one page, and names that sort by their bytes.
            (0..2500)
                .map(|n| {
                    Row(vec![
                        text(&format!("k{:x}é{n}", n * 7919 % 2500)),
                        text(odd),
                    ])
                })
                .chain([Row(vec![text(""), text("")])])
                .collect(),
        ),
        (
            "lookup",
            (0..=255)
                .map(|n| {
                    Row(vec![
                        whole(1),
                        whole(n.into()),
                        Cell::Bytes(vec![n, 0, 255 - n]),
                    ])
                })
                .collect(),
        ),
        ("history", vec![history(3, b""), history(7, &[0; 70_000])]),
        (
            "audit",
            vec![
                audit(1, Cell::Null, text(odd)),
                audit(2, whole(1000), Cell::Null),
            ],
        ),
        (
            "account",
            vec![Row(vec![
                whole(17),
                text("login"),
                text(odd),
                Cell::Null,
                whole(1),
                whole(5),
                whole(6),
            ])],
        ),
    ]
}

fn fill(store: &Store, tables: &[Table]) {
    store
        .write::<_, Error>(|c| {
            for (name, rows) in rows() {
                let table = tables.iter().find(|table| table.name == name).unwrap();
                put(c, table, &rows)?;
                if table.counted {
                    raise_number(c, table, 900)?;
                }
            }
            Ok(())
        })
        .unwrap();
}

fn all(store: &Store, tables: &[Table]) -> Vec<(String, Vec<Row>)> {
    store
        .read::<_, Error>(|c| {
            let mut found = Vec::new();
            for table in tables {
                let mut rows = Vec::new();
                each_page(c, table, |page| {
                    rows.extend(page.to_vec());
                    Ok(())
                })?;
                found.push((table.name.clone(), rows));
            }
            Ok(found)
        })
        .unwrap()
}

#[test]
fn every_cell_of_every_table_comes_back_as_it_was_and_no_number_is_given_out_twice() {
    let (_folder, path) = file();
    let (from, to) = (database(), database());
    let tables = {
        let (_other, path) = file();
        Portable::create(&path).unwrap().tables().unwrap()
    };
    assert!(tables.len() > 20, "{}", tables.len());
    fill(&from, &tables);
    let mut copy = Portable::create(&path).unwrap();
    let counts = from.read(|c| save(c, &mut copy)).unwrap();
    copy.finish().unwrap();
    let mut copy = Portable::open(&path).unwrap();
    assert_eq!(copy.counts().unwrap(), counts);
    assert!(copy.examine().unwrap().is_empty());
    // What stood in the other one gives way.
    to.write(|c| crate::store::meta::save(c, "older", "x"))
        .unwrap();
    to.write(|c| load(&mut copy, c)).unwrap();
    assert_eq!(all(&to, &tables), all(&from, &tables));
    to.write::<_, Error>(|c| {
        for table in tables.iter().filter(|table| table.counted) {
            let least = rows().iter().any(|(name, _)| *name == table.name);
            let last = last_number(c, table)?;
            assert_eq!(last == Some(900), least, "{}: {last:?}", table.name);
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_restored_copy_leaps_above_all_numbers_that_may_have_been_given_out_since() {
    let (_folder, path) = file();
    let mut copy = Portable::create(&path).unwrap();
    copy.leap_numbers(1000).unwrap();
    copy.finish().unwrap();
    let mut copy = Portable::open(&path).unwrap();
    let to = database();
    to.write(|c| load(&mut copy, c)).unwrap();
    for table in copy.tables().unwrap().iter().filter(|table| table.counted) {
        let last = to.read(|c| last_number(c, table)).unwrap();
        let least = if table.name == "device" { 1999 } else { 1000 };
        assert_eq!(last, Some(least), "{}", table.name);
    }
    // The next number that the database takes itself is above.
    let token = [5; 32];
    let new = crate::store::devices::NewDevice {
        account: sync_protocol::id::UserId(1),
        token_hash: &token,
        name: "x",
        leaves: None,
        now: 1,
    };
    let row = to
        .write(|c| crate::store::devices::insert(c, &new))
        .unwrap();
    assert_eq!(row.number, 2000);
}

#[test]
fn a_ledger_is_kept_byte_for_byte() {
    let (_folder, path) = file();
    for length in [0_usize, 1, 64 * 1024, 64 * 1024 + 1, 200_000] {
        let _ = std::fs::remove_file(&path);
        let ledger: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let mut copy = Portable::create(&path).unwrap();
        assert_eq!(
            copy.keep_ledger(&mut ledger.as_slice()).unwrap(),
            length as u64
        );
        copy.finish().unwrap();
        let mut copy = Portable::open(&path).unwrap();
        assert_eq!(copy.ledger_length().unwrap(), length as u64);
        let mut out = Vec::new();
        copy.write_ledger(&mut out).unwrap();
        assert!(out == ledger, "{length}");
    }
}
