//! How long others should stay away, from how many wait and how fast they leave. Chance comes in
//! as an argument and spreads the answers, so that those who left together do not come back together.

use std::time::Duration;

use sync_protocol::wire::NEXT_IN;

/// What the slowest machine does in a second; below this, a rate says that nothing was asked for.
const LEAST_RATE: f64 = 20.0;
const SHORTEST_SECONDS: u64 = 2;
const LONGEST_SECONDS: u64 = 120;
/// A wait that nobody minds: until then phones come as often as ever.
const EASY: Duration = Duration::from_secs(2);
/// Under load phones come this many times less often at most.
const RAREST: u32 = 6;

/// How many leave in a second, smoothed over the last few.
#[derive(Debug, Default)]
pub(super) struct Drain {
    rate: f64,
    second: u64,
    left: u32,
}

impl Drain {
    /// One left. Time counts from any fixed moment.
    pub(super) fn note(&mut self, now: Duration) {
        self.roll(now);
        self.left += 1;
    }

    pub(super) fn per_second(&mut self, now: Duration) -> f64 {
        self.roll(now);
        // The second under way counts as far as it goes: a rush is seen before it is over.
        self.rate.max(f64::from(self.left))
    }

    fn roll(&mut self, now: Duration) {
        let passed = now.as_secs().saturating_sub(self.second);
        if passed == 0 {
            return;
        }
        let idle = i32::try_from(passed - 1).unwrap_or(i32::MAX);
        self.rate = (self.rate + f64::from(self.left)) / 2.0 / 2.0_f64.powi(idle);
        self.left = 0;
        self.second = now.as_secs();
    }
}

/// How long so many take to leave.
pub(super) fn wait_for(depth: usize, per_second: f64) -> Duration {
    Duration::from_secs_f64(depth as f64 / per_second.max(LEAST_RATE))
}

/// What somebody hears who was turned away: to come when those who wait now will be gone, and
/// then spread over as long again.
pub(super) fn retry_after(wait: Duration, chance: u32) -> Duration {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = seconds.clamp(SHORTEST_SECONDS, LONGEST_SECONDS);
    Duration::from_secs(seconds + u64::from(chance) % (seconds + 1))
}

/// What somebody hears who was served: to come again at the usual time, later in proportion
/// where many wait, and spread over a tenth.
pub(super) fn next_in(wait: Duration, chance: u32) -> u32 {
    let times = (wait.as_secs_f64() / EASY.as_secs_f64()).clamp(1.0, f64::from(RAREST));
    let seconds = (f64::from(NEXT_IN) * times) as u32;
    seconds + chance % (seconds / 10 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_rate_follows_what_leaves_and_fades_when_nothing_does() {
        let mut drain = Drain::default();
        assert_eq!(drain.per_second(s(100)), 0.0);
        for second in 100..110 {
            (0..400).for_each(|_| drain.note(s(second)));
        }
        let rate = drain.per_second(s(110));
        assert!((395.0..=400.0).contains(&rate), "{rate}");
        assert!(
            drain.per_second(s(115)) < 20.0,
            "a frozen database drains nothing"
        );
        (0..900).for_each(|_| drain.note(s(115)));
        assert_eq!(drain.per_second(s(115)), 900.0, "a rush is seen at once");
    }

    #[test]
    fn whoever_is_turned_away_comes_back_when_the_others_are_gone_and_not_together() {
        let wait = wait_for(2_000, 400.0);
        assert_eq!(wait, s(5));
        let told: Vec<u64> = (0..1_000)
            .map(|n| retry_after(wait, n * 7).as_secs())
            .collect();
        assert!(told.iter().all(|seconds| (5..=10).contains(seconds)));
        for seconds in 5..=10 {
            let share = told.iter().filter(|one| **one == seconds).count();
            assert!((100..=250).contains(&share), "{share} at {seconds} s");
        }
        assert_eq!(retry_after(s(0), 0), s(2), "never at once");
        assert!(retry_after(wait_for(1_000_000, 0.0), u32::MAX) <= s(240));
    }

    #[test]
    fn phones_come_less_often_under_load_and_as_ever_without() {
        assert_eq!(next_in(s(0), 0), NEXT_IN);
        assert_eq!(next_in(wait_for(10, 0.0), 0), NEXT_IN);
        assert_eq!(next_in(s(4), 0), 2 * NEXT_IN);
        assert_eq!(next_in(s(3_600), 0), 6 * NEXT_IN);
        let told: std::collections::BTreeSet<u32> =
            (0..5_000).map(|chance| next_in(s(0), chance)).collect();
        assert_eq!(told.len(), 31, "spread over a tenth");
        assert_eq!(told.last(), Some(&(NEXT_IN + NEXT_IN / 10)));
    }
}
