//! `kadian bench`: how fast it is on this machine.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, Settings};
use crate::bench::ground::Ground;
use crate::bench::scale::{Part, Scale};
use crate::bench::{self, Plan, Progress};
use crate::http;
use crate::store::floor::Floor;

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  kadian bench                                        SQLite, in a folder that goes again\n  \
kadian bench --scale reference --json figures.json   the figures of a district\n  \
kadian bench --database postgres://user@host/db      PostgreSQL; makes databases of its own there and drops them\n  \
kadian bench --only push-50,herd --set http.workers=4"
)]
pub(super) struct Args {
    #[command(subcommand)]
    inner: Option<Inner>,
    /// How much is measured
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    scale: Scale,
    /// Measure only these parts
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Write all figures into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Work in this folder: it decides which disk is measured
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Entries that stand before pushes are measured
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// Sizes at which the cost of a push is measured
    #[arg(long, value_delimiter = ',', value_name = "N")]
    growth: Vec<u64>,
    /// Phones that push at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    phones: Option<u16>,
    /// Phones of the herd
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=20_000))]
    herd: Option<u16>,
    /// How often floor and server take turns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// Threads that serve HTTP, on either side [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// The floor's SQLite folds its log into the file after so many pages; 1000 is its own default
    #[arg(long, value_name = "PAGES", default_value_t = 1000)]
    floor_log_pages: u32,
}

#[derive(clap::Subcommand)]
enum Inner {
    /// What is measured against: the plainest durable server
    #[command(hide = true)]
    ServeFloor {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        workers: usize,
        #[arg(long)]
        log_pages: u32,
    },
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub(super) fn run(settings: &Settings, args: &Args) -> Result<(), Failure> {
    if let Some(Inner::ServeFloor {
        listen,
        workers,
        log_pages,
    }) = &args.inner
    {
        let url = settings.database.as_deref();
        let url = url.ok_or_else(|| Failure::new("serve-floor wants --database"))?;
        return Ok(http::floor::serve(
            Floor::open(url, *log_pages)?,
            *listen,
            *workers,
        )?);
    }
    let folder = Folder::make(args.folder.as_deref())?;
    let url = settings.database.as_deref();
    if url.is_some_and(|url| url.starts_with("sqlite:")) {
        return Err(Failure::new(
            "bench makes its own SQLite file: leave --database out, or name a PostgreSQL server; --folder says on which disk",
        ));
    }
    open_many_files();
    let bars = Bars::default();
    let report = bench::run(Ground::new(&folder.0, url)?, &plan(settings, args)?, &bars)?;
    bars.end();
    println!("{}", report.table());
    let (goals, reached) = report.goals();
    println!(
        "{reached} of {goals} goals reached (docs/performance.md says what each figure means)"
    );
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text + "\n")?;
    }
    Ok(())
}

fn plan(settings: &Settings, args: &Args) -> Result<Plan, Failure> {
    let mut sizes = args.scale.sizes();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let over = |slot: &mut usize, given: Option<u16>| {
        *slot = given.map_or(*slot, usize::from);
    };
    over(&mut sizes.phones, args.phones);
    over(&mut sizes.herd, args.herd);
    over(&mut sizes.rounds, args.rounds);
    sizes.rows = args.rows.unwrap_or(sizes.rows);
    if !args.growth.is_empty() {
        sizes.growth.clone_from(&args.growth);
    }
    if !sizes.growth.is_sorted() {
        return Err(Failure::new("a store only grows: name the sizes in order"));
    }
    let mut own = Vec::new();
    for pair in &settings.set {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new("--set takes NAME=VALUE, as --set http.workers=2"))?;
        own.push((name.to_owned(), value.to_owned()));
    }
    Ok(Plan {
        sizes,
        parts: if args.only.is_empty() {
            Part::ALL.to_vec()
        } else {
            args.only.clone()
        },
        settings: own,
        workers: args.workers.map_or(cores, usize::from),
        floor_log_pages: args.floor_log_pages,
    })
}

/// Two thousand phones are as many files, here and in the servers started from here.
fn open_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, the herd says which connection could not be made.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

/// A folder that goes with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn make(within: Option<&Path>) -> Result<Self, Failure> {
        let within = within.map_or_else(std::env::temp_dir, Path::to_owned);
        let path =
            std::path::absolute(within)?.join(format!("kadian-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A bar for what is under way.
#[derive(Default)]
struct Bars(Mutex<Option<ProgressBar>>);

impl Bars {
    fn end(&self) {
        if let Some(bar) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

#[expect(clippy::print_stderr, reason = "somebody waits for the end")]
impl Progress for Bars {
    fn begin(&self, what: &str, steps: u64) {
        self.end();
        if !std::io::stderr().is_terminal() {
            eprintln!("{what}");
            return;
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr())
            .with_style(style)
            .with_message(what.to_owned());
        bar.tick();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    fn step(&self, by: u64) {
        if let Some(bar) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            bar.inc(by);
        }
    }
}
