//! Who may come in, and whose turn it is. Requests that need the database take a [`Place`] at the
//! door, before their bodies are read; when all places are taken, or nothing has left for a while,
//! they are turned away. Inside, each waits for its [`Turn`]: few run at once, so that what is
//! unpacked and parsed stays little, and the line has an order. Whoever has a place is served.

mod line;
mod pace;

pub use line::Rank;

use actix_web::rt::time::timeout;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{Sender, channel};

use line::Line;
use pace::Drain;

/// Ordinary requests that are with the database at once: enough for a fold of a herd and for the next to
/// be read while that is written, and few enough for little memory.
pub const AT_ONCE: usize = 20;
/// What an ordinary request takes at most, unpacked; its changes, parsed, are several times that.
const ORDINARY_BYTES: usize = 128 * 1024;
/// Nobody waits longer for a turn.
const PATIENCE: Duration = Duration::from_secs(60);
/// All turns taken and none given back for so long: the database does not answer.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// How many ordinary requests a request counts for. The last one to get a turn may pass the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load(usize);

impl Load {
    /// What most requests are.
    pub const ORDINARY: Self = Self(1);

    /// That of a body which will have about so many bytes, unpacked.
    pub const fn of(bytes: usize) -> Self {
        Self(1 + bytes / ORDINARY_BYTES)
    }
}

/// There is no room, or no turn came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The door and the line behind it; clones share them.
#[derive(Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    places: usize,
    turns: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Places taken: being read, waiting, or with the database.
    inside: usize,
    /// Turns taken.
    running: usize,
    /// And how many ordinary ones they count for.
    load: usize,
    line: Line<(Load, Sender<Turn>)>,
    drain: Drain,
    /// When a turn was last given back.
    last: Duration,
}

impl State {
    fn begin(&mut self, load: Load) {
        self.running += 1;
        self.load += load.0;
    }

    fn end(&mut self, load: Load) {
        self.running -= 1;
        self.load -= load.0;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing inside the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free turns to those who wait.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                if state.load >= self.turns {
                    return;
                }
                let Some((load, next)) = state.line.pop() else {
                    return;
                };
                state.begin(load);
                (load, next)
            };
            // Whoever hung up meanwhile leaves it to the next.
            let (load, next) = next;
            if let Err(mut turn) = next.send(Turn(Some((Arc::clone(self), load)))) {
                turn.0 = None;
                self.lock().end(load);
            }
        }
    }
}

/// A place inside.
pub struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
    }
}

/// A turn with the database; it is over when this is dropped.
pub struct Turn(Option<(Arc<Shared>, Load)>);

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((shared, load)) = self.0.take() else {
            return;
        };
        let now = shared.started.elapsed();
        {
            let mut state = shared.lock();
            state.end(load);
            state.drain.note(now);
            state.last = now;
        }
        shared.hand_on();
    }
}

impl Admission {
    /// Room for so many, of whom so many run at once.
    pub fn new(places: usize, turns: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                places,
                turns,
                state: Mutex::default(),
            }),
        }
    }

    /// Takes a place, if there is one.
    pub fn enter(&self) -> Result<Place, Full> {
        let now = self.shared.started.elapsed();
        let mut state = self.shared.lock();
        let stalled =
            state.load >= self.shared.turns && now.saturating_sub(state.last) > STALLED_AFTER;
        if state.inside >= self.shared.places || stalled {
            return Err(Full);
        }
        state.inside += 1;
        Ok(Place(Arc::clone(&self.shared)))
    }

    /// A turn, if one is free and nobody waits for it.
    pub fn turn_now(&self, load: Load) -> Option<Turn> {
        let now = self.shared.started.elapsed();
        let mut state = self.shared.lock();
        (state.load < self.shared.turns && state.line.len() == 0).then(|| {
            if state.running == 0 {
                // Whoever was idle is not stalled.
                state.last = now;
            }
            state.begin(load);
            Turn(Some((Arc::clone(&self.shared), load)))
        })
    }

    /// Waits for a turn, for a bounded time.
    pub async fn turn(&self, rank: Rank, load: Load) -> Result<Turn, Full> {
        if let Some(turn) = self.turn_now(load) {
            return Ok(turn);
        }
        let (hand, taken) = channel();
        {
            let mut state = self.shared.lock();
            if state.line.len() > 2 * self.shared.places {
                state.line.retain(|(_, hand)| !hand.is_closed());
            }
            state.line.push(rank, (load, hand));
        }
        // A turn may have become free just before.
        self.shared.hand_on();
        match timeout(PATIENCE, taken).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Full),
        }
    }

    /// Requests inside, and those of them that wait for a turn.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.inside, state.line.len())
    }

    /// How long those who are inside will take.
    fn wait(&self) -> Duration {
        let now = self.shared.started.elapsed();
        let mut state = self.shared.lock();
        let per_second = state.drain.per_second(now);
        pace::wait_for(state.running + state.line.len(), per_second)
    }

    /// When somebody who is turned away should try again.
    pub fn retry_after(&self) -> Duration {
        pace::retry_after(self.wait(), chance())
    }

    /// When a phone should come again though nothing presses.
    pub fn next_in(&self) -> u32 {
        pace::next_in(self.wait(), chance())
    }
}

/// Without randomness the answers are not spread, and no worse.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_house_turns_away_until_somebody_leaves() {
        let door = Admission::new(2, 1);
        let first = door.enter().unwrap_or_else(|_| panic!("the first"));
        let second = door.enter().unwrap_or_else(|_| panic!("the second"));
        assert!(door.enter().is_err());
        drop(first);
        assert!(door.enter().is_ok());
        drop(second);
        assert_eq!(door.depth(), (0, 0));
    }

    #[actix_web::test]
    async fn turns_are_handed_on_in_the_order_of_ranks_and_past_those_who_hung_up() {
        let door = Admission::new(100, 1);
        let running = door.turn_now(Load::ORDINARY);
        let running = running.unwrap_or_else(|| panic!("a turn is free"));
        assert!(door.turn_now(Load::ORDINARY).is_none());
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for rank in [Rank::Pull, Rank::Push, Rank::Abnormal, Rank::Desk] {
            let (door, told) = (door.clone(), Arc::clone(&told));
            waiting.push(actix_web::rt::spawn(async move {
                let turn = door.turn(rank, Load::ORDINARY).await;
                told.lock().unwrap().push(rank);
                drop(turn);
            }));
        }
        while door.depth().1 < 4 {
            actix_web::rt::task::yield_now().await;
        }
        // The push hangs up before its turn comes.
        waiting.remove(1).abort();
        drop(running);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(
            *told.lock().unwrap(),
            [Rank::Abnormal, Rank::Desk, Rank::Pull]
        );
        assert!(door.turn_now(Load::ORDINARY).is_some(), "no turn was lost");
    }

    #[test]
    fn a_large_request_counts_for_several_and_gives_back_what_it_took() {
        let door = Admission::new(100, 4);
        let of = |bytes| door.turn_now(Load::of(bytes));
        assert_eq!(Load::of(45_000), Load::ORDINARY, "50 entries");
        let large = of(3 * ORDINARY_BYTES);
        assert!(large.is_some() && of(0).is_none(), "four of four");
        drop(large);
        let small: Vec<_> = (0..3).map(|_| of(0)).collect();
        assert!(small.iter().all(Option::is_some));
        let last = of(10 * ORDINARY_BYTES);
        assert!(last.is_some(), "one was free, and nobody is too large");
        drop(small);
        assert!(of(0).is_none());
        drop(last);
        assert!(of(0).is_some());
    }
}
