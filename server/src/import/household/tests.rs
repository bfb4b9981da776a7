//! Household lists as they come, and what becomes of each row.

use super::*;
use crate::app::App;
use crate::clock::{BUILD, Clock};
use crate::demo::district::{Scale, build};
use crate::sync::job::{Answer, Job, Moved, Movement, Written};

const NOW: Millis = BUILD + 1_000_000;
const GRID: &str = "999999001001-01";

struct Trial {
    engine: Engine,
    officer: UserId,
    folder: tempfile::TempDir,
}

fn trial() -> Trial {
    let app = App::trial(Clock::manual(NOW)).unwrap();
    let district = app
        .store
        .write(|connection| build(connection, Scale::Small, "x", NOW))
        .unwrap();
    Trial {
        engine: app.engine().unwrap(),
        officer: district.officer,
        folder: tempfile::tempdir().unwrap(),
    }
}

impl Trial {
    fn import(&self, list: &str) -> Imported {
        let file = self.folder.path().join("list.csv");
        std::fs::write(&file, list).unwrap();
        import(&self.engine, &file, self.officer, NOW, |_| {}).unwrap()
    }

    fn households(&self) -> Vec<sync_protocol::record::Record> {
        self.engine
            .store()
            .read::<_, Error>(|connection| {
                let name = format!("grid:{GRID}");
                let rows = scopes::by_names(connection, &[name])?;
                let Some(scope) = rows.first() else {
                    return Ok(Vec::new());
                };
                let rows = records::in_scope(connection, scope.id)?;
                rows.iter().map(records::RecordRow::record).collect()
            })
            .unwrap()
    }
}

fn brought(imported: Imported) -> (u64, u64, u64) {
    match imported {
        Imported::Done(done) => (done.created, done.updated, done.unchanged),
        Imported::Bad { rows, .. } => panic!("bad rows: {rows:?}"),
    }
}

#[test]
fn a_list_comes_in_and_the_same_list_again_changes_nothing() {
    let trial = trial();
    let list = format!(
        "\u{feff}grid,number,room,phone,member_name,id_number,document,key_groups\n\
         {GRID},0001,101,13800000001,王伟,999999199001011238,resident_id,over_60;chronic_illness\n\
         {GRID},0001,101,13800000001,李娜,,,\n\
         {GRID},0002,102,,,,,\n"
    );
    assert_eq!(brought(trial.import(&list)), (2, 0, 0));
    assert_eq!(brought(trial.import(&list)), (0, 0, 2));
    let changed = list.replace("102", "103");
    assert_eq!(brought(trial.import(&changed)), (0, 1, 1));
    let households = trial.households();
    assert_eq!(households.len(), 2);
    let members: Vec<usize> = households
        .iter()
        .map(|record| {
            let names = record.fields.keys();
            names.filter(|name| name.starts_with("members/")).count()
        })
        .collect();
    assert_eq!(members.iter().sum::<usize>(), 2);
    assert!(
        households
            .iter()
            .all(|record| record.conflicts().count() == 0)
    );
}

#[test]
fn a_row_whose_household_stands_in_another_grid_is_bad_and_nothing_is_written_there() {
    let trial = trial();
    let other = GRID.replace("-01", "-02");
    let there = format!("grid,number,phone\n{other},0009,13800000009\n");
    assert_eq!(brought(trial.import(&there)), (1, 0, 0));
    // One stood here and was moved; another was put where the list will lead, by its id.
    let list = format!("grid,number,phone\n{GRID},0001,13800000001\n");
    assert_eq!(brought(trial.import(&list)), (1, 0, 0));
    let moved = derived_id(KIND, GRID, "0001");
    let movement = Movement {
        record: moved,
        to: Place::new("grid", &other).unwrap(),
        user: trial.officer,
    };
    let answer = trial.engine.submit(Job::Move(movement)).unwrap();
    assert!(matches!(answer, Answer::Move(Moved::Done(1))));
    let taken = Change {
        heading: Heading {
            era: 0,
            schema: 1,
            stamp: trial.engine.stamp(),
            kind: KIND.to_owned(),
            record: derived_id(KIND, GRID, "0002"),
            base: None,
            saw: None,
            scope: Place::new("grid", &other).ok(),
            parent: None,
            whole: false,
        },
        set: serde_json::from_str(r#"{"number":"0002"}"#).unwrap(),
    };
    let user = trial.officer;
    let written = Written {
        change: taken,
        user,
    };
    trial.engine.submit(Job::Write(vec![written])).unwrap();
    let list = format!(
        "grid,number,phone,member_name\n\
         {GRID},0003,13800000003,\n\
         {GRID},0001,13800000011,王伟\n\
         {GRID},0001,13800000011,李娜\n\
         {GRID},0002,13800000012,\n"
    );
    let Imported::Bad { rows, count } = trial.import(&list) else {
        panic!("it came in");
    };
    let named: Vec<(u64, &str)> = rows
        .iter()
        .map(|row| (row.line, row.column.as_str()))
        .collect();
    assert_eq!((named, count), (vec![(3, "grid"), (5, "grid")], 2));
    assert!(rows[0].reason.contains("move"), "{}", rows[0].reason);
    assert!(trial.households().is_empty());
}

#[test]
fn with_one_bad_row_nothing_comes_in_and_each_is_named_without_its_value() {
    let trial = trial();
    let list = format!(
        "grid,number,phone,member_name,id_number,document\n\
         {GRID},0001,13800000001,王伟,,\n\
         {GRID},0002,12345,李娜,,\n\
         nowhere,0003,,,,\n\
         {GRID},0004,,张三,999999199001011237,resident_id\n\
         {GRID},0001,,赵六,,\n"
    );
    let Imported::Bad { rows, count } = trial.import(&list) else {
        panic!("it came in");
    };
    let named: Vec<(u64, &str)> = rows
        .iter()
        .map(|row| (row.line, row.column.as_str()))
        .collect();
    assert_eq!(
        named,
        [(3, "phone"), (4, "grid"), (5, "id_number"), (6, "number")]
    );
    assert_eq!(count, 4);
    let text = serde_json::to_string(&rows).unwrap();
    assert!(!text.contains("12345") && !text.contains("999999199001011237"));
    assert!(trial.households().is_empty());
}
