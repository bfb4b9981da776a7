//! Many oracles at once, each on a thread of its own, until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::oracle::{Oracle, Seen, Turn};

pub(crate) struct Crowd {
    threads: Vec<JoinHandle<Oracle>>,
    done: Arc<AtomicBool>,
    acked: Arc<AtomicU64>,
}

impl Crowd {
    /// Sets them to work; each captures up to `most` changes between two requests.
    pub(crate) fn start(oracles: Vec<Oracle>, most: usize) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let acked = Arc::new(AtomicU64::new(0));
        let threads = oracles
            .into_iter()
            .map(|oracle| {
                let (done, acked) = (Arc::clone(&done), Arc::clone(&acked));
                std::thread::spawn(move || work(oracle, most, &done, &acked))
            })
            .collect();
        Self {
            threads,
            done,
            acked,
        }
    }

    /// Changes acknowledged so far.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Waits until so many more are acknowledged; says whether that came in time.
    pub(crate) fn goes_on(&self, more: u64, within: Duration) -> bool {
        let (before, until) = (self.acked(), Instant::now() + within);
        while self.acked() < before + more {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Ends their work where it stands; what was sent and not answered stays unknown.
    pub(crate) fn stop(self) -> Vec<Oracle> {
        self.done.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).collect()
    }
}

fn work(mut oracle: Oracle, most: usize, done: &AtomicBool, acked: &AtomicU64) -> Oracle {
    while !done.load(Ordering::Relaxed) {
        if oracle.replica.unsent() == 0 {
            let count = 1 + oracle.chance.below(most);
            oracle.capture(count);
        }
        let before = oracle.replica.numbers().1;
        oracle.replica.hurry();
        match oracle.turn() {
            Turn::Heard(..) => {
                let after = oracle.replica.numbers().1;
                acked.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
                if after <= before {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            // As `Oracle::settle` does.
            Turn::Wait(_) => {
                std::thread::sleep(Duration::from_millis(20));
                let moment = oracle.moment();
                oracle.replica.wake(moment);
            }
        }
    }
    oracle
}

/// All that these have seen.
pub(crate) fn seen(oracles: &[Oracle]) -> Seen {
    let mut all = Seen::default();
    for Oracle { seen, .. } in oracles {
        all.requests += seen.requests;
        all.no_reply += seen.no_reply;
        all.waits += seen.waits;
        all.without_retry_after += seen.without_retry_after;
        all.faults += seen.faults;
        all.forks += seen.forks;
        all.gaps += seen.gaps;
    }
    all
}

/// Lets every second one send what it has; the others keep what is unknown, unknown.
pub(crate) fn settle_half(oracles: &mut [Oracle], within: Duration) {
    for oracle in oracles.iter_mut().step_by(2) {
        assert!(oracle.settle(within), "an oracle does not come to rest");
    }
}
