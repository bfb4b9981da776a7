//! Numbers and marks of one device: what of a push is new, what came before, and whether two
//! phones use one number (I3, I16). Pure.

use sync_protocol::Seq;
use sync_protocol::mark::Mark;

/// Marks of the last pushes that moved `ack`: those of the newest, repeats included, and of the
/// one before it. A phone resends at most what it has no reply for, so older ones are not needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    newest: Run,
    before: Run,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Run {
    from: Seq,
    marks: Vec<Mark>,
}

impl Run {
    fn mark(&self, seq: Seq) -> Option<Mark> {
        let at = usize::try_from(seq.checked_sub(self.from)?).ok()?;
        self.marks.get(at).copied()
    }
}

/// What a push is to this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The first `skip` changes are known already; the rest is new.
    Proceed {
        /// How many changes were seen before.
        skip: usize,
    },
    /// Changes are missing between what is known and what came.
    Gap {
        /// The number that is expected next.
        expected: Seq,
        /// The mark before it.
        after: Option<Mark>,
    },
    /// Another phone has used these numbers.
    Fork,
}

impl Marks {
    /// The mark of a change, if it is among the kept ones.
    pub fn mark(&self, seq: Seq) -> Option<Mark> {
        self.newest.mark(seq).or_else(|| self.before.mark(seq))
    }

    /// Judges a push of `marks`, numbered from `from`, by a device whose changes up to `ack` are known.
    pub fn judge(&self, ack: Seq, from: Seq, after: Option<Mark>, marks: &[Mark]) -> Judgement {
        if from > ack + 1 {
            return Judgement::Gap {
                expected: ack + 1,
                after: self.mark(ack),
            };
        }
        if from > 1 && self.mark(from - 1) != after {
            return Judgement::Fork;
        }
        let known = usize::try_from(ack + 1 - from).unwrap_or(usize::MAX);
        // What is known must be the same content, as far as it was sent.
        for (seq, mark) in (from..).zip(marks.iter().take(known)) {
            if self.mark(seq) != Some(*mark) {
                return Judgement::Fork;
            }
        }
        Judgement::Proceed {
            skip: known.min(marks.len()),
        }
    }

    /// Notes a push that moved `ack`, with the mark that it stood on: a phone that gets no reply
    /// twice in a row stands on that mark again, when the push before these two is forgotten.
    pub fn push(&mut self, from: Seq, after: Option<Mark>, marks: &[Mark]) {
        let stood_on = after.filter(|_| from > 1);
        let run = Run {
            from: from - u64::from(stood_on.is_some()),
            marks: stood_on.into_iter().chain(marks.iter().copied()).collect(),
        };
        self.before = std::mem::replace(&mut self.newest, run);
    }

    /// As bytes for the device's row: per run its first number, its length, its marks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(32 + 8 * (self.newest.marks.len() + self.before.marks.len()));
        for run in [&self.newest, &self.before] {
            bytes.extend(run.from.to_be_bytes());
            bytes.extend((run.marks.len() as u64).to_be_bytes());
            run.marks.iter().for_each(|mark| bytes.extend(mark.0));
        }
        bytes
    }

    /// From the bytes of the device's row; `None` if they are not what [`Marks::to_bytes`] writes.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let mut run = || -> Option<Run> {
            let mut word = || {
                let (word, rest) = bytes.split_first_chunk::<8>()?;
                bytes = rest;
                Some(*word)
            };
            let from = u64::from_be_bytes(word()?);
            let count = u64::from_be_bytes(word()?);
            let marks = (0..count)
                .map(|_| word().map(Mark))
                .collect::<Option<Vec<_>>>()?;
            Some(Run { from, marks })
        };
        let (newest, before) = (run()?, run()?);
        Some(Self { newest, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(range: std::ops::RangeInclusive<u64>) -> Vec<Mark> {
        range.map(|n| Mark::of(n, b"line")).collect()
    }

    fn known_to_20() -> Marks {
        let mut known = Marks::default();
        known.push(1, None, &marks(1..=10));
        known.push(11, after(10), &marks(11..=20));
        known
    }

    fn after(seq: u64) -> Option<Mark> {
        Some(Mark::of(seq, b"line"))
    }

    #[test]
    fn i3_what_was_seen_before_is_skipped() {
        let known = known_to_20();
        assert_eq!(
            known.judge(20, 21, after(20), &marks(21..=22)),
            Judgement::Proceed { skip: 0 }
        );
        assert_eq!(
            known.judge(20, 11, after(10), &marks(11..=22)),
            Judgement::Proceed { skip: 10 }
        );
        assert_eq!(
            known.judge(20, 5, after(4), &marks(5..=6)),
            Judgement::Proceed { skip: 2 }
        );
        assert_eq!(
            known.judge(20, 21, after(20), &[]),
            Judgement::Proceed { skip: 0 }
        );
        assert_eq!(
            Marks::default().judge(0, 1, None, &marks(1..=1)),
            Judgement::Proceed { skip: 0 }
        );
    }

    #[test]
    fn i16_other_content_under_a_known_number_is_a_fork() {
        let known = known_to_20();
        let mut other = marks(11..=20);
        other[9] = Mark::of(20, b"another line");
        assert_eq!(known.judge(20, 11, after(10), &other), Judgement::Fork);
        assert_eq!(
            known.judge(20, 21, Some(Mark::of(20, b"another line")), &[]),
            Judgement::Fork
        );
    }

    #[test]
    fn a_phone_that_forgot_its_marks_may_ask_where_it_stands() {
        let known = known_to_20();
        assert_eq!(
            known.judge(20, 1, None, &[]),
            Judgement::Proceed { skip: 0 }
        );
    }

    #[test]
    fn i16_numbers_older_than_the_kept_marks_are_a_fork() {
        let mut known = known_to_20();
        known.push(21, after(20), &marks(21..=30));
        assert_eq!(known.judge(30, 5, after(4), &marks(5..=6)), Judgement::Fork);
    }

    #[test]
    fn a_hole_is_a_gap_that_names_what_is_expected() {
        let known = known_to_20();
        assert_eq!(
            known.judge(20, 25, after(24), &marks(25..=26)),
            Judgement::Gap {
                expected: 21,
                after: after(20)
            }
        );
        assert_eq!(
            Marks::default().judge(0, 2, after(1), &[]),
            Judgement::Gap {
                expected: 1,
                after: None
            }
        );
    }

    #[test]
    fn i3_replies_lost_in_a_row_are_no_fork() {
        let mut known = known_to_20();
        let mut ack = 20;
        for last in 25..=40 {
            let again = marks(21..=last);
            let skip = usize::try_from(ack - 20).unwrap();
            assert_eq!(
                known.judge(ack, 21, after(20), &again),
                Judgement::Proceed { skip }
            );
            ack = last;
            known.push(21, after(20), &again);
        }
    }

    #[test]
    fn marks_survive_the_database() {
        let known = known_to_20();
        assert_eq!(Marks::from_bytes(&known.to_bytes()), Some(known.clone()));
        assert_eq!(Marks::from_bytes(&[]), Some(Marks::default()));
        assert_eq!(Marks::from_bytes(&known.to_bytes()[..50]), None);
    }
}
