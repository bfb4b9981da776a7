//! Verifying a copy by opening it: that the file is whole, that it has the tables of this program,
//! that it holds as many rows as what it was copied from, and that every scope holds what it says.

use super::Error;
use crate::store::portable::Portable;
use crate::store::recount;

/// Verifies a copy. `counts` are the rows of the snapshot, where that is at hand.
pub(super) fn run(copy: &mut Portable, counts: Option<&[(String, i64)]>) -> Result<u64, Error> {
    let faults = copy.examine()?;
    if let Some(first) = faults.first() {
        return Err(Error::Unsound(format!("{} faults: {first}", faults.len())));
    }
    let pending = copy.pending_migrations()?;
    if let Some(first) = pending.first() {
        return Err(Error::Unsound(format!("the migration {first} is missing")));
    }
    let held = copy.counts()?;
    if let Some(counts) = counts
        && let Some(wrong) = differing(counts, &held)
    {
        return Err(Error::Unsound(wrong));
    }
    let recounted = recount::run(copy.connection())?;
    if recounted.wrong > 0 {
        return Err(Error::Unsound(format!(
            "{} scopes do not hold what they say they hold",
            recounted.wrong
        )));
    }
    Ok(recounted.records)
}

/// The first table that holds another number of rows than it should.
fn differing(wanted: &[(String, i64)], held: &[(String, i64)]) -> Option<String> {
    if wanted.len() != held.len() {
        return Some("it has other tables".to_owned());
    }
    wanted
        .iter()
        .zip(held)
        .find(|(a, b)| a != b)
        .map(|(wanted, held)| {
            format!(
                "{} holds {} rows where the snapshot has {}",
                held.0, held.1, wanted.1
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_another_number_of_rows_is_named() {
        let counts = |a: i64, b: i64| [("record".to_owned(), a), ("scope".to_owned(), b)];
        assert_eq!(differing(&counts(3, 2), &counts(3, 2)), None);
        let wrong = differing(&counts(3, 2), &counts(3, 1)).unwrap();
        assert_eq!(wrong, "scope holds 1 rows where the snapshot has 2");
        assert!(differing(&counts(3, 2)[..1], &counts(3, 2)).is_some());
    }

    #[test]
    fn a_copy_whose_scopes_do_not_hold_what_they_say_is_not_sound() {
        use crate::store::bulk::put_holdings;
        use crate::store::scopes::{HoldingRow, create};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        let mut copy = Portable::create(&path).unwrap();
        let scope = create(copy.connection(), &"grid:G1".parse().unwrap()).unwrap();
        let held = |count| HoldingRow {
            scope_id: scope.id,
            kind: "x".to_owned(),
            count,
            digest: 0,
        };
        put_holdings(copy.connection(), &[held(0)]).unwrap();
        let counts = copy.counts().unwrap();
        // The scope's area is not there, either.
        let refused = run(&mut copy, Some(&counts)).err().unwrap();
        assert!(refused.to_string().contains("scope"), "{refused}");
        let recounted = |copy: &mut Portable| recount::run(copy.connection()).unwrap().wrong;
        assert_eq!(recounted(&mut copy), 0);
        put_holdings(copy.connection(), &[held(1)]).unwrap();
        assert_eq!(recounted(&mut copy), 1);
    }
}
