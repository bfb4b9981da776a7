//! What a push costs as the store grows. At each size the same pushes go to the server and, as a
//! measure of the machine's mood at that hour, to a floor that stays small.

use super::figures::{median, ratio};
use super::report::{Goal, Row};
use super::stage::{Duel, Side, Stage};
use super::{Failed, Progress, push, volley};

const PART: &str = "cost as the store grows";

/// What a push costs at one size.
struct Cost {
    rows: u64,
    /// Seconds for 1,000 entries, on the clock and of the processors, and the floor's.
    time: f64,
    cpu: f64,
    control: f64,
}

/// Grows the store and measures at each size.
pub fn measure(stage: &mut Stage, progress: &dyn Progress) -> Result<Vec<Row>, Failed> {
    let mut costs = Vec::new();
    for size in stage.sizes.growth.clone() {
        stage.fill_main(size, progress)?;
        let duel = stage.start()?;
        stage.greet(&duel, progress)?;
        costs.push(cost(stage, &duel, size, progress)?);
        duel.stop()?;
    }
    Ok(rows(&costs, stage.ground.is_postgres()))
}

fn cost(
    stage: &mut Stage,
    duel: &Duel,
    rows: u64,
    progress: &dyn Progress,
) -> Result<Cost, Failed> {
    let (mut times, mut cpus, mut controls) = (Vec::new(), Vec::new(), Vec::new());
    progress.begin("push at this size", stage.sizes.rounds as u64 + 1);
    for round in 0..=stage.sizes.rounds {
        let magazines = push::magazines(stage, 50, stage.sizes.batches_of_50);
        let entries: usize = magazines.iter().flatten().map(|shot| shot.entries).sum();
        let thousands = entries as f64 / 1000.0;
        let floor = volley::fire(duel.address(Side::Floor), &magazines)?;
        let before = duel.cpu_seconds(Side::Server, &stage.ground);
        let server = volley::fire(duel.address(Side::Server), &magazines)?;
        let cpu = duel.cpu_seconds(Side::Server, &stage.ground) - before;
        push::acknowledged(&magazines, &server)?;
        // The first round reads what had not been read since the start.
        if round > 0 {
            times.push(server.seconds / thousands);
            cpus.push(cpu / thousands);
            controls.push(floor.seconds / thousands);
        }
        progress.step(1);
    }
    Ok(Cost {
        rows,
        time: median(&times),
        cpu: median(&cpus),
        control: median(&controls),
    })
}

fn rows(costs: &[Cost], postgres: bool) -> Vec<Row> {
    let Some(first) = costs.first() else {
        return Vec::new();
    };
    let goal = Goal::AtMost(if postgres { 1.3 } else { 1.5 });
    let mut rows = Vec::new();
    for cost in costs {
        let (name, cpu) = (
            format!("1,000 entries pushed at {} entries", cost.rows),
            format!("  processor time, at {} entries", cost.rows),
        );
        // Both times are told in units of the floor's time of the same minutes.
        let relative = ratio(cost.time, cost.control)
            .zip(ratio(first.time, first.control))
            .and_then(|(now, then)| ratio(now, then));
        let row = Row::new(PART, &name, "s", cost.time)
            .against("at first", first.time)
            .ratio(relative);
        rows.push(if cost.rows > first.rows {
            row.goal(goal)
        } else {
            row
        });
        rows.push(Row::new(PART, &cpu, "s", cost.cpu).against("at first", first.cpu));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_apart_from_a_machine_that_slowed_down() {
        let cost = |rows, time, control| Cost {
            rows,
            time,
            cpu: time,
            control,
        };
        // Twice the time, on a machine that has become half as fast: no growth.
        let rows = rows(&[cost(100, 1.0, 0.5), cost(1_000, 2.0, 1.0)], true);
        assert_eq!(rows.len(), 4);
        assert_eq!((rows[2].ratio, rows[2].met), (Some(1.0), Some(true)));
        assert_eq!(rows[0].met, None);
        assert_eq!(rows[3].ratio, Some(2.0));
    }
}
