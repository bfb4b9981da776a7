//! The herd: the network comes back, and every phone of the district sends its 50 entries within
//! one second, each on a connection of its own. A phone that hears "later" waits as long as it was
//! told and sends again.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::figures::{Spread, median, median_ratio};
use super::line::{Answer, complete};
use super::phone::Shot;
use super::push;
use super::report::{Goal, Row};
use super::stage::{Duel, Side, Stage};
use super::volley::Volley;
use super::{Failed, Progress};

const PART: &str = "herd";
const BATCH: usize = 50;
const WITHIN: Duration = Duration::from_secs(1);
/// Whoever has no answer after so long never gets one.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB_AT_MOST: f64 = 128.0;

/// What one stampede came to.
struct Stampede {
    seconds: f64,
    /// Milliseconds from a phone's first byte to its acknowledgement.
    times: Vec<f64>,
    /// Requests that were put off.
    put_off: usize,
    /// Connections that broke and were made again.
    broken: usize,
    answers: Vec<Answer>,
}

/// One phone's part of it.
struct Ridden {
    answer: Answer,
    took: Duration,
    put_off: usize,
    broken: usize,
}

/// Lets the herd loose on either side, in turns.
pub fn measure(
    stage: &mut Stage,
    duel: &Duel,
    progress: &dyn Progress,
) -> Result<Vec<Row>, Failed> {
    let mut courses = [Course::default(), Course::default()];
    let mut peak = 0_f64;
    progress.begin("herd", stage.sizes.herd_rounds as u64 + 1);
    for round in 0..=stage.sizes.herd_rounds {
        let shots = shots(stage);
        for side in [Side::Floor, Side::Server] {
            duel.server.forget_peak();
            let before = duel.cpu_seconds(side, &stage.ground);
            let run = stampede(duel.address(side), &shots)?;
            let cpu = duel.cpu_seconds(side, &stage.ground) - before;
            if side == Side::Server {
                peak = peak.max(duel.server.peak_mib());
                let volley = Volley {
                    seconds: run.seconds,
                    answers: vec![run.answers.clone()],
                };
                push::acknowledged(std::slice::from_ref(&shots), &volley)?;
            }
            // The first one warms up.
            if round > 0 {
                let [server, floor] = &mut courses;
                let course = if side == Side::Server { server } else { floor };
                course.add(&run, cpu);
            }
        }
        progress.step(1);
    }
    let [server, floor] = &courses;
    let mut rows = rows(stage, server, floor);
    rows.push(
        Row::new(PART, "memory of the server at its peak", "MiB", peak)
            .goal(Goal::AtMost(MIB_AT_MOST)),
    );
    Ok(rows)
}

/// What one side did, stampede by stampede.
#[derive(Default)]
struct Course {
    seconds: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu: Vec<f64>,
    put_off: usize,
    broken: usize,
}

impl Course {
    fn add(&mut self, run: &Stampede, cpu: f64) {
        let spread = Spread::of(&run.times);
        self.seconds.push(run.seconds);
        self.p50.push(spread.p50);
        self.p99.push(spread.p99);
        self.cpu
            .push(cpu * 1000.0 / (run.times.len() * BATCH) as f64);
        self.put_off += run.put_off;
        self.broken += run.broken;
    }
}

fn rows(stage: &Stage, server: &Course, floor: &Course) -> Vec<Row> {
    let (all, last) = if stage.ground.is_postgres() {
        (1.2, 1.4)
    } else {
        (0.8, 0.8)
    };
    let row = |name, unit, ours: &[f64], below: &[f64]| {
        Row::new(PART, name, unit, median(ours))
            .against("floor", median(below))
            .ratio(median_ratio(ours, below))
    };
    let mut rows = vec![
        row(
            "until all is acknowledged",
            "s",
            &server.seconds,
            &floor.seconds,
        )
        .goal(Goal::AtMost(all)),
        row("p99", "ms", &server.p99, &floor.p99).goal(Goal::AtMost(last)),
        row("p50", "ms", &server.p50, &floor.p50),
    ];
    if stage.ground.knows_cpu() {
        rows.push(row(
            "processor time for 1,000 entries, database included",
            "s",
            &server.cpu,
            &floor.cpu,
        ));
    }
    rows.extend([
        Row::new(
            PART,
            "requests put off with 503",
            "requests",
            server.put_off as f64,
        )
        .goal(Goal::AtMost(0.0)),
        Row::new(
            PART,
            "connections that broke",
            "connections",
            server.broken as f64,
        )
        .goal(Goal::AtMost(0.0)),
        Row::new(
            PART,
            "  on the floor",
            "connections",
            (floor.put_off + floor.broken) as f64,
        ),
    ]);
    rows
}

fn shots(stage: &mut Stage) -> Vec<Shot> {
    let now = stage.clock.now();
    let herd = stage.volunteers.iter_mut().take(stage.sizes.herd);
    herd.map(|phone| phone.batch(BATCH, now, &mut Vec::new()))
        .collect()
}

fn stampede(address: SocketAddr, shots: &[Shot]) -> Result<Stampede, Failed> {
    // One thread for all phones: it shares the processors with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let apart = WITHIN / u32::try_from(shots.len().max(1)).unwrap_or(u32::MAX);
    let began = Instant::now() + Duration::from_millis(50);
    let ridden: Vec<Ridden> = runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        let phones: Vec<_> = (0_u32..)
            .zip(shots)
            .map(|(number, shot)| {
                let bytes = shot.bytes.clone();
                let start = began + apart * number;
                local.spawn_local(async move {
                    tokio::time::sleep_until(start.into()).await;
                    tokio::time::timeout(PATIENCE, ride(address, &bytes, start))
                        .await
                        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                })
            })
            .collect();
        local
            .run_until(async {
                let mut ridden = Vec::with_capacity(phones.len());
                for phone in phones {
                    ridden.push(phone.await.map_err(io::Error::other)??);
                }
                Ok::<_, io::Error>(ridden)
            })
            .await
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let wrong = ridden.iter().find(|one| one.answer.status != 200);
    if let Some(wrong) = wrong {
        return Err(Failed::Wrong(format!(
            "a phone of the herd was answered with {}",
            wrong.answer.status
        )));
    }
    Ok(Stampede {
        seconds,
        times: ridden
            .iter()
            .map(|one| one.took.as_secs_f64() * 1000.0)
            .collect(),
        put_off: ridden.iter().map(|one| one.put_off).sum(),
        broken: ridden.iter().map(|one| one.broken).sum(),
        answers: ridden.into_iter().map(|one| one.answer).collect(),
    })
}

/// One phone, until it has its acknowledgement.
async fn ride(address: SocketAddr, bytes: &[u8], start: Instant) -> io::Result<Ridden> {
    let (mut put_off, mut broken) = (0, 0);
    loop {
        let wait = match attempt(address, bytes).await {
            Ok(answer) if answer.status == 503 || answer.status == 429 => {
                put_off += 1;
                answer.retry_after.unwrap_or(1)
            }
            Ok(answer) => {
                let took = start.elapsed();
                return Ok(Ridden {
                    answer,
                    took,
                    put_off,
                    broken,
                });
            }
            Err(_) => {
                broken += 1;
                1
            }
        };
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

async fn attempt(address: SocketAddr, bytes: &[u8]) -> io::Result<Answer> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(bytes).await?;
    let mut received = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(answer) = complete(&received, began.elapsed())? {
            return Ok(answer);
        }
    }
}
