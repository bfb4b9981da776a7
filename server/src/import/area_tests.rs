//! Lists of areas.

use super::Report;
use crate::accounts::Error;
use crate::accounts::fixture::District;
use crate::store::areas as rows;

fn load(district: &District, list: &str) -> Report {
    district
        .store
        .write::<_, Error>(|c| super::areas(c, list.as_bytes()))
        .unwrap()
}

fn count(district: &District) -> i64 {
    district.store.read(rows::count).unwrap()
}

#[test]
fn rows_and_columns_come_in_any_order() {
    let district = District::build();
    let list = "\u{feff}Level,name,PARENT,code\ngrid,网格一,V31,G311\nvillage,村三,T3,V31\ntown,镇三,999999,T3\n";
    let report = load(&district, list);
    assert_eq!((report.rows, report.added, report.bad), (3, 3, 0));
    let row = district
        .store
        .read(|c| rows::by_code(c, "G311"))
        .unwrap()
        .unwrap();
    assert_eq!(row.path, "/9999/999999/T3/V31/G311/");
    let again = load(&district, &list.replace("网格一", "网格壹"));
    assert_eq!((again.added, again.changed, again.unchanged), (0, 1, 2));
}

#[test]
fn with_one_bad_row_nothing_is_imported_and_each_bad_row_is_named() {
    let district = District::build();
    let before = count(&district);
    let list = "code,parent,level,name,timezone\n\
        G9,V11,grid,good,\n\
        G 9,V11,grid,bad code,\n\
        G8,V99,grid,no parent,\n\
        G9,V11,grid,twice,\n\
        G7,V11,Grid,bad level,\n\
        G6,V11,grid,,\n\
        A,B,grid,circle,\n\
        B,A,grid,circle,\n\
        V11,T2,village,moved,\n\
        G5,V11,grid,zone,Mars/Olympus\n\
        G4,V11\n";
    let report = load(&district, list);
    let lines: Vec<_> = report
        .listed
        .iter()
        .map(|bad| (bad.line, bad.column.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (3, "code"),
            (4, "parent"),
            (5, "code"),
            (6, "level"),
            (7, "name"),
            (8, "parent"),
            (9, "parent"),
            (10, "parent"),
            (11, "timezone"),
            (12, "level"),
        ]
    );
    assert_eq!((report.rows, report.bad, report.added), (11, 10, 0));
    assert_eq!(count(&district), before);
    assert!(
        !format!("{report:?}").contains("Mars"),
        "what stood there is not repeated"
    );
}

#[test]
fn a_list_without_its_columns_or_in_another_encoding_is_refused() {
    let district = District::build();
    for list in [
        "",
        "code;parent;level;name\n",
        "code,level,name\nA,grid,x\n",
    ] {
        assert!(load(&district, list).bad > 0, "{list}");
    }
    let report = district
        .store
        .write::<_, Error>(|c| {
            super::areas(c, &b"code,parent,level,name\nG9,V11,grid,\xb4\xe5\n"[..])
        })
        .unwrap();
    assert_eq!(report.listed[0].reason, "not UTF-8");
}

#[test]
fn a_tree_that_is_too_deep_is_refused_before_it_is_walked_for_ever() {
    let district = District::build();
    let rows: String = (0..40)
        .map(|n| {
            format!(
                "D{n},{},grid,x\n",
                if n == 0 {
                    "V11".into()
                } else {
                    format!("D{}", n - 1)
                }
            )
        })
        .collect();
    let report = load(&district, &format!("code,parent,level,name\n{rows}"));
    assert_eq!(
        report.bad,
        40 - 12,
        "the village stands on the fourth level"
    );
}
