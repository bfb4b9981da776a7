//! One request of a phone, step by step: it is read and judged on a thread, its changes are written
//! when it is their turn, and it is answered on a thread. While it waits it holds no thread; what it
//! holds of the server (its place, its turn, its share of memory) goes with it from step to step.

use std::sync::Arc;

use actix_web::rt::time::timeout;
use sync_protocol::Millis;
use sync_protocol::id::DeviceNumber;
use sync_protocol::wire::{Envelope, Request};
use tokio::sync::oneshot::{Receiver, channel};

use crate::app::App;
use crate::store;
use crate::sync::Engine;
use crate::sync::combiner::{Coming, DONE_WITHIN, Done, Failed, TAKEN_WITHIN};
use crate::sync::exchange::{Answered, Begun, Refusal};
use crate::sync::job::{Job, Push};

use super::admission::{Place, Turn};
use super::body::{Limits, Packed};
use super::problem::{self, Problem};
use super::reply::Json;

/// Who asks, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub device: DeviceNumber,
    /// When the head of the request arrived.
    pub received: Millis,
    /// Whether a packed reply is taken.
    pub accepts_gzip: bool,
}

/// Takes a request whose turn it is to its reply.
pub async fn run(
    app: &Arc<App>,
    caller: Caller,
    held: (Place, Turn),
    body: Packed,
    limits: &'static Limits,
) -> Result<Json, Problem> {
    // What is read goes on record with a hold of the same place and turn.
    let held = Arc::new(held);
    let (shared, place) = (Arc::clone(app), Arc::clone(&held));
    let begin = move || {
        let engine = shared.engine()?;
        let coming = engine.announce();
        let body = body.unpack(limits)?;
        let request = Request::parse(&body)?;
        let step = match engine.begin(caller.device, &request, caller.received)? {
            Begun::Waits(push) => Step::Waits(push, request.envelope, coming),
            Begun::Answered(answered) => {
                // Who has nothing to be written is waited for no longer.
                drop(coming);
                Step::Told(tell(&shared, &engine, answered, caller, place)?)
            }
        };
        Ok::<_, Problem>((engine, body, step))
    };
    let (held, begun) = app.threads.run(held, begin).await;
    let (engine, body, step) = begun?;
    let (_held, told) = match step {
        Step::Told(told) => ((held, body), told),
        Step::Waits(push, envelope, coming) => {
            // The push holds copies of the lines: the memory stays counted until it is done.
            let held = (held, body);
            let writing = hand_in(&engine, Job::Push(push), Some(coming), held)?;
            let (held, done) = writing.done(&engine).await?;
            let (shared, reader) = (Arc::clone(app), engine.clone());
            let place = Arc::clone(&held.0);
            let finish = move || {
                // The push is thrown away here, beside the threads that serve connections.
                let (answer, _push) = done;
                let answer = answer.map_err(Refusal::Failed)?;
                let answered = reader.finish(caller.device, &envelope, answer, caller.received)?;
                tell(&shared, &reader, answered, caller, place)
            };
            let (held, told) = app.threads.run(held, finish).await;
            (held, told?)
        }
    };
    if let Some(looking) = told.looking {
        let (_, (looked, _job)) = looking.done(&engine).await?;
        looked?;
    }
    Ok(told.reply)
}

/// A place at the door and a turn: given back when nobody has hold of them any more.
type Held = Arc<(Place, Turn)>;

/// How far a request has come after its first step.
enum Step {
    /// Its changes wait to be written.
    Waits(Push, Envelope, Coming),
    /// To its reply.
    Told(Told),
}

/// A reply, which leaves when what it shows is on record.
struct Told {
    reply: Json,
    looking: Option<Writing<Held>>,
}

