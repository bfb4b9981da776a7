//! Every way in which a request can be refused (RFC 9457), and the only file that knows status
//! codes. A refusal names the place and the rule and says what to do, never the value that was
//! sent. Whatever went wrong inside is logged under the number of the request and not told.
//!
//! A new one is a line in the list below and a section in `docs/problems.md`; a test compares.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

use crate::accounts::{self, Refusal};
use crate::definitions::NotAdded;
use crate::records::Fault;
use crate::store;

use super::headers;

/// One kind of refusal. Codes are stable: clients decide by them.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    pub status: u16,
    pub title: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $status:literal $code:literal, $title:literal;)*) => {
        $(pub const $constant: &Code = &Code { code: $code, status: $status, title: $title };)*
        /// Every code there is.
        pub const CODES: &[&Code] = &[$($constant),*];
    };
}

codes! {
    BODY_DEPTH = 400 "body_depth", "The JSON is nested too deep.";
    BODY_EMPTY = 400 "body_empty", "The request needs a body.";
    BODY_GZIP = 400 "body_gzip", "The compressed body is damaged.";
    BODY_JSON = 400 "body_json", "The body is not the JSON that is expected here.";
    BODY_TRUNCATED = 400 "body_truncated", "The body ended too early.";
    BODY_UTF8 = 400 "body_utf8", "The body is not UTF-8.";
    BAD_PATH = 400 "bad_path", "A part of the path is malformed.";
    BAD_QUERY = 400 "bad_query", "The query string is malformed.";
    ENVELOPE = 400 "envelope", "The first line is not the envelope of a request.";
    PROTOCOL = 400 "protocol", "This version of the protocol is not spoken here.";
    UNAUTHENTICATED = 401 "unauthenticated", "Say who you are.";
    CREDENTIALS = 401 "credentials", "Login or password is wrong.";
    ACCOUNT_CLOSED = 403 "account_closed", "The account is closed.";
    BLOCKED = 403 "blocked", "This device is blocked.";
    CODE_EXPIRED = 403 "code_expired", "The enrolment code has run out.";
    CODE_UNKNOWN = 403 "code_unknown", "There is no such enrolment code.";
    CODE_USED = 403 "code_used", "The enrolment code was used already.";
    FORBIDDEN = 403 "forbidden", "Your grants do not cover this.";
    NOT_FOUND = 404 "not_found", "There is nothing here.";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed", "This resource does not know that method.";
    BODY_SLOW = 408 "body_slow", "The body came too slowly.";
    FORK = 409 "fork", "Another phone has used these numbers.";
    GAP = 409 "gap", "Changes are missing.";
    DECIDED = 409 "decided", "This was decided before.";
    NOT_ADMITTED = 409 "not_admitted", "The change cannot be admitted.";
    STALE = 409 "stale", "The record has changed since.";
    TAKEN = 409 "taken", "Somebody else has it already.";
    TOO_MANY_EXITS = 409 "too_many_exits", "This phone's line has parted too often.";
    BODY_TOO_LARGE = 413 "body_too_large", "The body is too large.";
    BODY_INFLATED = 413 "body_inflated", "The body is too large once it is unpacked.";
    TOO_MANY_CHANGES = 413 "too_many_changes", "The request carries too many changes.";
    BODY_ENCODING = 415 "body_encoding", "The encoding of the body is not supported.";
    BODY_TYPE = 415 "body_type", "The content type of the body is not supported.";
    CHILD = 422 "child", "The record moves with the one it stands with.";
    DEFINITION = 422 "definition", "The definition cannot be taken.";
    KEY_REUSED = 422 "key_reused", "This idempotency key was used for something else.";
    PLACE = 422 "place", "Records of this kind do not live there.";
    MALFORMED = 422 "malformed", "A member has a value that is not allowed.";
    TOO_OLD = 426 "too_old", "The definitions on this phone are too old to be served by.";
    TOO_MANY_REQUESTS = 429 "too_many_requests", "Too many requests.";
    INTERNAL = 500 "internal", "Something went wrong on the server.";
    BUSY = 503 "busy", "The server is busy.";
    UNAVAILABLE = 503 "unavailable", "The server cannot do its work right now.";
    UNANSWERED = 504 "unanswered", "The database has not answered in time.";
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    code: &'static Code,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    closes: bool,
    cause: Option<String>,
}

