//! Pulls of grid lists and of a checkpoint's day, one after the other on an idle server, each set
//! against a request of the same phone that does nothing. Each is sent twice and timed the second time:
//! the first pays for what the processor has forgotten over another sort of request.

use serde_json::json;
use sync_protocol::Millis;
use sync_protocol::wire::{Ask, Feed, Reply};

use super::figures::{Spread, median_ratio};
use super::line::{Answer, Line};
use super::phone::{self, Phone, Shot};
use super::report::{Goal, Row};
use super::stage::{Duel, Stage};
use super::{Failed, Progress};
use crate::demo::people;
use crate::sync::day::local_day;

const PART: &str = "pull";
/// Households of a grid that change between two pulls.
const CHANGED: usize = 3;

/// Times of one sort of request, in milliseconds.
#[derive(Debug, Default)]
struct Sort {
    times: Vec<f64>,
    received: usize,
    body: usize,
}

impl Sort {
    fn add(&mut self, answer: &Answer) {
        self.times.push(answer.took.as_secs_f64() * 1000.0);
        self.received += answer.received();
        self.body += answer.body.len();
    }

    fn body(&self) -> f64 {
        self.body as f64 / self.times.len().max(1) as f64
    }
}

/// Measures all sorts, grid by grid.
pub fn measure(
    stage: &mut Stage,
    duel: &Duel,
    progress: &dyn Progress,
) -> Result<Vec<Row>, Failed> {
    let mut line = Line::open(duel.server.address)?;
    let [
        mut nothing,
        mut cold,
        mut idle,
        mut changed,
        mut places,
        mut day,
    ] = std::array::from_fn(|_| Sort::default());
    progress.begin("pulls", stage.leaders.len() as u64);
    let clock = stage.clock.clone();
    for (number, (reader, writer)) in stage.leaders.iter_mut().enumerate() {
        let now = clock.now();
        let empty = reader.ask(Vec::new(), now);
        let scope = reader.place.to_string();
        let first = reader.ask(vec![ask_from_zero(&scope)?], now);
        nothing.add(&again(&mut line, &empty)?);
        let list = again(&mut line, &first)?;
        cold.add(&list);
        let feed = feed_of(list.reply()?)?;
        let later = reader.ask(vec![ask_after(&feed)], now);
        idle.add(&again(&mut line, &later)?);
        let list = phone::get("/v1/scopes", &reader.token);
        places.add(&again(&mut line, &list)?);
        let shot = edits(writer, &feed, now);
        exchange(&mut line, &shot)?;
        let after = again(&mut line, &later)?;
        let rows = feed_of(after.reply()?)?.rows.len();
        if rows != CHANGED.min(feed.rows.len()) {
            return Err(Failed::Wrong(format!(
                "{rows} rows came where {CHANGED} had changed"
            )));
        }
        changed.add(&after);
        if let Some(volunteer) = stage.volunteers.get(number) {
            let today = local_day(now, None);
            let scope = format!("{}@{today}", volunteer.place);
            let shot = volunteer.ask(vec![ask_from_zero(&scope)?], now);
            day.add(&again(&mut line, &shot)?);
        }
        progress.step(1);
    }
    Ok(rows(
        stage.ground.is_postgres(),
        [&nothing, &cold, &idle, &changed, &places, &day],
    ))
}

fn rows(postgres: bool, [nothing, cold, idle, changed, places, day]: [&Sort; 6]) -> Vec<Row> {
    let goals = if postgres {
        [4.0, 1.5, 2.0]
    } else {
        [2.0, 1.2, 1.5]
    };
    let base = Spread::of(&nothing.times);
    let mut rows = Vec::new();
    for ((name, sort), goal) in [
        ("p50 of a cold list of 27 households", cold),
        ("p50 with nothing new", idle),
        ("p50 with three households changed", changed),
    ]
    .into_iter()
    .zip(goals)
    {
        rows.push(
            Row::new(PART, name, "ms", Spread::of(&sort.times).p50)
                .against("empty sync", base.p50)
                .ratio(median_ratio(&sort.times, &nothing.times))
                .goal(Goal::AtMost(goal)),
        );
    }
    for (name, sort) in [
        ("cold list", cold),
        ("nothing new", idle),
        ("three changed", changed),
    ] {
        let spread = Spread::of(&sort.times);
        rows.push(
            Row::new(PART, &format!("{name}, p95"), "ms", spread.p95)
                .against("empty sync", base.p95),
        );
        rows.push(
            Row::new(PART, &format!("{name}, p99"), "ms", spread.p99)
                .against("empty sync", base.p99),
        );
    }
    rows.extend([
        Row::new(PART, "cold list, body", "bytes", cold.body()).goal(Goal::AtMost(4_300.0)),
        Row::new(PART, "nothing new, body", "bytes", idle.body()).goal(Goal::AtMost(500.0)),
        Row::new(PART, "three changed, body", "bytes", changed.body()),
        Row::new(
            PART,
            "p50 of a checkpoint's day, first page",
            "ms",
            Spread::of(&day.times).p50,
        )
        .against("empty sync", base.p50),
        Row::new(
            PART,
            "a checkpoint's day, first page, body",
            "bytes",
            day.body(),
        ),
        Row::new(
            PART,
            "p50 of /v1/scopes, for comparison",
            "ms",
            Spread::of(&places.times).p50,
        )
        .against("empty sync", base.p50),
    ]);
    rows
}

/// The second answer to the same request.
fn again(line: &mut Line, shot: &Shot) -> Result<Answer, Failed> {
    exchange(line, shot)?;
    exchange(line, shot)
}

fn exchange(line: &mut Line, shot: &Shot) -> Result<Answer, Failed> {
    let answer = line.exchange(shot)?;
    if answer.status == 200 {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Err(Failed::Wrong(format!(
        "a pull was answered with {}: {text}",
        answer.status
    )))
}

fn ask_from_zero(scope: &str) -> Result<Ask, Failed> {
    let ask = json!([scope, 0, "", "0000000000000000"]);
    serde_json::from_value(ask).map_err(|_| Failed::Wrong(format!("{scope} is no scope")))
}

fn ask_after(feed: &Feed) -> Ask {
    Ask(
        feed.scope.clone(),
        feed.cursor,
        feed.view.clone(),
        feed.digest,
    )
}

fn feed_of(reply: Reply) -> Result<Feed, Failed> {
    let dropped = format!("{:?}", reply.dropped);
    let feed = reply.feeds.into_iter().next();
    feed.ok_or_else(|| Failed::Wrong(format!("a scope was not served: {dropped}")))
}

/// Another leader of the grid puts telephone numbers right.
fn edits(writer: &mut Phone, feed: &Feed, now: Millis) -> Shot {
    let schema = writer.known.schema;
    let lines = feed
        .rows
        .iter()
        .take(CHANGED)
        .map(|row| {
            let number = people::phone(&mut writer.chance);
            let set = [("phone".to_owned(), json!(number))].into();
            let pen = &mut writer.pen;
            let mut change = pen.change(&row.kind, row.record, schema, now, set);
            change.heading.base = Some(row.rev);
            change.heading.saw = Some(row.stamp);
            change.to_line()
        })
        .collect();
    writer.push(lines, now)
}
