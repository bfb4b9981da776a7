//! The combiner: the one writer of this process. Waiting jobs are folded into one transaction;
//! a fold that fails is tried again job by job, and a push whose handling breaks is tried again
//! with the change at fault set aside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::engine::Core;
use super::job::{Answer, Job};
use crate::store::Error;

/// Jobs folded into one transaction at most.
const MOST_JOBS: usize = 64;
/// Changes folded into one transaction at most.
const MOST_CHANGES: usize = 2_000;

/// Why a job has no answer. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] Error),
    /// The program broke on it.
    #[error("the job broke the program")]
    Broken,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

struct Waiting {
    job: Job,
    answer: SyncSender<Result<Answer, Failed>>,
}

/// Hands jobs to the writing threads.
pub struct Combiner {
    queue: Mutex<Option<Sender<Waiting>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Combiner {
    /// Starts the writing threads.
    pub(super) fn start(core: Arc<Core>, writers: usize) -> Self {
        let (queue, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let thread = |number| {
            let (core, waiting) = (Arc::clone(&core), Arc::clone(&waiting));
            std::thread::Builder::new()
                .name(format!("combiner-{number}"))
                .spawn(move || work(&core, &waiting))
                .ok()
        };
        Self {
            queue: Mutex::new(Some(queue)),
            threads: Mutex::new((0..writers).filter_map(thread).collect()),
        }
    }

    /// Has a job done, and waits until it is committed.
    pub fn submit(&self, job: Job) -> Result<Answer, Failed> {
        let (answer, answered) = sync_channel(1);
        {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queue.as_ref().ok_or(Failed::Stopping)?;
            queue
                .send(Waiting { job, answer })
                .map_err(|_| Failed::Stopping)?;
        }
        answered.recv().map_err(|_| Failed::Stopping)?
    }
}

impl Combiner {
    /// Lets the writing thread finish what it was given, and ends it.
    pub fn stop(&self) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Combiner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(core: &Core, waiting: &Mutex<Receiver<Waiting>>) {
    while let Some(mut fold) = take(&waiting.lock().unwrap_or_else(PoisonError::into_inner)) {
        // Two requests of one device run in the order they came; abnormal entries go first.
        fold.sort_by_key(|one| !is_abnormal(core, &one.job));
        let (jobs, answers): (Vec<Job>, Vec<_>) =
            fold.into_iter().map(|one| (one.job, one.answer)).unzip();
        for (answer, result) in answers.into_iter().zip(run(core, jobs)) {
            // Who no longer listens will ask again.
            let _ = answer.send(result);
        }
    }
}

/// The next fold, once there is one.
fn take(waiting: &Receiver<Waiting>) -> Option<Vec<Waiting>> {
    let first = waiting.recv().ok()?;
    let mut changes = weight(&first.job);
    let mut fold = vec![first];
    while fold.len() < MOST_JOBS && changes < MOST_CHANGES {
        let Ok(next) = waiting.try_recv() else { break };
        changes += weight(&next.job);
        fold.push(next);
    }
    Some(fold)
}

/// Does jobs together, or, where that fails, one by one.
pub(super) fn run(core: &Core, jobs: Vec<Job>) -> Vec<Result<Answer, Failed>> {
    if jobs.len() > 1
        && let Ok(Ok(answers)) = attempt(core, &jobs).0
    {
        return answers.into_iter().map(Ok).collect();
    }
    jobs.into_iter().map(|job| run_one(core, job)).collect()
}

fn run_one(core: &Core, mut job: Job) -> Result<Answer, Failed> {
    loop {
        let (result, line) = attempt(core, std::slice::from_ref(&job));
        match result {
            Ok(result) => return result?.pop().ok_or(Failed::Broken),
            // The change at fault is set aside unread; the rest is not held up by it (I5).
            Err(()) => match &mut job {
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

fn weight(job: &Job) -> usize {
    match job {
        Job::Push(push) => push.lines.len(),
        Job::Write(written) => written.len(),
        _ => 1,
    }
}

fn is_abnormal(core: &Core, job: &Job) -> bool {
    matches!(job, Job::Push(push) if core.is_abnormal(push))
}
