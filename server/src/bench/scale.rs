//! How much is measured: three sizes, of which the largest is the reference scale.

use crate::demo::district;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scale {
    /// A few seconds; shows that everything works and says nothing about speed
    Smoke,
    /// Some minutes
    Quick,
    /// The figures of a district: 140,000 households, 500,000 entries before anything is measured
    Reference,
}

/// The numbers behind a scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    pub district: district::Scale,
    /// Grids that get their households.
    pub grids: usize,
    /// Entries that stand before pushes are measured.
    pub rows: u64,
    /// Phones that push at the same time.
    pub phones: usize,
    /// How often floor and server take turns.
    pub rounds: usize,
    /// Batches of 50 that each phone sends in a round.
    pub batches_of_50: usize,
    pub batches_of_500: usize,
    /// Phones whose network comes back within one second.
    pub herd: usize,
    pub herd_rounds: usize,
    /// Pulls of each sort.
    pub pulls: usize,
    /// Rows written without the server, for each size of a transaction.
    pub bulk: usize,
    /// Entries that stand when the cost of a push is measured again.
    pub growth: Vec<u64>,
}

/// Households of a grid, on average, in the districts that this follows.
pub const HOUSEHOLDS: usize = 27;

impl Scale {
    pub fn sizes(self) -> Sizes {
        match self {
            Self::Smoke => Sizes {
                district: district::Scale::Small,
                grids: 3,
                rows: 500,
                phones: 2,
                rounds: 1,
                batches_of_50: 1,
                batches_of_500: 1,
                herd: 10,
                herd_rounds: 1,
                pulls: 3,
                bulk: 500,
                growth: vec![500, 1_000],
            },
            Self::Quick => Sizes {
                district: district::Scale::District,
                grids: 200,
                rows: 100_000,
                phones: 32,
                rounds: 5,
                batches_of_50: 12,
                batches_of_500: 2,
                herd: 2_000,
                herd_rounds: 3,
                pulls: 100,
                bulk: 50_000,
                growth: vec![100_000, 500_000],
            },
            Self::Reference => Sizes {
                grids: 5_275,
                rows: 500_000,
                rounds: 9,
                herd_rounds: 5,
                pulls: 200,
                bulk: 100_000,
                growth: vec![100_000, 1_000_000, 10_000_000],
                ..Self::Quick.sizes()
            },
        }
    }
}

/// A part of the benchmark that can be run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Push in batches of 50
    #[value(name = "push-50")]
    Push50,
    /// Push in batches of 500
    #[value(name = "push-500")]
    Push500,
    /// Pulls: cold, idle, three changed
    Pull,
    /// All phones within one second
    Herd,
    /// What this machine can do without the server
    Limits,
    /// The cost of a push as the store grows
    Growth,
}

impl Part {
    pub const ALL: [Self; 6] = [
        Self::Push50,
        Self::Push500,
        Self::Pull,
        Self::Herd,
        Self::Limits,
        Self::Growth,
    ];
}