impl Problem {
    pub fn new(code: &'static Code) -> Self {
        Self {
            code,
            detail: None,
            members: Map::new(),
            headers: Vec::new(),
            closes: false,
            cause: None,
        }
    }

    /// What is wrong and what to do about it. Never quotes what was sent.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// One more member of the document, as `"offset": 17`.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// When to try again.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.headers
            .push((RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        self
    }

    /// Ends the connection after the reply: the rest of the body is not worth reading.
    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// What happened inside; for the log only.
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        self.cause = Some(text);
        self
    }

    /// A caller whose token is missing, unknown or out of date.
    pub fn unauthenticated(detail: &str) -> Self {
        let mut problem = Self::new(UNAUTHENTICATED).detail(detail);
        problem
            .headers
            .push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem
    }

    pub fn method_not_allowed(allowed: &str) -> Self {
        let mut problem =
            Self::new(METHOD_NOT_ALLOWED).detail(format!("This resource answers {allowed}."));
        problem
            .headers
            .extend(HeaderValue::from_str(allowed).map(|value| (ALLOW, value)));
        problem
    }

    pub fn too_many(wait: Duration) -> Self {
        Self::new(TOO_MANY_REQUESTS)
            .detail("This address asks too often; wait as long as Retry-After says.")
            .retry_after(wait)
    }

    /// A member, parameter or header with a value that is not allowed.
    pub fn malformed(field: &'static str, rule: &'static str) -> Self {
        Self::new(MALFORMED)
            .detail(format!("{field}: {rule}"))
            .with("field", field)
            .with("rule", rule)
    }

    pub fn too_many_of_yours(wait: Duration) -> Self {
        Self::new(TOO_MANY_REQUESTS)
            .detail("You ask too often; wait as long as Retry-After says.")
            .retry_after(wait)
    }

