//! A bounded set of connections for reading. A connection on which something panicked is not
//! given back but closed. There is no health check: an embedded database is there or it is not.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dialect::Connection;
use super::error::Error;

pub(super) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
    most: usize,
    wait: Duration,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    open: usize,
}

impl Pool {
    pub(super) fn new(most: usize, wait: Duration) -> Self {
        Self {
            state: Mutex::default(),
            freed: Condvar::new(),
            most: most.max(1),
            wait,
        }
    }

    /// Runs `work` with a connection of its own; waits a bounded time for one.
    pub(super) fn with<T, E: From<Error>>(
        &self,
        connect: impl FnOnce() -> Result<Connection, Error>,
        work: impl FnOnce(&mut Connection) -> (Keep, Result<T, E>),
    ) -> Result<T, E> {
        let mut lease = self.lease(connect)?;
        let Some(connection) = lease.connection.as_mut() else {
            return Err(Error::Unavailable("a lease without a connection".to_owned()).into());
        };
        let (keep, result) = work(connection);
        if keep == Keep::Yes {
            lease.give_back();
        }
        result
    }

    fn lease(
        &self,
        connect: impl FnOnce() -> Result<Connection, Error>,
    ) -> Result<Lease<'_>, Error> {
        let until = Instant::now() + self.wait;
        let mut state = self.lock();
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(Lease {
                    pool: self,
                    connection: Some(connection),
                });
            }
            if state.open < self.most {
                state.open += 1;
                drop(state);
                // From here on the lease answers for the place it took, also when this fails.
                let mut lease = Lease {
                    pool: self,
                    connection: None,
                };
                lease.connection = Some(connect()?);
                return Ok(lease);
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return Err(Error::Busy);
            };
            state = self
                .freed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing inside the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(PartialEq, Eq)]
pub(super) enum Keep {
    Yes,
    No,
}

struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Lease<'_> {
    fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            let mut state = self.pool.lock();
            // The drop below gives up the place; it is taken again here under one lock.
            state.idle.push(connection);
            state.open += 1;
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.open = state.open.saturating_sub(1);
        drop(state);
        self.pool.freed.notify_one();
    }
}
