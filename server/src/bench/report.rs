//! What was measured, as rows: for people a table, for programs JSON. A row compares what the
//! server needs with what something simpler needs on the same machine in the same run. Pure.

use std::fmt::Write as _;

use serde::Serialize;

use super::Plan;
use super::figures::ratio;

/// What a figure is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    /// Whether a figure reaches it.
    pub fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub part: &'static str,
    pub figure: String,
    pub unit: &'static str,
    pub value: f64,
    /// What it is compared with, and what that came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<(&'static str, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// What the ratio, or else the value, is to reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
}

impl Row {
    /// A figure that stands alone.
    pub fn new(part: &'static str, figure: &str, unit: &'static str, value: f64) -> Self {
        Self {
            part,
            figure: figure.to_owned(),
            unit,
            value,
            against: None,
            ratio: None,
            goal: None,
            met: None,
        }
    }

    /// Compared with another.
    pub fn against(mut self, what: &'static str, value: f64) -> Self {
        self.against = Some((what, value));
        self.ratio = self.ratio.or_else(|| ratio(self.value, value));
        self
    }

    /// The median of the ratios of each round, which a slow round does not move.
    pub const fn ratio(mut self, ratio: Option<f64>) -> Self {
        if ratio.is_some() {
            self.ratio = ratio;
        }
        self
    }

    /// What is to be reached.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        let figure = if self.against.is_some() {
            self.ratio
        } else {
            Some(self.value)
        };
        self.met = figure.map(|figure| goal.is_met(figure));
        self
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub version: &'static str,
    pub database: String,
    pub machine: String,
    /// Entries that stood before pushes were measured.
    pub entries_before: u64,
    pub phones: usize,
    pub herd: usize,
    pub rounds: usize,
    pub workers: usize,
    pub floor_log_pages: u32,
    pub rows: Vec<Row>,
}

impl Report {
    /// Of what a plan measures on a database.
    pub fn new(database: &str, plan: &Plan) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            database: database.to_owned(),
            machine: machine(),
            entries_before: plan.sizes.rows,
            phones: plan.sizes.phones,
            herd: plan.sizes.herd,
            rounds: plan.sizes.rounds,
            workers: plan.workers,
            floor_log_pages: plan.floor_log_pages,
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    /// As a table in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Kadian {} on {}; {}; {} threads for HTTP on either side\n\
             {} entries before; {} phones at once; {} in the herd; {} rounds\n",
            self.version,
            self.database,
            self.machine,
            self.workers,
            self.entries_before,
            self.phones,
            self.herd,
            self.rounds
        );
        let cells: Vec<[String; 6]> = std::iter::once(
            ["figure", "kadian", "against", "ratio", "goal", ""].map(str::to_owned),
        )
        .chain(self.rows.iter().map(cells))
        .collect();
        let mut widths = [0; 6];
        for line in &cells {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut part = "";
        for (index, line) in cells.iter().enumerate() {
            let now = index.checked_sub(1).and_then(|index| self.rows.get(index));
            if let Some(row) = now
                && row.part != part
            {
                part = row.part;
                // Writing to a text cannot fail.
                let _ = writeln!(
                    text,
                    "| {:<width$} |{}",
                    format!("**{part}**"),
                    " |".repeat(5),
                    width = widths[0]
                );
            }
            let padded: Vec<String> = line
                .iter()
                .zip(widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if column == 0 || column == 2 {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            let _ = writeln!(text, "| {} |", padded.join(" | "));
            if index == 0 {
                let dashes: Vec<String> = widths
                    .iter()
                    .map(|width| "-".repeat((*width).max(3)))
                    .collect();
                let _ = writeln!(text, "| {} |", dashes.join(" | "));
            }
        }
        text
    }

    /// How many goals there are, and how many were reached.
    pub fn goals(&self) -> (usize, usize) {
        let judged: Vec<bool> = self.rows.iter().filter_map(|row| row.met).collect();
        (judged.len(), judged.iter().filter(|met| **met).count())
    }
}

fn cells(row: &Row) -> [String; 6] {
    let goal = row.goal.map_or(String::new(), |goal| match goal {
        Goal::AtMost(most) => format!("≤ {}", number(most)),
        Goal::AtLeast(least) => format!("≥ {}", number(least)),
    });
    [
        format!("{}, {}", row.figure, row.unit),
        number(row.value),
        row.against.map_or(String::new(), |(what, value)| {
            format!("{} {what}", number(value))
        }),
        row.ratio
            .map_or(String::new(), |ratio| format!("{ratio:.2}")),
        goal,
        row.met
            .map_or("", |met| if met { "yes" } else { "NO" })
            .to_owned(),
    ]
}

/// With as many digits as mean something.
fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 || value == value.trunc() {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("a processor", |(_, name)| name);
    format!("{cores} cores of {model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_judges_the_ratio_where_there_is_one() {
        let row = Row::new("push", "entries/s", "1/s", 90.0).against("floor", 100.0);
        assert_eq!(row.clone().goal(Goal::AtLeast(0.9)).met, Some(true));
        assert_eq!(row.clone().goal(Goal::AtLeast(1.5)).met, Some(false));
        let by_rounds = row.ratio(Some(1.6)).goal(Goal::AtLeast(1.5));
        assert_eq!(by_rounds.met, Some(true));
        let alone = Row::new("bytes", "idle", "bytes", 501.0).goal(Goal::AtMost(500.0));
        assert_eq!(alone.met, Some(false));
        // What could not be compared is not called reached.
        let nothing = Row::new("push", "x", "s", 1.0).against("floor", 0.0);
        assert_eq!(nothing.goal(Goal::AtMost(1.0)).met, None);
    }

    #[test]
    fn the_table_shows_every_row_under_its_part() {
        let report = Report {
            version: "0",
            database: "SQLite".to_owned(),
            machine: "2 cores".to_owned(),
            entries_before: 1,
            phones: 2,
            herd: 3,
            rounds: 4,
            workers: 2,
            floor_log_pages: 1000,
            rows: vec![
                Row::new("push of 50", "entries", "1/s", 12_345.6)
                    .against("floor", 10_000.0)
                    .goal(Goal::AtLeast(1.5)),
                Row::new("push of 50", "bytes", "bytes", 98.76),
                Row::new("herd", "p99", "ms", 0.04),
            ],
        };
        let table = report.table();
        for expected in [
            "**push of 50**",
            "12346",
            "10000 floor",
            "1.23",
            "≥ 1.50",
            "NO",
            "98.76",
            "0.0400",
        ] {
            assert!(table.contains(expected), "{expected}\n{table}");
        }
        assert_eq!(table.matches("**push of 50**").count(), 1);
        let lines: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 2 + 2 + 3);
        assert!(
            lines.iter().all(|line| line.matches('|').count() == 7),
            "{table}"
        );
        assert_eq!(report.goals(), (1, 0));
    }
}
