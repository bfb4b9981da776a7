//! R7: statistical division codes: 12 digits = province, city, county, town (3), village (3), or a
//! prefix that ends at one of these levels. Codes are abolished and renumbered, so this checks the
//! form only; which codes exist is imported data, and a parent is what the area tree says.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaCode(String);

impl AreaCode {
    /// A whole code of 12 digits.
    pub fn parse(text: &str) -> Outcome<Self> {
        let checked = Self::parse_prefix(text)?;
        if checked.value.0.len() != 12 {
            return Err(Refused(reason::FORMAT));
        }
        Ok(checked)
    }

    /// A code that ends at any level: 2, 4, 6, 9 or 12 digits.
    pub fn parse_prefix(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        if !matches!(folded.len(), 2 | 4 | 6 | 9 | 12)
            || !folded.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(Refused(reason::FORMAT));
        }
        let part = |from: usize, to: usize| {
            folded
                .get(from..to)
                .and_then(|digits| digits.parse::<u16>().ok())
        };
        let town_odd = part(6, 9).is_some_and(|town| town > 599);
        let village_odd = part(9, 12).is_some_and(|village| village > 599);
        let warnings = if town_odd || village_odd {
            vec![reason::UNUSUAL]
        } else {
            Vec::new()
        };
        Ok(Checked {
            value: Self(folded),
            warnings,
        })
    }

    pub fn normalised(&self) -> &str {
        &self.0
    }

    /// Whether this code's digits lie inside another's. A plausibility check only.
    pub fn lies_in(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }
}
