//! The few threads on which the requests of phones are read and answered. Work that blocks for long
//! has threads of its own; here a step reads, judges, or asks the database for a moment, and whoever
//! waits for a commit waits without a thread. So a herd of phones needs no more memory than a few.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The threads; they end when this is dropped and what they do is done.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// At most so many threads, begun as they are needed.
    pub fn new(most: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .thread_name("exchange")
            .max_blocking_threads(most)
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does one step and gives `held` back: until the step is done nobody lets go of it, also where
    /// the caller hangs up.
    pub async fn run<H, T>(&self, held: H, step: impl FnOnce() -> T + Send + 'static) -> (H, T)
    where
        H: Send + 'static,
        T: Send + 'static,
    {
        let Some(runtime) = &self.0 else {
            // Only while it is dropped, when nobody can call this.
            return (held, step());
        };
        let done = runtime.spawn_blocking(move || {
            let result = step();
            (held, result)
        });
        // The panic was logged where it happened; here it goes on to whoever waits for the step.
        done.await
            .unwrap_or_else(|_| std::panic::resume_unwind(Box::new("the step panicked")))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Whoever drops it may not be allowed to block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[actix_web::test]
    async fn what_is_held_is_kept_until_the_step_is_done_though_the_caller_hangs_up() {
        let threads = Threads::new(1).unwrap();
        let held = Arc::new(());
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let kept = Arc::clone(&held);
        let waits = Box::pin(threads.run(kept, move || gone.recv().is_ok()));
        // Begun, and given up at once.
        let given_up = actix_web::rt::time::timeout(std::time::Duration::ZERO, waits).await;
        assert!(given_up.is_err());
        assert_eq!(Arc::strong_count(&held), 2);
        go.send(()).unwrap();
        while Arc::strong_count(&held) > 1 {
            actix_web::rt::task::yield_now().await;
        }
    }
}
