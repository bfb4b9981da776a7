//! The only place where the program asks what time it is. Everything that decides is handed the
//! time; tests and simulations hand over a clock that they move themselves.

pub use sync_protocol::Millis;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// No honest clock stands before this release was made (2026-11-01). Raised with each release.
pub const BUILD: Millis = 1_793_491_200_000;

/// What a manual clock shows inwardly once it runs with the machine's.
const RELEASED: Millis = Millis::MIN;

#[derive(Debug, Clone, Default)]
pub struct Clock {
    manual: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that stands still until it is moved; clones show the same time.
    pub fn manual(start: Millis) -> Self {
        Self {
            manual: Some(Arc::new(AtomicI64::new(start))),
        }
    }

    pub fn now(&self) -> Millis {
        match self.manual.as_ref().map(|time| time.load(Ordering::SeqCst)) {
            Some(time) if time != RELEASED => time,
            _ => system_now(),
        }
    }

    /// Lets a manual clock run with that of the machine from now on.
    pub fn release(&self) {
        self.set(RELEASED);
    }

    /// Puts a manual clock to a time, forwards or back; the clock of the machine is left alone.
    pub fn set(&self, now: Millis) {
        if let Some(time) = &self.manual {
            time.store(now, Ordering::SeqCst);
        }
    }

    /// Moves a manual clock and says what it shows then.
    pub fn advance(&self, by: Millis) -> Millis {
        if let Some(time) = &self.manual {
            time.fetch_add(by, Ordering::SeqCst);
        }
        self.now()
    }
}

fn system_now() -> Millis {
    let millis =
        |span: std::time::Duration| Millis::try_from(span.as_millis()).unwrap_or(Millis::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved() {
        let clock = Clock::manual(1_000);
        let seen_elsewhere = clock.clone();
        assert_eq!(clock.now(), 1_000);
        assert_eq!(clock.advance(500), 1_500);
        clock.set(-7);
        assert_eq!(seen_elsewhere.now(), -7);
        clock.release();
        assert!(seen_elsewhere.now() > BUILD);
    }

    #[test]
    fn the_clock_of_the_machine_cannot_be_set() {
        let clock = Clock::system();
        clock.set(5);
        assert!(clock.now() > 5);
    }
}
