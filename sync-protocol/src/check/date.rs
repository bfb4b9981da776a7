//! Calendar dates, `YYYY-MM-DD`, that exist. Where a kind allows partial dates, `YYYY-MM` and `YYYY`
//! too: many people know the year of their birth only.

use chrono::NaiveDate;

use super::{Checked, Outcome, Refused, reason};

/// A date as precise as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub first_day: NaiveDate,
    pub precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Year,
    Month,
    Day,
}

impl Date {
    pub fn parse(text: &str, partial: bool) -> Outcome<Self> {
        let shape: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .take(11)
            .collect();
        let precision = match shape.as_str() {
            "0000-00-00" => Precision::Day,
            "0000-00" if partial => Precision::Month,
            "0000" if partial => Precision::Year,
            "" => return Err(Refused(reason::EMPTY)),
            _ => return Err(Refused(reason::FORMAT)),
        };
        let number = |from: usize, to: usize| {
            text.get(from..to)
                .and_then(|digits| digits.parse::<u32>().ok())
        };
        let year = number(0, 4)
            .and_then(|year| i32::try_from(year).ok())
            .unwrap_or(0);
        let first_day =
            NaiveDate::from_ymd_opt(year, number(5, 7).unwrap_or(1), number(8, 10).unwrap_or(1))
                .ok_or(Refused(reason::DATE))?;
        let warnings = if (1900..2100).contains(&year) {
            Vec::new()
        } else {
            vec![reason::IMPLAUSIBLE]
        };
        Ok(Checked {
            value: Self {
                first_day,
                precision,
            },
            warnings,
        })
    }
}
