//! `kadian bench`: how fast this is, on this machine, against the plainest server that loses
//! nothing. Both run as processes of their own, on databases of their own, and take turns within
//! one run, so that the machine's moods hit both; what counts are the ratios.
//!
//! [`stage`] sets up what is measured, [`volley`] sends, each of the parts ([`push`], [`pull`],
//! [`herd`], [`limits`], [`growth`]) measures, [`check`] looks whether everything is there, and
//! [`report`] says it.

pub mod check;
pub mod entry;
pub mod figures;
pub mod ground;
pub mod growth;
pub mod herd;
pub mod limits;
pub mod line;
pub mod phone;
pub mod process;
pub mod pull;
pub mod push;
pub mod report;
pub mod scale;
pub mod stage;
pub mod volley;

use crate::{accounts, app, config, store, sync};

use ground::Ground;
use report::{Report, Row};
use scale::{Part, Sizes};
use stage::{Duel, Stage};

/// What is to be measured, and on what.
pub struct Plan {
    pub sizes: Sizes,
    pub parts: Vec<Part>,
    /// Settings of the server under test.
    pub settings: Vec<(String, String)>,
    /// Threads that serve HTTP, on either side.
    pub workers: usize,
    /// After so many pages the floor's SQLite folds its log into the file.
    pub floor_log_pages: u32,
}

/// Hears how far it is.
pub trait Progress {
    fn begin(&self, what: &str, steps: u64);
    fn step(&self, by: u64);
}

/// Why nothing, or nothing more, was measured.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    App(#[from] app::Error),
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    #[error(transparent)]
    NotOpened(#[from] sync::opening::NotOpened),
    #[error(transparent)]
    NotBrought(#[from] sync::together::NotBrought),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A server answered otherwise than it should.
    #[error("{0}")]
    Wrong(String),
}

/// One part: what it measured, on both sides.
type Measure = fn(&mut Stage, &Duel, &dyn Progress) -> Result<Vec<Row>, Failed>;

/// Runs the parts of a plan, in order.
pub fn run(ground: Ground, plan: &Plan, progress: &dyn Progress) -> Result<Report, Failed> {
    let wants = |part| plan.parts.contains(&part);
    let mut stage = Stage::prepare(ground, plan, progress)?;
    let mut report = Report::new(&stage.described, plan);
    // Growth comes first: the store is never again as small.
    if wants(Part::Growth) {
        report.add(growth::measure(&mut stage, progress)?);
    }
    stage.fill(plan.sizes.rows, progress)?;
    for part in Part::ALL.into_iter().filter(|part| wants(*part)) {
        let measure: Measure = match part {
            Part::Growth => continue,
            Part::Push50 => |stage, duel, progress| push::measure(stage, duel, 50, progress),
            Part::Push500 => |stage, duel, progress| push::measure(stage, duel, 500, progress),
            Part::Pull => pull::measure,
            Part::Herd => herd::measure,
            Part::Limits => limits::measure,
        };
        // Both sides are started anew, so that none keeps memory from the part before.
        let duel = stage.start()?;
        stage.greet(&duel, progress)?;
        report.add(measure(&mut stage, &duel, progress)?);
        duel.stop()?;
    }
    report.add(check::measure(&stage, progress)?);
    Ok(report)
}
