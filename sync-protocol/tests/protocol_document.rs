//! Holds `docs/protocol.md` to the code: its exchanges are those of `vectors/exchanges.json`,
//! its limits those of `wire`, its examples computed, its codes complete; and the exchanges fit
//! together from one to the next, as a client would find them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test, a panic is the report"
)]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sync_protocol::change::{self, Line};
use sync_protocol::cursor::MAX_LEAPS;
use sync_protocol::digest::Digest;
use sync_protocol::id::RecordId;
use sync_protocol::mark::Mark;
use sync_protocol::record::{MAX_CONFLICTS, MAX_PAST_WRITES};
use sync_protocol::scope::Scope;
use sync_protocol::stamp::SKEW_TOLERANCE_MS;
use sync_protocol::wire::{self, Feed, Outcome, Problem, Reply, Request};
use sync_protocol::{Rev, Seq};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn document() -> String {
    read("../docs/protocol.md")
}

#[derive(Deserialize)]
struct Exchange {
    name: String,
    path: String,
    request: Vec<String>,
    status: u16,
    /// Whether the phone hears the reply.
    arrives: bool,
    reply: Vec<String>,
}

#[derive(Deserialize)]
struct Exchanges {
    exchanges: Vec<Exchange>,
}

fn exchanges() -> Vec<Exchange> {
    let file: Exchanges = serde_json::from_str(&read("vectors/exchanges.json")).unwrap();
    file.exchanges
}

#[test]
fn every_exchange_stands_in_the_document_as_it_is_tested() {
    let document = document();
    let mut from = 0;
    for exchange in exchanges() {
        let request = exchange.request.join("\n");
        let reply = exchange.reply.join("\n");
        let block = format!(
            "```\nPOST {}\n\n{request}\n```\n\n```\n{} {}\n\n{reply}\n```\n",
            exchange.path,
            exchange.status,
            if exchange.status == 200 {
                "OK"
            } else {
                "Conflict"
            },
        );
        let at = document[from..].find(&block);
        assert!(
            at.is_some(),
            "{}: not in docs/protocol.md, or not in its place:\n{block}",
            exchange.name
        );
        from += at.unwrap() + block.len();
    }
    let printed = document.matches("```\nPOST ").count();
    assert_eq!(
        printed,
        exchanges().len(),
        "no exchange is printed untested"
    );
}

/// A client that follows the exchanges: what it sent and holds.
#[derive(Default)]
struct Client {
    lines: BTreeMap<Seq, String>,
    held: BTreeMap<Scope, Held>,
    epoch: Rev,
    offset: Option<i64>,
}

#[derive(Default)]
struct Held {
    cursor: Rev,
    view: String,
    records: BTreeMap<RecordId, Rev>,
}

impl Held {
    fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (record, rev) in &self.records {
            digest.add(*record, *rev);
        }
        digest
    }
}

impl Client {
    fn mark(&self, seq: Seq) -> Option<Mark> {
        (seq > 0).then(|| Mark::of(seq, self.lines[&seq].as_bytes()))
    }

    fn send(&mut self, exchange: &Exchange) {
        let name = &exchange.name;
        let body = exchange.request.join("\n");
        let request = Request::parse(body.as_bytes()).unwrap();
        let envelope = &request.envelope;
        assert_eq!(
            serde_json::to_value(envelope).unwrap()["limit"],
            envelope.limit
        );
        assert_eq!(envelope.epoch, self.epoch, "{name}");
        assert_eq!(
            envelope.eras.get(&envelope.era),
            self.offset.as_ref(),
            "{name}: the smallest offset measured"
        );
        for (seq, line) in (envelope.from..).zip(&request.lines) {
            let line = String::from_utf8(line.to_vec()).unwrap();
            let before = self.lines.insert(seq, line.clone());
            assert!(
                before.is_none_or(|before| before == line),
                "{name}: packs are frozen"
            );
        }
        // The fork is the one request whose mark is not this phone's.
        let knows = envelope.after == self.mark(envelope.from - 1);
        let fork = exchange.reply.join("").contains("\"fork\"");
        assert_eq!(knows, !fork, "{name}");
        for ask in &envelope.pull {
            let held = self.held.entry(ask.0.clone()).or_default();
            assert_eq!(
                (ask.1, &ask.2, ask.3),
                (held.cursor, &held.view, held.digest()),
                "{name}: {}",
                ask.0
            );
        }
    }

