//! Many phones at once: each a thread with a connection that stays open, sending what was made
//! ready and waiting for each reply.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::Instant;

use super::Failed;
use super::line::{Answer, Line};
use super::phone::Shot;

/// What came of it.
#[derive(Debug)]
pub struct Volley {
    pub seconds: f64,
    /// For each phone, the answers to its shots, in order.
    pub answers: Vec<Vec<Answer>>,
}

impl Volley {
    /// Milliseconds that each request took.
    pub fn times(&self) -> impl Iterator<Item = f64> {
        self.answers
            .iter()
            .flatten()
            .map(|answer| answer.took.as_secs_f64() * 1000.0)
    }

    pub fn received(&self) -> usize {
        self.answers.iter().flatten().map(Answer::received).sum()
    }
}

/// Fires. `magazines` holds the shots of each phone.
pub fn fire(address: SocketAddr, magazines: &[Vec<Shot>]) -> Result<Volley, Failed> {
    let ready = Barrier::new(magazines.len() + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = magazines
            .iter()
            .map(|shots| {
                let ready = &ready;
                scope.spawn(move || {
                    let line = Line::open(address);
                    ready.wait();
                    let mut line = line?;
                    shots.iter().map(|shot| line.exchange(shot)).collect()
                })
            })
            .collect();
        ready.wait();
        let began = Instant::now();
        let answers: io::Result<Vec<Vec<Answer>>> = threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a phone broke")))
            })
            .collect();
        let seconds = began.elapsed().as_secs_f64();
        let answers = answers?;
        if let Some(wrong) = answers.iter().flatten().find(|answer| answer.status >= 400) {
            return Err(Failed::Wrong(format!(
                "a request was answered with {}: {}",
                wrong.status,
                String::from_utf8_lossy(&wrong.body)
            )));
        }
        Ok(Volley { seconds, answers })
    })
}