/// Has put on record what a reply shows, and writes the reply meanwhile.
fn tell(
    app: &App,
    engine: &Engine,
    answered: Answered,
    caller: Caller,
    held: Held,
) -> Result<Told, Problem> {
    let Answered { mut reply, looks } = answered;
    let looking = if looks.is_empty() {
        None
    } else {
        Some(hand_in(engine, Job::Look(looks), None, held)?)
    };
    reply.next_in = app.admission.next_in();
    let reply = Json::new(&reply, caller.accepts_gzip)
        .map_err(|error| Problem::new(problem::INTERNAL).caused_by(&error))?;
    Ok(Told { reply, looking })
}

/// A job in the hands of a writing thread.
struct Writing<H> {
    number: u64,
    answered: Receiver<(H, Done)>,
}

/// Gives a job to a writing thread. What is held goes with it, and comes back with what became of it. A
/// caller that hangs up does not take the job back: what came whole is written, for it may be long until
/// its phone comes again.
fn hand_in<H: Send + 'static>(
    engine: &Engine,
    job: Job,
    coming: Option<Coming>,
    held: H,
) -> Result<Writing<H>, Failed> {
    let (answer, answered) = channel();
    let tell = move |done| {
        // Who no longer listens will ask again.
        let _ = answer.send((held, done));
    };
    let number = engine.hand_in(job, coming, Box::new(tell))?;
    Ok(Writing { number, answered })
}

impl<H> Writing<H> {
    /// Waits, for a bounded time, until the job is committed, as `Combiner::submit` does on a thread.
    async fn done(mut self, engine: &Engine) -> Result<(H, Done), Failed> {
        match timeout(TAKEN_WITHIN, &mut self.answered).await {
            Ok(told) => told.map_err(|_| Failed::Stopping),
            Err(_) if engine.withdraw(self.number) => Err(store::Error::Busy.into()),
            Err(_) => wait_on(self.answered).await,
        }
    }
}

/// Waits for a job that is in hand.
async fn wait_on<T>(answered: Receiver<T>) -> Result<T, Failed> {
    let left = DONE_WITHIN.saturating_sub(TAKEN_WITHIN);
    let told = timeout(left, answered).await;
    let told = told.map_err(|_| Failed::Unanswered)?;
    told.map_err(|_| Failed::Stopping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{BUILD, Clock};
    use std::time::Duration;

    /// Takes a transaction, and does nothing in it.
    fn nothing() -> Job {
        Job::Write(Vec::new())
    }

    fn app() -> Arc<App> {
        App::trial(Clock::manual(BUILD)).unwrap()
    }

    #[actix_web::test]
    async fn what_a_caller_held_who_hangs_up_stays_with_the_job_until_it_is_done() {
        let app = app();
        let engine = app.engine().unwrap();
        // Nothing can be written while this goes on.
        let (begun, begins) = std::sync::mpsc::channel();
        let (go, goes) = std::sync::mpsc::channel::<()>();
        let store = app.store.clone();
        let busy = std::thread::spawn(move || {
            store.write::<_, store::Error>(|_| {
                begun.send(()).unwrap();
                goes.recv().unwrap();
                Ok(())
            })
        });
        begins.recv().unwrap();
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let waits = hand_in(&engine, nothing(), None, kept).unwrap();
        let waits = waits.done(&engine);
        assert!(timeout(Duration::from_millis(20), waits).await.is_err());
        assert_eq!(Arc::strong_count(&held), 2, "it goes with the job");
        go.send(()).unwrap();
        busy.join().unwrap().unwrap();
        while Arc::strong_count(&held) > 1 {
            actix_web::rt::task::yield_now().await;
        }
        let next = hand_in(&engine, nothing(), None, ()).unwrap();
        let (_, (done, _)) = next.done(&engine).await.unwrap();
        done.unwrap();
    }

    #[actix_web::test]
    async fn a_server_that_stops_takes_nothing_more_and_says_so() {
        let app = app();
        let engine = app.engine().unwrap();
        app.stop();
        let refused = hand_in(&engine, nothing(), None, ());
        assert!(matches!(refused, Err(Failed::Stopping)));
    }
}
