//! Which side ledger a restored database goes on with. What other ledgers hold beside it is done again
//! by [`super::restore::finish`]. Pure.

use super::Error;
use crate::ledger::Looked;

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

/// Chooses. `known` is the ledger that the copy belongs to, and how much of it it knows.
pub fn choose(
    known: Option<&(String, u64)>,
    at_hand: &AtHand,
    insist: bool,
) -> Result<Chosen, Error> {
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
    match (best, known) {
        (Some((chosen, _)), _) => Ok(chosen),
        (None, None) => Ok(Chosen::None),
        (None, Some(_)) if !insist => Err(Error::NoLedger),
        (None, Some(_)) if at_hand.inside.as_ref().is_some_and(|inside| fits(&inside)) => {
            Ok(Chosen::Inside)
        }
        (None, Some(_)) => Ok(Chosen::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(id: &str, end: u64) -> Looked {
        Looked {
            id: Some(id.to_owned()),
            end,
        }
    }

    fn known(end: u64) -> Option<(String, u64)> {
        Some(("a".to_owned(), end))
    }

    #[test]
    fn the_longest_of_the_right_ledgers_is_gone_on_with() {
        let at_hand = AtHand {
            in_place: Some(ledger("a", 30)),
            given: vec![ledger("a", 40), ledger("a", 20)],
            inside: Some(ledger("a", 20)),
        };
        let chosen = choose(known(20).as_ref(), &at_hand, false).unwrap();
        assert_eq!(chosen, Chosen::Given(0));
        let at_hand = AtHand {
            given: vec![ledger("a", 30)],
            ..at_hand
        };
        let chosen = choose(known(20).as_ref(), &at_hand, false).unwrap();
        assert_eq!(chosen, Chosen::InPlace, "of two as long");
    }

    #[test]
    fn without_a_ledger_that_goes_on_from_the_backup_nothing_is_restored_unless_somebody_insists() {
        let only_inside = AtHand {
            in_place: Some(ledger("b", 70)),
            given: vec![ledger("a", 10)],
            inside: Some(ledger("a", 20)),
        };
        let refused = choose(known(20).as_ref(), &only_inside, false);
        assert!(matches!(refused, Err(Error::NoLedger)));
        let chosen = choose(known(20).as_ref(), &only_inside, true).unwrap();
        assert_eq!(chosen, Chosen::Inside);
        let nothing = AtHand::default();
        assert!(choose(known(20).as_ref(), &nothing, false).is_err());
        let chosen = choose(known(20).as_ref(), &nothing, true).unwrap();
        assert_eq!(chosen, Chosen::None);
    }

    #[test]
    fn a_database_that_never_had_a_ledger_needs_none() {
        let chosen = choose(None, &AtHand::default(), false).unwrap();
        assert_eq!(chosen, Chosen::None);
    }
}
