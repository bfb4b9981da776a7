//! Pushes: the same bytes to the floor and to the server, in turns.

use std::time::Duration;

use super::figures::{Spread, median, median_ratio};
use super::phone::{Made, Shot};
use super::report::{Goal, Row};
use super::stage::{COLLEAGUES, Duel, Side, Stage};
use super::volley::{self, Volley};
use super::{Failed, Progress};

/// PostgreSQL's processes tell what they counted only after they have rested for so long.
const UNTIL_COUNTED: Duration = Duration::from_secs(11);

/// What one side did, round by round.
#[derive(Debug, Default)]
struct Course {
    rates: Vec<f64>,
    /// Processor seconds for 1,000 entries.
    cpu: Vec<f64>,
    times: Vec<f64>,
    sent: usize,
    received: usize,
    entries: usize,
    requests: usize,
}

impl Course {
    fn add(&mut self, magazines: &[Vec<Shot>], volley: &Volley, cpu: f64) {
        let shots = || magazines.iter().flatten();
        let entries: usize = shots().map(|shot| shot.entries).sum();
        self.rates.push(entries as f64 / volley.seconds);
        self.cpu.push(cpu * 1000.0 / entries as f64);
        self.times.extend(volley.times());
        self.sent += shots().map(|shot| shot.bytes.len()).sum::<usize>();
        self.received += volley.received();
        self.entries += entries;
        self.requests += shots().count();
    }
}

/// Measures pushes in batches of this size.
pub fn measure(
    stage: &mut Stage,
    duel: &Duel,
    size: usize,
    progress: &dyn Progress,
) -> Result<Vec<Row>, Failed> {
    let (part, batches) = if size == 50 {
        ("push in batches of 50", stage.sizes.batches_of_50)
    } else {
        ("push in batches of 500", stage.sizes.batches_of_500)
    };
    let (mut server, mut floor) = (Course::default(), Course::default());
    duel.server.forget_peak();
    progress.begin(part, stage.sizes.rounds as u64 + 1);
    // The first round warms up, and gives colleagues something to amend.
    for round in 0..=stage.sizes.rounds {
        let magazines = magazines(stage, size, batches);
        // Who comes first changes from round to round.
        let order = if round % 2 == 0 {
            [Side::Floor, Side::Server]
        } else {
            [Side::Server, Side::Floor]
        };
        for side in order {
            let before = duel.cpu_seconds(side, &stage.ground);
            let volley = volley::fire(duel.address(side), &magazines)?;
            let cpu = duel.cpu_seconds(side, &stage.ground) - before;
            if side == Side::Server {
                acknowledged(&magazines, &volley)?;
            }
            if round > 0 {
                match side {
                    Side::Server => server.add(&magazines, &volley, cpu),
                    Side::Floor => floor.add(&magazines, &volley, cpu),
                }
            }
        }
        progress.step(1);
    }
    let peak = duel.server.peak_mib();
    let mut rows = rows(part, size, stage.ground.is_postgres(), &server, &floor);
    if !stage.ground.knows_cpu() {
        rows.retain(|row| !row.figure.starts_with("processor"));
    }
    rows.push(Row::new(part, "memory at its peak", "MiB", peak));
    if size == 50 {
        rows.extend(flushes(stage, duel, part, progress)?);
    }
    Ok(rows)
}

/// The next shots of the phones that take part.
pub fn magazines(stage: &mut Stage, size: usize, batches: usize) -> Vec<Vec<Shot>> {
    let now = stage.clock.now();
    let count = stage.sizes.phones.min(stage.volunteers.len());
    let made: Vec<Vec<Made>> = (0..count)
        .map(|index| {
            let other = stage.volunteers.get(colleague(index, count));
            other.map(|phone| phone.made.clone()).unwrap_or_default()
        })
        .collect();
    let phones = stage.volunteers.iter_mut().take(count);
    phones
        .zip(made)
        .map(|(phone, mut others)| {
            (0..batches)
                .map(|_| phone.batch(size, now, &mut others))
                .collect()
        })
        .collect()
}

/// The next one at the same checkpoint.
fn colleague(index: usize, count: usize) -> usize {
    let first = index / COLLEAGUES * COLLEAGUES;
    let there = COLLEAGUES.min(count - first);
    first + (index - first + 1) % there
}

/// Every change must have been acknowledged and none kept aside.
pub fn acknowledged(magazines: &[Vec<Shot>], volley: &Volley) -> Result<(), Failed> {
    for (shot, answer) in magazines
        .iter()
        .flatten()
        .zip(volley.answers.iter().flatten())
    {
        let reply = answer.reply()?;
        if reply.ack != shot.last {
            return Err(Failed::Wrong(format!(
                "{} changes were acknowledged where {} were sent",
                reply.ack, shot.last
            )));
        }
        let aside = reply.verdicts.iter().find(|verdict| verdict.code.is_some());
        if let Some(verdict) = aside {
            return Err(Failed::Wrong(format!(
                "a change was kept aside: {verdict:?}"
            )));
        }
    }
    Ok(())
}

