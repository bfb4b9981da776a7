//! Pages of lists: `limit` rows after the key in `after`. A page names the key to go on with, and
//! none when there is no more; rows that come or go meanwhile neither repeat nor hide others.

use serde::{Deserialize, Serialize};

const DEFAULT_ROWS: i64 = 100;
const MOST_ROWS: i64 = 500;

/// What a list's query string says about pages.
pub const AFTER: (&str, &str) = ("after", "`next` of the page before");
pub const LIMIT: (&str, &str) = ("limit", "rows on a page, at most 500");

#[derive(Debug, Default, Deserialize)]
pub struct Page<K> {
    #[serde(default)]
    pub after: K,
    limit: Option<i64>,
}

impl<K> Page<K> {
    pub fn limit(&self) -> i64 {
        self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MOST_ROWS)
    }
}

/// A page as it is sent.
#[derive(Debug, Serialize)]
pub struct Listed<R, K> {
    pub rows: Vec<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<K>,
}

impl<R, K> Listed<R, K> {
    /// `limit` is how many rows were asked for: fewer means that there are no more.
    pub fn new(rows: Vec<R>, limit: i64, key: impl Fn(&R) -> K) -> Self {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let next = rows.last().filter(|_| full).map(key);
        Self { rows, next }
    }
}