    fn receive(&mut self, exchange: &Exchange, sent: &Request<'_>) {
        let name = &exchange.name;
        let reply: Reply = serde_json::from_str(&exchange.reply.join("\n")).unwrap();
        let again: Reply = serde_json::from_value(serde_json::to_value(&reply).unwrap()).unwrap();
        assert_eq!(again, reply);
        assert_eq!(reply.ack_mark, self.mark(reply.ack), "{name}");
        assert!(reply.durable <= reply.ack);
        let last = sent.envelope.from - 1 + sent.lines.len() as u64;
        assert_eq!(reply.ack, last, "{name}: every change got its verdict");
        self.check_verdicts(name, sent, &reply);
        for feed in &reply.feeds {
            self.apply(name, sent, feed);
        }
        for dropped in &reply.dropped {
            self.held.remove(&dropped.scope);
        }
        let measured = reply.now - sent.envelope.now;
        self.offset = Some(self.offset.map_or(measured, |least| least.min(measured)));
        self.epoch = reply.epoch;
    }

    /// A change is named unless it is applied and comes back in a feed.
    fn check_verdicts(&self, name: &str, sent: &Request<'_>, reply: &Reply) {
        for (seq, line) in (sent.envelope.from..).zip(&sent.lines) {
            let named = reply
                .verdicts
                .iter()
                .find(|verdict| (verdict.seq..=verdict.last.unwrap_or(verdict.seq)).contains(&seq));
            let record = match change::parse(line) {
                Ok(Line::Change(change)) => change.record,
                _ => {
                    assert_eq!(named.unwrap().verdict, Outcome::Invalid, "{name}: {seq}");
                    continue;
                }
            };
            let comes_back = reply.feeds.iter().any(|feed| {
                feed.own
                    .iter()
                    .any(|&(first, last, _)| (first..=last).contains(&seq))
                    || feed.rows.iter().any(|row| row.record == record)
            });
            let applied = named.is_none_or(|verdict| verdict.verdict == Outcome::Applied);
            assert_eq!(applied && comes_back, named.is_none(), "{name}: {seq}");
        }
    }

    fn apply(&mut self, name: &str, sent: &Request<'_>, feed: &Feed) {
        let held = self.held.entry(feed.scope.clone()).or_default();
        if !feed.own.is_empty() {
            assert!(
                sent.envelope.epoch == self.epoch && held.cursor > 0 && !feed.reset,
                "{name}: runs are for copies of this epoch"
            );
        }
        if feed.reset {
            held.records.clear();
        }
        for &(first, last, rev) in &feed.own {
            for seq in first..=last {
                let Ok(Line::Change(change)) = change::parse(self.lines[&seq].as_bytes()) else {
                    panic!("{name}: {seq} is no change")
                };
                let before = held.records.insert(change.record, rev);
                assert_eq!(
                    before, change.base,
                    "{name}: {seq} was made on what is held"
                );
            }
        }
        for row in &feed.rows {
            held.records.insert(row.record, row.rev);
        }
        for exit in &feed.exits {
            held.records.remove(&exit.record);
        }
        assert!(feed.cursor >= held.cursor);
        held.cursor = feed.cursor;
        held.view.clone_from(&feed.view);
        let same = (feed.count, feed.digest) == (held.records.len() as u64, held.digest());
        assert_eq!(same, !feed.more, "{name}: {}", feed.scope);
    }
}

#[test]
fn the_exchanges_fit_together_from_one_to_the_next() {
    let mut client = Client::default();
    for exchange in exchanges() {
        if exchange.path != "/v1/sync" {
            for text in [&exchange.request, &exchange.reply] {
                serde_json::from_str::<serde_json::Value>(&text.join("\n")).unwrap();
            }
            continue;
        }
        client.send(&exchange);
        let body = exchange.request.join("\n");
        let sent = Request::parse(body.as_bytes()).unwrap();
        if !exchange.arrives {
            continue;
        }
        if exchange.status == 200 {
            client.receive(&exchange, &sent);
            continue;
        }
        let problem: Problem = serde_json::from_str(&exchange.reply.join("\n")).unwrap();
        if let Some(expected) = problem.expected {
            let after = client
                .mark(expected - 1)
                .map_or_else(String::new, |mark| mark.to_string());
            assert_eq!(problem.after, Some(after), "{}", exchange.name);
        }
    }
    assert!(client.held.values().all(|held| !held.records.is_empty()));
}

