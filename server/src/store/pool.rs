//! A bounded set of connections. One on which something panicked, or whose transaction could not be
//! ended, is not given back but closed. There is no health check before use: a connection that turns
//! out to be lost takes the idle ones with it, which came from the same server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Error;

pub(super) struct Pool<T> {
    state: Mutex<State<T>>,
    freed: Condvar,
    most: usize,
    wait: Duration,
}

struct State<T> {
    idle: Vec<T>,
    lent: usize,
    /// Steps whenever the idle ones are thrown away: what was lent before is not taken back.
    age: u64,
}

impl<T> Pool<T> {
    pub(super) fn new(most: usize, wait: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                idle: Vec::new(),
                lent: 0,
                age: 0,
            }),
            freed: Condvar::new(),
            most: most.max(1),
            wait,
        }
    }

    /// Adds a connection that is open already.
    pub(super) fn put(&self, connection: T) {
        self.lock().idle.push(connection);
    }

    /// Runs `work` with a connection of its own; waits a bounded time for one.
    pub(super) fn with<R>(
        &self,
        connect: impl FnOnce() -> Result<T, Error>,
        work: impl FnOnce(&mut T) -> (Keep, R),
    ) -> Result<R, Error> {
        let mut lease = self.lease(connect)?;
        let Some(connection) = lease.connection.as_mut() else {
            return Err(Error::Unavailable("a lease without a connection".to_owned()));
        };
        let (keep, result) = work(connection);
        if keep == Keep::Yes {
            lease.give_back();
        }
        Ok(result)
    }

    /// Closes what is idle, and what is lent as soon as it comes back.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.age += 1;
        state.idle.clear();
    }

    fn lease(&self, connect: impl FnOnce() -> Result<T, Error>) -> Result<Lease<'_, T>, Error> {
        let until = Instant::now() + self.wait;
        let mut state = self.lock();
        loop {
            let age = state.age;
            if let Some(connection) = state.idle.pop() {
                state.lent += 1;
                return Ok(Lease {
                    pool: self,
                    connection: Some(connection),
                    age,
                });
            }
            if state.lent < self.most {
                state.lent += 1;
                drop(state);
                // From here on the lease answers for the place it took, also when this fails.
                let mut lease = Lease {
                    pool: self,
                    connection: None,
                    age,
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

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing inside the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(PartialEq, Eq)]
pub(super) enum Keep {
    Yes,
    No,
}

struct Lease<'a, T> {
    pool: &'a Pool<T>,
    connection: Option<T>,
    age: u64,
}

impl<T> Lease<'_, T> {
    fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            let mut state = self.pool.lock();
            if state.age == self.age {
                state.idle.push(connection);
            }
        }
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent = state.lent.saturating_sub(1);
        drop(state);
        self.pool.freed.notify_one();
    }
}
