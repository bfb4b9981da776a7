//! F2: the power goes. What the server wrote to its files, and when it flushed them, is written
//! down; then states of the disk that a loss of power could have left at any moment are made and
//! opened, and held against what was acknowledged before that moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use kadian::clock::Clock;
use kadian_tests::server::open;

use crate::crowd::Crowd;
use crate::reckoning::Reckoning;
use crate::scale::{scaled, seed};
use crate::site::{Site, sqlite};
use crate::strace;
use crate::trace::{self, Change, Files, Op, Survives};

const REST: Duration = Duration::from_secs(120);
const DATABASE: &str = "kadian.sqlite";
pub(crate) const WATCHED: [&str; 4] = [
    DATABASE,
    "kadian.sqlite-wal",
    "kadian.sqlite-journal",
    "kadian.sqlite.ledger",
];

/// The files of an installation, without what only a running one needs.
pub(crate) fn files(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let kept = name.starts_with("kadian.") && !name.ends_with("-shm");
            kept.then(|| (name, std::fs::read(entry.path()).unwrap()))
        })
        .collect()
}

/// A recorded run: the files before it, what was done to them, and the books.
fn record(entries: u64) -> (Site, Files, Vec<Op>) {
    let chance = seed("F2 recording");
    let mut site = Site::in_file(3);
    let before = files(site.path());
    let into = site.path().join("trace");
    let watched = WATCHED.map(|name| site.path().join(name));
    let watched: Vec<&Path> = watched.iter().map(|path| &**path).collect();
    let mut process = site.start_under(&strace::record(&watched, &into), &[]);
    process.ready();
    let crowd = Crowd::start(site.oracles(3, &site.address(), &chance), 6);
    assert!(crowd.goes_on(entries, 4 * REST), "nothing moves");
    crowd.stop();
    process.kill();
    let text = std::fs::read_to_string(&into).unwrap();
    let ops = trace::read(&text);
    (site, before, ops)
}

/// Opens the files as a server would, and holds them against the books as they were then.
pub(crate) fn reckon(site: &Site, state: &Files, at: u64) -> Result<Reckoning, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in state {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let app = std::panic::catch_unwind(|| {
        let settings = sqlite(&folder.path().join(DATABASE));
        let app = open(folder.path(), &settings, Clock::system());
        app.engine().unwrap();
        app
    });
    let app = app.map_err(|_| "it does not open".to_owned())?;
    let faults = app.store.examine().unwrap();
    if let Some(fault) = faults.first() {
        return Err(format!("it is damaged: {fault}"));
    }
    let mut noted = site.noted();
    for one in noted.values_mut() {
        one.acked = one.acked.filter(|acked| *acked < at);
    }
    let found = Reckoning::of(&app, &noted);
    app.stop();
    Ok(found)
}

#[test]
fn f2_whatever_a_loss_of_power_leaves_opens_and_holds_all_that_was_acknowledged() {
    let mut chance = seed("F2");
    let (site, before, ops) = record(scaled(150, 3_000) as u64);
    let flushes = ops.iter().filter(|op| op.change == Change::Flushed).count();
    let wanted = scaled(60, 4_000);
    let mut states = BTreeSet::new();
    let (mut total, mut acked) = (Reckoning::default(), 0);
    for number in 0..wanted {
        let done = 1 + chance.below(ops.len());
        let at = ops.get(done).map_or(u64::MAX, |op| op.at);
        let ways = [
            Survives::Nothing,
            Survives::All,
            Survives::First,
            Survives::Any,
        ];
        let survives = ways[number % ways.len()];
        let state = trace::after_loss(&before, &ops[..done], survives, &mut chance);
        if !states.insert(state.clone()) {
            continue;
        }
        let found = reckon(&site, &state, at);
        let found = found.unwrap_or_else(|fault| panic!("{fault}: {done} done, {survives:?}"));
        assert_eq!(
            (found.lost, found.twice, found.strange),
            (0, 0, 0),
            "{done} of {} done, {survives:?} of the rest: {found:?}",
            ops.len()
        );
        acked = acked.max(found.acked);
        total.acked += found.acked;
        total.unknown += found.unknown;
        total.appeared += found.appeared;
    }
    total.print(
        "F2 loss of power",
        states.len(),
        states.len(),
        &format!(
            "distinct states opened, of {} writes and flushes ({flushes} flushes); at most {acked} entries acked at one time",
            ops.len()
        ),
    );
    assert!(acked > 0 && states.len() * 2 > wanted, "{}", states.len());

    // A disk that only says that it flushed must be seen to lose: else this test sees nothing.
    let lying: Vec<Op> = ops
        .into_iter()
        .filter(|op| op.change != Change::Flushed || !op.file.ends_with("-wal"))
        .collect();
    let state = trace::after_loss(&before, &lying, Survives::Nothing, &mut chance);
    let found = reckon(&site, &state, u64::MAX);
    let lost = found.as_ref().map_or(usize::MAX, |found| found.lost);
    println!("F2 control, a disk that does not flush: {lost} acknowledged entries lost");
    assert!(lost > 0, "{found:?}");
}
