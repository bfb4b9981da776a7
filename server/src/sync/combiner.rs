//! The combiner: all that is written passes here. Waiting jobs are folded into one transaction by
//! one writing thread, or a few on one [`Queue`]; a fold that fails is tried again job by job, and
//! a push whose handling breaks is tried again with the change at fault set aside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::engine::Core;
use super::job::{Answer, Job};
use super::queue::{Asks, Bounds, Queue, Taken};
use crate::metrics::{self, Metrics};
use crate::store::Error;

/// What one transaction takes.
const BOUNDS: Bounds = Bounds {
    jobs: 128,
    changes: 2_000,
};
/// So much is worth a transaction of its own: others are not waited for.
const WORTH_IT: Bounds = Bounds {
    jobs: BOUNDS.jobs,
    changes: 250,
};
/// So long a fold of less waits for requests that are being read, and only while there are such.
const LINGER: Duration = Duration::from_millis(2);
/// A job that nobody took up after so long is withdrawn.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(10);
/// Nobody waits longer for what is in hand: the retries of the store have ended by then.
pub const DONE_WITHIN: Duration = Duration::from_secs(30);
/// After so many failures of the database in a row the rest of a fold is not tried.
const MOST_FAILURES: u32 = 2;

/// Why a job has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The database could not do it. Nothing of it was done.
    #[error(transparent)]
    Store(#[from] Error),
    /// The program broke on it. Nothing of it was done.
    #[error("the job broke the program")]
    Broken,
    /// The database has not answered in time. It may be done yet.
    #[error("the database does not answer")]
    Unanswered,
    /// The server is stopping. Nothing of it was done.
    #[error("the server is stopping")]
    Stopping,
}

/// What became of a job, and the job: whoever made it throws it away, beside the writing thread, if
/// they are still there.
pub type Done = (Result<Answer, Failed>, Job);
/// Called by a writing thread with what became of a job; it must not block.
pub type Tell = Box<dyn FnOnce(Done) + Send>;

struct Waiting {
    job: Job,
    tell: Tell,
    since: Instant,
}

#[derive(Default)]
struct State {
    queue: Queue<Waiting>,
    /// Requests that are being read and will bring a job in a moment.
    coming: usize,
    stopping: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    metrics: OnceLock<Arc<Metrics>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing inside the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who will hand in a job in a moment, or find that there is none to hand in.
pub struct Coming(Arc<Shared>);

impl Drop for Coming {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.coming -= 1;
        if state.coming == 0 {
            self.0.changed.notify_all();
        }
    }
}

