//! One request of a phone, step by step: it is read and judged on a thread, its changes are written
//! when it is their turn, and it is answered on a thread. While it waits it holds no thread; what it
//! holds of the server (its place, its turn, its share of memory) goes with it from step to step.

use std::sync::Arc;

use actix_web::rt::time::timeout;
use sync_protocol::Millis;
use sync_protocol::id::DeviceNumber;
use sync_protocol::wire::{Reply, Request};
use tokio::sync::oneshot::{Receiver, channel};

use crate::app::App;
use crate::store;
use crate::sync::Engine;
use crate::sync::combiner::{Coming, DONE_WITHIN, Done, Failed, TAKEN_WITHIN};
use crate::sync::exchange::{Answered, Begun, Refusal};
use crate::sync::job::Job;

use super::admission::{Place, Turn};
use super::body::{Limits, Packed};
use super::problem::Problem;

/// Who asks, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub device: DeviceNumber,
    /// When the head of the request arrived.
    pub received: Millis,
}

/// Takes a request whose turn it is to its reply.
pub async fn run(
    app: &Arc<App>,
    caller: Caller,
    held: (Place, Turn),
    body: Packed,
    limits: &'static Limits,
) -> Result<Reply, Problem> {
    let shared = Arc::clone(app);
    let begin = move || {
        let engine = shared.engine()?;
        let coming = engine.announce();
        let body = body.unpack(limits)?;
        let request = Request::parse(&body)?;
        let begun = engine.begin(caller.device, &request, caller.received)?;
        let envelope = request.envelope;
        // Who has nothing to be written is waited for no longer.
        let coming = matches!(begun, Begun::Waits(_)).then_some(coming);
        Ok::<_, Problem>((engine, coming, body, envelope, begun))
    };
    let (held, begun) = app.threads.run(held, begin).await;
    let (engine, coming, body, envelope, begun) = begun?;
    // The push holds copies of the lines: the memory stays counted until it is done.
    let held = (held, body);
    let (held, answered) = match begun {
        Begun::Answered(answered) => (held, answered),
        Begun::Waits(push) => {
            let (held, done) = write(&engine, Job::Push(push), coming, held).await?;
            let reader = engine.clone();
            let finish = move || {
                // The push is thrown away here, beside the threads that serve connections.
                let (answer, _push) = done;
                let answer = answer.map_err(Refusal::Failed)?;
                reader.finish(caller.device, &envelope, answer, caller.received)
            };
            let (held, answered) = app.threads.run(held, finish).await;
            (held, answered?)
        }
    };
    let Answered { reply, looks } = answered;
    if !looks.is_empty() {
        let (_held, (looked, _job)) = write(&engine, Job::Look(looks), None, held).await?;
        looked?;
    }
    Ok(reply)
}

/// Has a job done by a writing thread and waits, for a bounded time, until it is committed, as
/// `Combiner::submit` does on a thread. What is held goes with the job. A caller that hangs up does not
/// take the job back: what came whole is written, for it may be long until its phone comes again.
async fn write<H: Send + 'static>(
    engine: &Engine,
    job: Job,
    coming: Option<Coming>,
    held: H,
) -> Result<(H, Done), Failed> {
    let (answer, mut answered) = channel();
    let tell = move |done| {
        // Who no longer listens will ask again.
        let _ = answer.send((held, done));
    };
    let number = engine.hand_in(job, coming, Box::new(tell))?;
    match timeout(TAKEN_WITHIN, &mut answered).await {
        Ok(told) => told.map_err(|_| Failed::Stopping),
        Err(_) if engine.withdraw(number) => Err(store::Error::Busy.into()),
        Err(_) => wait_on(answered).await,
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
    use crate::store::audit::Look;
    use std::time::Duration;

    fn look() -> Job {
        Job::Look(vec![Look {
            at: 1,
            account: 1,
            device: None,
            action: "read".to_owned(),
            scope_id: None,
            from_head: None,
            to_head: None,
            record: None,
            count: 0,
            purpose: None,
        }])
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
        let waits = write(&engine, look(), None, kept);
        assert!(timeout(Duration::from_millis(20), waits).await.is_err());
        assert_eq!(Arc::strong_count(&held), 2, "it goes with the job");
        go.send(()).unwrap();
        busy.join().unwrap().unwrap();
        while Arc::strong_count(&held) > 1 {
            actix_web::rt::task::yield_now().await;
        }
        let (_, (done, _)) = write(&engine, look(), None, ()).await.unwrap();
        done.unwrap();
    }

    #[actix_web::test]
    async fn a_server_that_stops_takes_nothing_more_and_says_so() {
        let app = app();
        let engine = app.engine().unwrap();
        app.stop();
        let refused = write(&engine, look(), None, ()).await;
        assert!(matches!(refused, Err(Failed::Stopping)));
    }
}
