//! Heads and cursors. A scope has one counter, its head; every row and exit written takes a head
//! of its own, so a pull is "what stands above my cursor". Numbers are never used twice, also
//! when yesterday's copy of the database is put back: a new epoch makes every head leap.

use serde::{Deserialize, Serialize};

use crate::Rev;

/// Leaps remembered per scope, the newest. A leap is made by the first write after a server's start. A
/// cursor inside one that is forgotten passes for good; the digest of the scope gives it away (ADR 0027).
pub const MAX_LEAPS: usize = 64;

/// The counter of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// The last number given out; 0 before the first.
    pub head: Rev,
    /// Stretches in which no number was given out: (last before, first after).
    pub leaps: Vec<(Rev, Rev)>,
}

/// What a cursor is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Serve what stands above it.
    Good,
    /// The device holds nothing yet: serve all, without saying so.
    Start,
    /// Serve all from 0 with `reset`, so that the device sweeps what it held.
    Void,
}

impl Head {
    /// Gives out the next number under this epoch.
    pub fn take(&mut self, epoch: Rev) -> Rev {
        let next = (self.head + 1).max(epoch);
        if next > self.head + 1 {
            self.leaps.push((self.head, next));
            if self.leaps.len() > MAX_LEAPS {
                self.leaps.remove(0);
            }
        }
        self.head = next;
        next
    }

    /// Judges a cursor: void inside a leap or above the head. However old it is otherwise, it is good:
    /// it may be that of a phone between two pages, which would never see the last one.
    #[must_use]
    pub fn judge(&self, cursor: Rev) -> Worth {
        if cursor == 0 {
            Worth::Start
        } else if cursor > self.head
            || self
                .leaps
                .iter()
                .any(|&(before, after)| before < cursor && cursor < after)
        {
            Worth::Void
        } else {
            Worth::Good
        }
    }
}

/// The next revision of a record under this epoch.
#[must_use]
pub fn next_rev(rev: Rev, epoch: Rev) -> Rev {
    (rev + 1).max(epoch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_from_a_lost_future_is_void_even_after_new_writes() {
        let mut backup = Head::default();
        for _ in 0..100 {
            backup.take(1_000);
        }
        let mut lost = backup.clone();
        for _ in 0..50 {
            lost.take(1_000);
        }
        assert_eq!(backup.judge(lost.head), Worth::Void);
        backup.take(5_000);
        assert_eq!(backup.judge(lost.head), Worth::Void);
        assert_eq!(backup.judge(1_099), Worth::Good);
        assert_eq!(backup.judge(5_000), Worth::Good);
    }

    proptest! {
        #[test]
        fn i1_no_number_is_given_out_twice_and_every_given_number_is_a_good_cursor(
            epochs in proptest::collection::vec((1_u64..2_000, 1_usize..6), 1..100),
        ) {
            let mut head = Head::default();
            let mut given = Vec::new();
            let mut epoch = 0;
            for (step, writes) in epochs {
                epoch += step;
                for _ in 0..writes {
                    let next = head.take(epoch);
                    prop_assert!(given.last().is_none_or(|last| *last < next));
                    prop_assert!(next >= epoch);
                    given.push(next);
                }
            }
            for cursor in 1..=head.head + 2 {
                let is_remembered = head.leaps.first().is_none_or(|leap| cursor > leap.0);
                let good = given.contains(&cursor) || !is_remembered;
                prop_assert_eq!(head.judge(cursor) == Worth::Good, good, "cursor {}", cursor);
            }
        }
    }
}