#[test]
fn the_limits_in_the_document_are_those_of_the_code() {
    let document = document();
    let limits: &[(&str, usize)] = &[
        ("changes", wire::MAX_CHANGES),
        ("change_bytes", wire::MAX_CHANGE_BYTES),
        ("record_bytes", wire::MAX_RECORD_BYTES),
        ("map_entries", wire::MAX_MAP_ENTRIES),
        ("body_bytes", wire::MAX_BODY_BYTES),
        ("inflated_bytes", wire::MAX_INFLATED_BYTES),
        ("inflate_ratio", wire::MAX_INFLATE_RATIO),
        ("depth", wire::MAX_DEPTH),
        ("page_rows", wire::MAX_PAGE_ROWS),
        ("page_bytes", wire::MAX_PAGE_BYTES),
        ("scopes", wire::MAX_SCOPES),
        ("places", wire::MAX_PLACES),
        ("changes_after_failure", wire::MAX_CHANGES_AFTER_FAILURE),
        ("bytes_after_failure", wire::MAX_BYTES_AFTER_FAILURE),
        ("late_days", usize::try_from(wire::LATE_DAYS).unwrap()),
        ("lease_by_day", usize::try_from(wire::LEASE_BY_DAY).unwrap()),
        ("lease", usize::try_from(wire::LEASE).unwrap()),
        ("next_in", usize::try_from(wire::NEXT_IN).unwrap()),
        (
            "skew_tolerance",
            usize::try_from(SKEW_TOLERANCE_MS).unwrap(),
        ),
        ("max_conflicts", MAX_CONFLICTS),
        ("max_past_writes", MAX_PAST_WRITES),
        ("max_leaps", MAX_LEAPS),
    ];
    let section = document.split("## Limits").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let printed: BTreeMap<&str, usize> = section
        .lines()
        .filter_map(|row| {
            let mut cells = row.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.strip_suffix('`')?;
            Some((name, cells.next()?.replace(' ', "").parse().ok()?))
        })
        .collect();
    assert_eq!(printed, limits.iter().copied().collect());
}

#[test]
fn the_worked_computations_are_right() {
    let document = document();
    let line = r#"{"lost":"storage"}"#;
    let example = format!(
        "$ printf '%s' '412:{line}' | sha256sum | cut -c1-16\n{}\n",
        Mark::of(412, line.as_bytes())
    );
    assert!(document.contains(&example), "{example}");
    let records = [
        ("01a20099-0ebf-7a11-8c21-6f0f2a9d4b01", 1_795_298_400_000),
        ("01a1f3c2-1111-7b22-9d31-5a1e3b8c7d02", 1_795_298_400_011),
    ];
    let mut digest = Digest::default();
    for (record, rev) in records {
        let mut one = Digest::default();
        one.add(record.parse().unwrap(), rev);
        digest.join(one);
        let example = format!("$ printf '%s' '{record}:{rev}' | sha256sum | cut -c1-16\n{one}\n");
        assert!(document.contains(&example), "{example}");
    }
    assert!(document.contains(&format!("`{digest}`")), "{digest}");
}

#[test]
fn every_code_and_invariant_stands_in_the_document() {
    let document = document();
    let codes = [
        "size",
        "utf8",
        "nul",
        "depth",
        "json",
        "number",
        "type",
        "missing",
        wire::parked::OUT_OF_SCOPE,
        wire::parked::TOO_LARGE,
        wire::parked::UNKNOWN_KIND,
        wire::parked::WAITING,
        wire::parked::BEHIND,
        wire::invalid::KIND,
        wire::invalid::PURGED,
        wire::invalid::LOST,
        wire::invalid::SCOPE,
        wire::invalid::PARENT,
    ];
    for code in codes {
        assert!(document.contains(&format!("| `{code}` |")), "{code}");
    }
    for number in 1..=20 {
        assert!(document.contains(&format!("| I{number} |")), "I{number}");
    }
}
