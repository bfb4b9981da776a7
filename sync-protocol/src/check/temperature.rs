//! R10: body temperature in tenths of a degree Celsius, as an integer. Outside 25–45 °C is no
//! reading of a person; outside 34–42 °C is flagged. From which reading on somebody has a fever is
//! policy and not decided here.

use super::{Checked, Outcome, Refused, fold_bounded, reason};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Temperature(i64);

impl Temperature {
    /// The value as records carry it.
    pub fn from_tenths(tenths: i64) -> Outcome<Self> {
        if !(250..=450).contains(&tenths) {
            return Err(Refused(reason::RANGE));
        }
        let warnings = if (340..=420).contains(&tenths) {
            Vec::new()
        } else {
            vec![reason::IMPLAUSIBLE]
        };
        Ok(Checked {
            value: Self(tenths),
            warnings,
        })
    }

    /// What a person types or a thermometer prints: `36.5`, `36,5`, `36.5℃`, `97.7F`. A bare number
    /// that only makes sense in another unit is taken so, with a warning: the screen asks.
    pub fn read(text: &str) -> Outcome<Self> {
        let folded = fold_bounded(text)?;
        let (number, unit) = split_unit(&folded);
        let tenths = tenths_of(number).ok_or(Refused(reason::FORMAT))?;
        let (celsius, unclear) = match unit {
            Some('F') => (from_fahrenheit(tenths), false),
            Some(_) => (tenths, false),
            None if (250..=450).contains(&tenths) => (tenths, false),
            None if (2500..=4500).contains(&tenths) && tenths % 10 == 0 => (tenths / 10, true),
            None if (770..=1130).contains(&tenths) => (from_fahrenheit(tenths), true),
            None => return Err(Refused(reason::RANGE)),
        };
        let mut checked = Self::from_tenths(celsius)?;
        if unclear {
            checked.warnings.push(reason::UNIT_UNCLEAR);
        }
        Ok(checked)
    }

    pub fn tenths(self) -> i64 {
        self.0
    }
}

fn split_unit(text: &str) -> (&str, Option<char>) {
    for unit in ['C', 'F'] {
        if let Some(number) = text.strip_suffix(unit) {
            return (number.trim_end_matches('°').trim(), Some(unit));
        }
    }
    (text.trim_end_matches('°').trim(), None)
}

/// Tenths of a decimal with a point or comma; further decimals round half up.
fn tenths_of(number: &str) -> Option<i64> {
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    let digits = |text: &str, most: usize| {
        (!text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit()))
            .then_some(())
    };
    digits(whole, 4)?;
    digits(part, 6)?;
    let hundredths: i64 = format!("{part:0<2}").get(..2)?.parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 10 + (hundredths + 5) / 10)
}

fn from_fahrenheit(tenths: i64) -> i64 {
    ((tenths - 320) * 10 + 9).div_euclid(18)
}
