//! What is computed from measurements: medians, percentiles, ratios. Pure.

use serde::Serialize;

/// Of times taken: the middle one, and what 95 and 99 of 100 stay below. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Spread {
    /// Of these times, in milliseconds.
    pub fn of(times: &[f64]) -> Self {
        let sorted = sorted(times);
        Self {
            p50: percentile(&sorted, 50),
            p95: percentile(&sorted, 95),
            p99: percentile(&sorted, 99),
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The smallest value that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// The middle value; of an even number of them, the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let half = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 || sorted.is_empty() {
        at(half)
    } else {
        f64::midpoint(at(half - 1), at(half))
    }
}

/// One figure by another; nothing where there is nothing to divide by.
pub fn ratio(value: f64, by: f64) -> Option<f64> {
    (by > 0.0 && value.is_finite()).then(|| value / by)
}

/// The median of the ratios of what was measured side by side, round by round.
pub fn median_ratio(values: &[f64], by: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = values
        .iter()
        .zip(by)
        .filter_map(|(value, by)| ratio(*value, *by))
        .collect();
    (!ratios.is_empty()).then(|| median(&ratios))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let spread = Spread::of(&times);
        assert_eq!((spread.p50, spread.p95, spread.p99), (100.0, 190.0, 198.0));
        assert_eq!(Spread::of(&[7.0]).p99, 7.0);
        assert_eq!(Spread::of(&[]), Spread::default());
    }

    #[test]
    fn the_median_does_not_care_for_one_wild_round() {
        assert_eq!(median(&[3.0, 900.0, 1.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 900.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_ratio_compares_what_was_measured_side_by_side() {
        // The machine slowed down to half in the second round: the ratio does not see it.
        assert_eq!(median_ratio(&[20.0, 10.0], &[10.0, 5.0]), Some(2.0));
        assert_eq!(median_ratio(&[20.0], &[0.0]), None);
        assert_eq!(ratio(1.0, 4.0), Some(0.25));
    }
}
