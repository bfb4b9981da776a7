//! Counters and histograms for `/metrics`, in the text form of Prometheus. Names and label values
//! are `&'static str`: nothing that somebody entered can become one, and their number is bounded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Upper bounds in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// A family of series: declared once, next to the others, so that a name never means two things.
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Type,
}

pub type Labels = Vec<(&'static str, &'static str)>;

#[derive(Default)]
pub struct Metrics {
    series: Mutex<BTreeMap<(&'static str, Labels), Value>>,
}

#[derive(Clone)]
enum Value {
    Number(f64),
    Histogram {
        counts: [u64; BUCKETS.len()],
        sum: f64,
        count: u64,
    },
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal, $help:literal;)*) => {
        $(pub const $constant: Family = Family { name: $name, help: $help, kind: Type::$kind };)*
        /// Every family there is.
        pub const FAMILIES: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    REQUESTS = Counter "kadian_requests_total", "Requests answered, by route and class of status.";
    REQUEST_SECONDS = Histogram "kadian_request_seconds", "Time to answer, by route.";
    REQUEST_BYTES = Counter "kadian_request_bytes_total", "Bytes of request bodies as they were sent.";
    REPLY_BYTES = Counter "kadian_reply_bytes_total", "Bytes of reply bodies as they were sent, by route.";
    PANICS = Counter "kadian_panics_total", "Handlers and folds that ended in a panic; the server went on.";
    THROTTLED = Counter "kadian_throttled_total", "Requests refused because one address asked too often.";
    WAITING = Gauge "kadian_waiting", "Who waits now: at the door for its turn with the database, or for a writing thread.";
    WAIT_SECONDS = Histogram "kadian_wait_seconds", "Time that requests waited for their turn with the database.";
    TURNED_AWAY = Counter "kadian_turned_away_total", "Requests that heard 503 before they were read, because too many waited.";
    FOLD_SECONDS = Histogram "kadian_fold_seconds", "Time of one writing transaction of folded requests.";
    FOLD_WAIT_SECONDS = Histogram "kadian_fold_wait_seconds", "Time that a request waited for a writing transaction to begin.";
    FOLD_JOBS = Counter "kadian_fold_jobs_total", "Requests that were folded into writing transactions.";
    FOLD_CHANGES = Counter "kadian_fold_changes_total", "Changes that were folded into writing transactions.";
    BACKUP_AGE = Gauge "kadian_backup_age_seconds", "Age of the newest verified backup, or, without any, of the database.";
    UP_SECONDS = Gauge "kadian_up_seconds", "Time since the process started.";
}

impl Metrics {
    pub fn count(&self, family: &Family, labels: &[(&'static str, &'static str)], by: u64) {
        if let Value::Number(number) = self
            .lock()
            .entry(key(family, labels))
            .or_insert(Value::Number(0.0))
        {
            *number += by as f64;
        }
    }

    pub fn gauge(&self, family: &Family, labels: &[(&'static str, &'static str)], value: f64) {
        self.lock()
            .insert(key(family, labels), Value::Number(value));
    }

    pub fn observe(&self, family: &Family, labels: &[(&'static str, &'static str)], seconds: f64) {
        let empty = || Value::Histogram {
            counts: [0; BUCKETS.len()],
            sum: 0.0,
            count: 0,
        };
        let mut series = self.lock();
        let value = series.entry(key(family, labels)).or_insert_with(empty);
        if let Value::Histogram { counts, sum, count } = value {
            *sum += seconds;
            *count += 1;
            for (bound, counted) in BUCKETS.iter().zip(counts) {
                *counted += u64::from(seconds <= *bound);
            }
        }
    }

    /// Everything, in the text form of Prometheus.
    pub fn render(&self) -> String {
        let series = self.lock().clone();
        let mut text = String::new();
        for family in FAMILIES {
            let kind = match family.kind {
                Type::Counter => "counter",
                Type::Gauge => "gauge",
                Type::Histogram => "histogram",
            };
            let _ = writeln!(
                text,
                "# HELP {0} {1}\n# TYPE {0} {kind}",
                family.name, family.help
            );
            for ((_, labels), value) in series.iter().filter(|((name, _), _)| *name == family.name)
            {
                write_series(&mut text, family.name, labels, value);
            }
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Labels), Value>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(family: &Family, labels: &[(&'static str, &'static str)]) -> (&'static str, Labels) {
    (family.name, labels.to_vec())
}

fn write_series(text: &mut String, name: &str, labels: &Labels, value: &Value) {
    let braces = |extra: Option<String>| {
        let mut parts: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        parts.extend(extra.map(|bound| format!("le=\"{bound}\"")));
        if parts.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", parts.join(","))
        }
    };
    match value {
        Value::Number(number) => {
            let _ = writeln!(text, "{name}{} {number}", braces(None));
        }
        Value::Histogram { counts, sum, count } => {
            for (bound, counted) in BUCKETS.iter().zip(counts) {
                let _ = writeln!(
                    text,
                    "{name}_bucket{} {counted}",
                    braces(Some(bound.to_string()))
                );
            }
            let _ = writeln!(
                text,
                "{name}_bucket{} {count}",
                braces(Some("+Inf".to_owned()))
            );
            let _ = writeln!(text, "{name}_sum{} {sum}", braces(None));
            let _ = writeln!(text, "{name}_count{} {count}", braces(None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_rendered_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.count(&REQUESTS, &[("route", "/healthz"), ("status", "2xx")], 2);
        metrics.gauge(&UP_SECONDS, &[], 1.5);
        metrics.observe(&REQUEST_SECONDS, &[("route", "/healthz")], 0.004);
        metrics.observe(&REQUEST_SECONDS, &[("route", "/healthz")], 99.0);
        let text = metrics.render();
        for line in [
            "# TYPE kadian_requests_total counter",
            "kadian_requests_total{route=\"/healthz\",status=\"2xx\"} 2",
            "kadian_up_seconds 1.5",
            "kadian_request_seconds_bucket{route=\"/healthz\",le=\"0.0025\"} 0",
            "kadian_request_seconds_bucket{route=\"/healthz\",le=\"0.005\"} 1",
            "kadian_request_seconds_bucket{route=\"/healthz\",le=\"10\"} 1",
            "kadian_request_seconds_bucket{route=\"/healthz\",le=\"+Inf\"} 2",
            "kadian_request_seconds_count{route=\"/healthz\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn no_two_families_share_a_name() {
        let names: std::collections::BTreeSet<_> =
            FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
    }
}
