//! Who is next among those that wait for the database: abnormal entries before other pushes, these
//! before consoles, and those before phones that only ask. One turn in a few goes to whoever has
//! waited longest, so that nobody is passed over for ever.

use std::collections::VecDeque;

/// How urgent a request is; the first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A phone that brings an abnormal entry.
    Abnormal,
    /// A phone that brings entries.
    Push,
    /// A person at a console, or the server itself.
    Desk,
    /// A phone that only asks.
    Pull,
}

const RANKS: usize = 4;
/// One turn in so many goes to whoever came first.
const OLDEST_EVERY: u64 = 8;

#[derive(Debug)]
pub(super) struct Line<T> {
    /// By rank; with the number under which each came.
    waiting: [VecDeque<(u64, T)>; RANKS],
    came: u64,
    turns: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: Default::default(),
            came: 0,
            turns: 0,
        }
    }
}

impl<T> Line<T> {
    pub(super) fn len(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    pub(super) fn push(&mut self, rank: Rank, one: T) {
        self.came += 1;
        self.waiting[rank as usize].push_back((self.came, one));
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.turns += 1;
        let by_age = self.turns.is_multiple_of(OLDEST_EVERY);
        let next = self
            .waiting
            .iter_mut()
            .filter(|rank| !rank.is_empty())
            .min_by_key(|rank| rank.front().filter(|_| by_age).map_or(0, |one| one.0))?;
        next.pop_front().map(|(_, one)| one)
    }

    /// Lets those go who no longer wait.
    pub(super) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        for rank in &mut self.waiting {
            rank.retain(|(_, one)| stays(one));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_go_before_pulls_and_a_fever_before_all() {
        let mut line = Line::default();
        for (rank, name) in [
            (Rank::Pull, "pull"),
            (Rank::Desk, "desk"),
            (Rank::Push, "first push"),
            (Rank::Push, "second push"),
            (Rank::Abnormal, "fever"),
        ] {
            line.push(rank, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
        assert_eq!(
            order,
            ["fever", "first push", "second push", "desk", "pull"]
        );
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn nobody_is_passed_over_for_ever() {
        let mut line = Line::default();
        line.push(Rank::Pull, usize::MAX);
        for number in 0..100 {
            line.push(Rank::Push, number);
        }
        let before = std::iter::from_fn(|| line.pop())
            .take_while(|one| *one != usize::MAX)
            .count();
        assert!(before < OLDEST_EVERY as usize, "{before} went before it");
    }
}