    pub fn code(&self) -> &'static Code {
        self.code
    }

    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The reply. Faults of the server tell their title and the number of the request, no more.
    pub fn render(&self, request: Option<&str>) -> HttpResponse {
        let mut reply = HttpResponse::build(self.status_code());
        reply.content_type("application/problem+json");
        for (name, value) in &self.headers {
            reply.insert_header((name.clone(), value.clone()));
        }
        if self.closes {
            reply.force_close();
        }
        let mut reply = reply.body(self.document(request).to_string());
        headers::secure(reply.headers_mut());
        reply
    }

    fn document(&self, request: Option<&str>) -> Value {
        let Code {
            code,
            status,
            title,
        } = self.code;
        let mut document = Map::new();
        document.insert("type".to_owned(), json!(format!("/problems/{code}")));
        document.insert("title".to_owned(), json!(title));
        document.insert("status".to_owned(), json!(status));
        document.insert("code".to_owned(), json!(code));
        if *status < 500 {
            document.extend(
                self.detail
                    .iter()
                    .map(|text| ("detail".to_owned(), json!(text))),
            );
            document.extend(self.members.clone());
        }
        document.extend(request.map(|number| ("request".to_owned(), json!(number))));
        Value::Object(document)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.render(None)
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match &error {
            store::Error::Busy => Self::new(BUSY).retry_after(Duration::from_secs(2)),
            store::Error::Unavailable(_) => Self::new(UNAVAILABLE)
                .retry_after(Duration::from_secs(10))
                .caused_by(&error),
            store::Error::Corrupt(_) | store::Error::Query(_) => {
                Self::new(INTERNAL).caused_by(&error)
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        let code = match refusal {
            Refusal::SessionOver => return Self::unauthenticated("Sign in again."),
            Refusal::Throttled { seconds } => {
                return Self::new(TOO_MANY_REQUESTS)
                    .detail("Wait as long as Retry-After says before the next attempt.")
                    .retry_after(Duration::from_secs(seconds));
            }
            Refusal::Malformed { field, rule } => {
                return Self::new(MALFORMED)
                    .detail(text)
                    .with("field", field)
                    .with("rule", rule);
            }
            Refusal::Taken(field) => {
                return Self::new(TAKEN).detail(text).with("field", field);
            }
            Refusal::Forbidden => FORBIDDEN,
            Refusal::Unknown(_) => NOT_FOUND,
            Refusal::Credentials => CREDENTIALS,
            Refusal::CodeUnknown => CODE_UNKNOWN,
            Refusal::CodeUsed => CODE_USED,
            Refusal::CodeExpired => CODE_EXPIRED,
            Refusal::AccountClosed => ACCOUNT_CLOSED,
            Refusal::DeviceBlocked => BLOCKED,
            Refusal::TooManyExits => TOO_MANY_EXITS,
        };
        Self::new(code).detail(text)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        match fault {
            Fault::Unknown => Self::new(NOT_FOUND),
            Fault::Forbidden => Self::new(FORBIDDEN),
            Fault::Malformed { field, rule } => Self::malformed(field, rule),
            Fault::Stale => Self::new(STALE).detail("Read it again and decide anew."),
            Fault::Decided => Self::new(DECIDED),
            Fault::Place => Self::new(PLACE),
            Fault::Child => Self::new(CHILD),
            Fault::Taken => Self::new(TAKEN)
                .detail(text)
                .with("field", "idempotency-key"),
            Fault::NotAdmitted(code) => Self::new(NOT_ADMITTED).detail(text).with("reason", code),
            Fault::Failed(failed) => failed.into(),
        }
    }
}

impl From<NotAdded> for Problem {
    fn from(fault: NotAdded) -> Self {
        match fault {
            NotAdded::Faults(faults) => {
                let faults: Vec<Value> = faults
                    .iter()
                    .map(|fault| json!({ "path": fault.path, "message": fault.message }))
                    .collect();
                Self::new(DEFINITION)
                    .detail("Each fault names its place and what to do.")
                    .with("faults", faults)
            }
            NotAdded::Failed(failed) => failed.into(),
        }
    }
}

impl From<accounts::Error> for Problem {
    fn from(error: accounts::Error) -> Self {
        match error {
            accounts::Error::Refused(refusal) => refusal.into(),
            accounts::Error::Store(error) => error.into(),
            accounts::Error::Ledger(_) => Self::new(UNAVAILABLE)
                .retry_after(Duration::from_secs(10))
                .caused_by(&error),
            accounts::Error::Machine(_) => Self::new(INTERNAL).caused_by(&error),
        }
    }
}

/// What each code means, in words; served under `/problems/<code>`.
pub const DOCUMENT: &str = include_str!("../../../docs/problems.md");

/// The section of the document about one code.
pub fn section(code: &str) -> Option<&'static str> {
    let known = CODES.iter().find(|known| known.code == code)?;
    let heading = format!("\n## {}\n", known.code);
    let start = DOCUMENT.find(&heading)? + 1;
    let section = DOCUMENT.get(start..)?;
    Some(
        section
            .find("\n## ")
            .map_or(section, |end| &section[..=end]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_and_every_documented_code_exists() {
        let headings: Vec<_> = DOCUMENT
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        for code in CODES {
            let section = section(code.code);
            let section =
                section.unwrap_or_else(|| panic!("docs/problems.md lacks ## {}", code.code));
            assert!(
                section.contains(&format!("Status {}", code.status)),
                "{section}"
            );
            assert!(section.contains(code.title), "{section}");
        }
        for heading in headings {
            assert!(
                CODES.iter().any(|code| code.code == heading),
                "{heading} is no code"
            );
        }
        let codes: std::collections::BTreeSet<_> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(codes.len(), CODES.len());
    }

    #[test]
    fn a_fault_of_the_server_tells_only_its_title_and_the_request() {
        let error = store::Error::Corrupt("secret column".to_owned());
        let problem = Problem::from(error).detail("secret").with("also", "secret");
        let text = problem.document(Some("7f")).to_string();
        assert!(
            !text.contains("secret") && !text.contains("unreadable"),
            "{text}"
        );
        assert!(text.contains("\"request\":\"7f\"") && text.contains("\"code\":\"internal\""));
        assert!(problem.cause().unwrap().contains("unreadable"));
    }

    #[test]
    fn a_refusal_says_what_to_do_and_when() {
        let reply = Problem::too_many(Duration::from_millis(1200)).render(Some("7f"));
        assert_eq!(reply.status().as_u16(), 429);
        assert_eq!(reply.headers().get(RETRY_AFTER).unwrap(), "2");
        assert_eq!(
            reply.headers().get("content-type").unwrap(),
            "application/problem+json"
        );
        let reply = Problem::method_not_allowed("GET, HEAD").render(None);
        assert_eq!(reply.headers().get(ALLOW).unwrap(), "GET, HEAD");
    }
}
