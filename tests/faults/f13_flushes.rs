//! F13: the disk says that it could not flush. Nothing of that transaction is acknowledged; and
//! what is acknowledged later does not stand on what the kernel may have thrown away.

use std::path::Path;
use std::time::Duration;

use crate::crowd::{Crowd, seen};
use crate::f02_power::{WATCHED, files, reckon};
use crate::scale::{scaled, seed};
use crate::site::Site;
use crate::strace;
use crate::trace::{self, Change, Survives};

#[test]
fn f13_a_flush_that_fails_acknowledges_nothing_and_nothing_later_stands_on_it() {
    let mut chance = seed("F13");
    let times = scaled(4, 400);
    let (mut injected, mut acked, mut states, mut stopped, mut waits) = (0, 0, 0, 0, 0);
    for _ in 0..times {
        let mut site = Site::in_file(3);
        let before = files(site.path());
        let into = site.path().join("trace");
        let watched = WATCHED.map(|name| site.path().join(name));
        let watched: Vec<&Path> = watched.iter().map(|path| &**path).collect();
        // The first flushes of a thread are those of opening.
        let nth = 4 + chance.below(12);
        let mut process = site.start_under(&strace::record_failing(&watched, &into, nth), &[]);
        process.ready();
        let crowd = Crowd::start(site.oracles(3, &site.address(), &chance), 6);
        let goes_on = crowd.goes_on(150, Duration::from_secs(5));
        let ended = process.ended(Duration::ZERO).is_some();
        assert!(goes_on || ended, "it neither goes on nor ends");
        stopped += usize::from(ended);
        let oracles = crowd.stop();
        waits += seen(&oracles).waits;
        if !ended {
            process.kill();
        }
        let ops = trace::read(&std::fs::read_to_string(&into).unwrap());
        let failed = ops.iter().position(|op| op.change == Change::FlushFailed);
        let failed = failed.unwrap_or_else(|| panic!("flush {nth} did not fail"));
        injected += 1;
        for survives in [Survives::Nothing, Survives::Any, Survives::First] {
            for done in [
                failed + 1,
                failed + 1 + chance.below(ops.len() - failed),
                ops.len(),
            ] {
                let at = ops.get(done).map_or(u64::MAX, |op| op.at);
                let state = trace::after_loss(&before, &ops[..done], survives, &mut chance);
                let found = reckon(&site, &state, at).unwrap();
                assert_eq!(
                    (found.lost, found.twice, found.strange),
                    (0, 0, 0),
                    "flush {nth} failed, {done} of {} done, {survives:?}: {found:?}",
                    ops.len()
                );
                states += 1;
                acked +=
                    usize::from(done == ops.len() && survives == Survives::Nothing) * found.acked;
            }
        }
    }
    println!(
        "F13 flushes that fail: faults injected {injected}, survived {injected}; entries acked {acked}, acked lost 0, stored twice 0; {states} states after a loss of power opened, {waits} requests told to wait, processes that ended {stopped}"
    );
    assert!(acked > 0 && injected == times);
}