/// Hands jobs to the writing threads.
pub struct Combiner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Combiner {
    /// Starts so many writing threads.
    pub(super) fn start(core: &Arc<Core>, writers: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            metrics: OnceLock::new(),
        });
        let threads: Vec<_> = (0..writers.max(1))
            .filter_map(|number| {
                let (core, shared) = (Arc::clone(core), Arc::clone(&shared));
                std::thread::Builder::new()
                    .name(format!("combiner-{number}"))
                    .spawn(move || work(&core, &shared))
                    .ok()
            })
            .collect();
        // Without a thread nothing would ever be answered.
        shared.lock().stopping = threads.is_empty();
        Self {
            shared,
            threads: Mutex::new(threads),
        }
    }

    /// From now on figures of folds are counted there.
    pub(super) fn report_to(&self, metrics: Arc<Metrics>) {
        // Whoever was first goes on.
        let _ = self.shared.metrics.set(metrics);
    }

    /// Says that a job is about to come.
    pub(super) fn announce(&self) -> Coming {
        self.shared.lock().coming += 1;
        Coming(Arc::clone(&self.shared))
    }

    /// Jobs that wait for a writing thread.
    pub(super) fn depth(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Has a job done, and waits until it is committed, for a bounded time.
    pub(super) fn submit(&self, job: Job) -> Result<Answer, Failed> {
        let (answer, answered) = sync_channel(1);
        let tell = move |done| {
            // Who no longer listens will ask again.
            let _ = answer.send(done);
        };
        let number = self.hand_in(job, None, Box::new(tell))?;
        self.wait(number, &answered)
    }

    /// Puts a job in line, and says by which number it can be withdrawn.
    pub(super) fn hand_in(
        &self,
        job: Job,
        coming: Option<Coming>,
        tell: Tell,
    ) -> Result<u64, Failed> {
        let asks = Self::asks(&job);
        let since = Instant::now();
        let number = {
            let mut state = self.shared.lock();
            if state.stopping {
                return Err(Failed::Stopping);
            }
            let waiting = Waiting { job, tell, since };
            state.queue.push(waiting, asks)
        };
        self.shared.changed.notify_all();
        drop(coming);
        Ok(number)
    }

    /// Takes back a job that nobody has taken up; whether it was still there.
    pub(super) fn withdraw(&self, number: u64) -> bool {
        let withdrawn = self.shared.lock().queue.withdraw(number);
        withdrawn.is_some()
    }

    fn wait(&self, number: u64, answered: &Receiver<Done>) -> Result<Answer, Failed> {
        let gone = |error| match error {
            RecvTimeoutError::Timeout => Failed::Unanswered,
            RecvTimeoutError::Disconnected => Failed::Stopping,
        };
        match answered.recv_timeout(TAKEN_WITHIN) {
            Ok((result, _)) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(Failed::Stopping),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if self.withdraw(number) {
            return Err(Error::Busy.into());
        }
        let left = DONE_WITHIN.saturating_sub(TAKEN_WITHIN);
        answered.recv_timeout(left).map_err(gone)?.0
    }

    /// What concerns the job alone is found out before it enters the queue.
    fn asks(job: &Job) -> Asks {
        match job {
            Job::Push(push) => Asks {
                device: Some(push.device),
                changes: push.lines.len().max(1),
                abnormal: push.lines.iter().any(|line| line.is_abnormal()),
                site: push.site(),
            },
            Job::Write(written) => Asks::of_the_server(written.len()),
            _ => Asks::of_the_server(1),
        }
    }

    /// Lets the writing threads finish what they were given, and ends them.
    pub fn stop(&self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Combiner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(core: &Core, shared: &Shared) {
    while let Some(fold) = next_fold(shared) {
        let began = Instant::now();
        let (mut jobs, mut tells) = (Vec::new(), Vec::new());
        for one in fold.jobs {
            note_wait(shared, began.saturating_duration_since(one.since));
            jobs.push(one.job);
            tells.push(one.tell);
        }
        let count = jobs.len();
        let mut panics = 0;
        let results = run(core, &mut jobs, &mut panics);
        // Before the answers: whoever hears one may send the next job of the same device.
        let has_more = {
            let mut state = shared.lock();
            state.queue.settle(&fold.in_hand);
            state.queue.has_ready()
        };
        if has_more {
            shared.changed.notify_all();
        }
        for ((tell, result), job) in tells.into_iter().zip(results).zip(jobs) {
            // Whatever one does with its answer, this thread goes on for the others.
            panics += u64::from(catch_unwind(AssertUnwindSafe(|| tell((result, job)))).is_err());
        }
        note_fold(shared, count, fold.changes, began.elapsed());
        note_panics(shared, panics);
    }
}

/// Waits for jobs, and a moment for those that are known to come. Nothing when the server stops
/// and all is done.
fn next_fold(shared: &Shared) -> Option<Taken<Waiting>> {
    let mut state = shared.lock();
    let mut until = None;
    loop {
        if !state.queue.has_ready() {
            // What is left belongs to devices in the hands of another thread, which sees to it.
            if state.stopping {
                return None;
            }
            until = None;
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let now = Instant::now();
        let until = *until.get_or_insert(now + LINGER);
        let left = until.saturating_duration_since(now);
        let enough = state.coming == 0 || state.queue.fills(WORTH_IT) || state.stopping;
        if enough || left.is_zero() {
            return Some(state.queue.take(BOUNDS, WORTH_IT));
        }
        state = shared
            .changed
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

/// Does jobs together, or, where that fails, one by one; and counts how often one broke the program.
pub(super) fn run(core: &Core, jobs: &mut [Job], panics: &mut u64) -> Vec<Result<Answer, Failed>> {
    let mut failures = 0;
    if jobs.len() > 1 {
        match attempt(core, jobs).0 {
            Ok(Ok(answers)) => return answers.into_iter().map(Ok).collect(),
            Ok(Err(error)) => failures = u32::from(is_of_database(&error)),
            Err(()) => *panics += 1,
        }
    }
    let one_by_one = jobs.iter_mut().map(|job| {
        if failures >= MOST_FAILURES {
            return Err(Error::Busy.into());
        }
        let result = run_one(core, job, panics);
        failures = match &result {
            Err(Failed::Store(error)) if is_of_database(error) => failures + 1,
            _ => 0,
        };
        result
    });
    one_by_one.collect()
}

/// Whether the next job would most likely meet the same failure, after the same wait.
const fn is_of_database(error: &Error) -> bool {
    matches!(error, Error::Busy | Error::Unavailable(_))
}

fn run_one(core: &Core, job: &mut Job, panics: &mut u64) -> Result<Answer, Failed> {
    loop {
        let (result, line) = attempt(core, std::slice::from_ref(job));
        *panics += u64::from(result.is_err());
        match result {
            Ok(result) => return result?.pop().ok_or(Failed::Broken),
            // The change at fault is set aside unread; the rest is not held up by it (I5).
            Err(()) => match job {
                Job::Push(push) if !push.quarantined.contains(&line) && line < push.lines.len() => {
                    push.quarantined.push(line)
                }
                _ => return Err(Failed::Broken),
            },
        }
    }
}

type Attempt = Result<Result<Vec<Answer>, Error>, ()>;

/// One transaction; and which change of a push was in hand last, should it break.
fn attempt(core: &Core, jobs: &[Job]) -> (Attempt, usize) {
    let mut line = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        core.run(jobs, &mut |index| line = index)
    }));
    (result.map_err(|_| ()), line)
}

fn note_wait(shared: &Shared, waited: Duration) {
    if let Some(metrics) = shared.metrics.get() {
        metrics.observe(&metrics::FOLD_WAIT_SECONDS, &[], waited.as_secs_f64());
    }
}

fn note_panics(shared: &Shared, panics: u64) {
    if let Some(metrics) = shared.metrics.get().filter(|_| panics > 0) {
        metrics.count(&metrics::PANICS, &[], panics);
    }
}

fn note_fold(shared: &Shared, jobs: usize, changes: usize, took: Duration) {
    if let Some(metrics) = shared.metrics.get() {
        metrics.observe(&metrics::FOLD_SECONDS, &[], took.as_secs_f64());
        metrics.count(&metrics::FOLD_JOBS, &[], jobs as u64);
        metrics.count(&metrics::FOLD_CHANGES, &[], changes as u64);
    }
}
