//! Which side ledger a restored database goes on with, and what of other ledgers must be done again
//! beside it. Pure.

use super::Error;
use crate::ledger::{Entry, Looked};

/// The ledgers at hand.
#[derive(Debug, Clone, Default)]
pub struct AtHand {
    /// The one that stands where the server looks for it.
    pub in_place: Option<Looked>,
    /// Those that the operator named.
    pub given: Vec<Looked>,
    /// The one that was copied into the backup: as old as the backup, so it knows nothing that the
    /// backup does not.
    pub inside: Option<Looked>,
}

/// Where the ledger to go on with is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    InPlace,
    /// The place in the list of those that were named.
    Given(usize),
    Inside,
    /// There is none: one is begun.
    None,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub chosen: Chosen,
    /// What other named ledgers hold and the chosen one does not.
    pub more: Vec<Entry>,
}

/// Chooses. `known` is the ledger that the copy belongs to, and how much of it it knows.
pub fn choose(
    known: Option<&(String, u64)>,
    at_hand: &AtHand,
    insist: bool,
) -> Result<Plan, Error> {
    let fits = |looked: &&Looked| match known {
        Some((id, end)) => looked.id.as_ref() == Some(id) && looked.end >= *end,
        None => true,
    };
    let in_place = at_hand
        .in_place
        .iter()
        .map(|looked| (Chosen::InPlace, looked));
    let given = at_hand.given.iter().enumerate();
    let given = given.map(|(place, looked)| (Chosen::Given(place), looked));
    // The longest knows most; of two as long, the one in place stays.
    let best = given
        .chain(in_place)
        .filter(|(_, looked)| fits(looked))
        .max_by_key(|(_, looked)| looked.end);
    let (chosen, held) = match (best, known) {
        (Some((chosen, looked)), _) => (chosen, looked.entries.as_slice()),
        (None, None) => (Chosen::None, &[][..]),
        (None, Some(_)) if !insist => return Err(Error::NoLedger),
        (None, Some(_)) => match at_hand.inside.as_ref().filter(fits) {
            Some(inside) => (Chosen::Inside, inside.entries.as_slice()),
            None => (Chosen::None, &[][..]),
        },
    };
    let others = at_hand.given.iter().enumerate();
    let others = others.filter(|(place, _)| chosen != Chosen::Given(*place));
    let mut more: Vec<Entry> = Vec::new();
    for entry in others.flat_map(|(_, looked)| &looked.entries) {
        if !held.contains(entry) && !more.contains(entry) {
            more.push(entry.clone());
        }
    }
    Ok(Plan { chosen, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(id: &str, epochs: &[u64]) -> Looked {
        Looked {
            id: Some(id.to_owned()),
            entries: epochs
                .iter()
                .map(|epoch| Entry::Epoch {
                    epoch: *epoch,
                    at: 0,
                })
                .collect(),
            end: 10 * (1 + epochs.len() as u64),
        }
    }

    fn known(end: u64) -> Option<(String, u64)> {
        Some(("a".to_owned(), end))
    }

    #[test]
    fn the_longest_of_the_right_ledgers_is_gone_on_with() {
        let at_hand = AtHand {
            in_place: Some(ledger("a", &[1, 2])),
            given: vec![ledger("a", &[1, 2, 3]), ledger("a", &[1])],
            inside: Some(ledger("a", &[1])),
        };
        let plan = choose(known(20).as_ref(), &at_hand, false).unwrap();
        assert_eq!((plan.chosen, plan.more), (Chosen::Given(0), vec![]));
        let at_hand = AtHand {
            given: vec![ledger("a", &[1, 2])],
            ..at_hand
        };
        let plan = choose(known(20).as_ref(), &at_hand, false).unwrap();
        assert_eq!(plan.chosen, Chosen::InPlace, "of two as long");
    }

    #[test]
    fn what_only_another_named_ledger_holds_is_done_again_too() {
        let at_hand = AtHand {
            in_place: Some(ledger("a", &[1, 2, 3, 4])),
            given: vec![ledger("a", &[1, 2, 9]), ledger("b", &[7, 7])],
            inside: None,
        };
        let plan = choose(known(20).as_ref(), &at_hand, false).unwrap();
        assert_eq!(plan.chosen, Chosen::InPlace);
        assert_eq!(plan.more, [ledger("x", &[9, 7]).entries].concat());
    }

    #[test]
    fn without_a_ledger_that_goes_on_from_the_backup_nothing_is_restored_unless_somebody_insists() {
        let only_inside = AtHand {
            in_place: Some(ledger("b", &[1, 2, 3, 4, 5, 6])),
            given: vec![ledger("a", &[])],
            inside: Some(ledger("a", &[1])),
        };
        let refused = choose(known(20).as_ref(), &only_inside, false);
        assert!(matches!(refused, Err(Error::NoLedger)));
        let plan = choose(known(20).as_ref(), &only_inside, true).unwrap();
        assert_eq!(plan.chosen, Chosen::Inside);
        let nothing = AtHand::default();
        assert!(choose(known(20).as_ref(), &nothing, false).is_err());
        let plan = choose(known(20).as_ref(), &nothing, true).unwrap();
        assert_eq!(plan.chosen, Chosen::None);
    }

    #[test]
    fn a_database_that_never_had_a_ledger_needs_none() {
        let plan = choose(None, &AtHand::default(), false).unwrap();
        assert_eq!(plan.chosen, Chosen::None);
    }
}