fn rows(
    part: &'static str,
    size: usize,
    postgres: bool,
    server: &Course,
    floor: &Course,
) -> Vec<Row> {
    let (rate, cpu) = goals(size, postgres);
    let (ours, below) = (Spread::of(&server.times), Spread::of(&floor.times));
    let each = |bytes: usize| bytes as f64 / server.entries.max(1) as f64;
    let both = each(server.sent + server.received);
    let mut rows = vec![
        Row::new(part, "entries", "1/s", median(&server.rates))
            .against("floor", median(&floor.rates))
            .ratio(median_ratio(&server.rates, &floor.rates))
            .goal(Goal::AtLeast(rate)),
        Row::new(
            part,
            "processor time for 1,000 entries, database included",
            "s",
            median(&server.cpu),
        )
        .against("floor", median(&floor.cpu))
        .ratio(median_ratio(&server.cpu, &floor.cpu))
        .goal(Goal::AtMost(cpu)),
    ];
    for (name, ours, below) in [
        ("request p50", ours.p50, below.p50),
        ("request p95", ours.p95, below.p95),
        ("request p99", ours.p99, below.p99),
    ] {
        rows.push(Row::new(part, name, "ms", ours).against("floor", below));
    }
    rows.extend([
        Row::new(part, "an entry, up and down, gzip, heads in", "bytes", both)
            .goal(Goal::AtMost(if size == 50 { 120.0 } else { 100.0 })),
        Row::new(part, "  of these up", "bytes", each(server.sent)),
        Row::new(
            part,
            "requests for 1,000 entries",
            "requests",
            server.requests as f64 * 1000.0 / server.entries.max(1) as f64,
        ),
    ]);
    if size == 50 {
        let trip = (server.sent + server.received) as f64 / server.requests.max(1) as f64;
        rows.push(
            Row::new(
                part,
                "push 50 and pull nothing, one round trip",
                "bytes",
                trip,
            )
            .goal(Goal::AtMost(6_500.0)),
        );
    }
    rows
}

/// Entries a second against the floor, processor time against the floor.
const fn goals(size: usize, postgres: bool) -> (f64, f64) {
    match (postgres, size) {
        (true, 50) => (0.90, 1.2),
        (true, _) => (1.45, 0.8),
        (false, _) => (1.5, 1.0),
    }
}

/// A round of which the database's own work is counted.
fn flushes(
    stage: &mut Stage,
    duel: &Duel,
    part: &'static str,
    progress: &dyn Progress,
) -> Result<Vec<Row>, Failed> {
    let rest = if stage.ground.is_postgres() {
        UNTIL_COUNTED
    } else {
        Duration::ZERO
    };
    progress.begin("flushes to the disk", 2);
    let magazines = magazines(stage, 50, stage.sizes.batches_of_50);
    let pushes = magazines.iter().flatten().count() as f64;
    let mut done = Vec::new();
    for (side, database) in [(Side::Server, &stage.main), (Side::Floor, &stage.below)] {
        std::thread::sleep(rest);
        let before = stage.ground.work(database)?;
        let volley = volley::fire(duel.address(side), &magazines)?;
        if side == Side::Server {
            acknowledged(&magazines, &volley)?;
        }
        std::thread::sleep(rest);
        let after = stage.ground.work(database)?;
        let transactions = after.transactions.wrapping_sub(before.transactions) as f64;
        let flushes = after.flushes.zip(before.flushes);
        // SQLite flushes its log once a commit, by `synchronous=FULL`; it does not count.
        let flushes = flushes.map_or(transactions, |(after, before)| (after - before) as f64);
        done.push((transactions, flushes));
        progress.step(1);
    }
    let [(ours, our_flushes), (below, below_flushes)] = done[..] else {
        return Ok(Vec::new());
    };
    Ok(vec![
        Row::new(
            part,
            "pushes in one transaction",
            "pushes",
            pushes / ours.max(1.0),
        )
        .against("floor", pushes / below.max(1.0)),
        Row::new(
            part,
            "flushes to the disk for a transaction",
            "flushes",
            our_flushes / ours.max(1.0),
        )
        .against("floor", below_flushes / below.max(1.0)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colleague_stands_at_the_same_checkpoint_and_is_somebody_else() {
        for count in [2, 4, 5, 7, 32, 2_000] {
            for index in 0..count {
                let other = colleague(index, count);
                assert!(other < count);
                assert_eq!(other / COLLEAGUES, index / COLLEAGUES);
                let alone = count % COLLEAGUES == 1 && index + 1 == count;
                assert_eq!(other == index, alone, "{index} of {count}");
            }
        }
    }
}
