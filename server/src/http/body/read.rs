//! Waits for a body, within bounds of time, rate and total memory.

use actix_web::HttpRequest;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::rt::time::timeout;
use flate2::read::GzDecoder;
use std::io::Read as _;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Limits;
use super::decode::{Decoder, Encoding, too_large};
use crate::http::problem::{self, Problem};

/// Between two looks at the memory so many packed bytes are unpacked.
const PIECE: usize = 16 * 1024;

/// A body that has come whole. While it lives, it counts against the memory for all bodies.
pub struct Body {
    bytes: Vec<u8>,
    sent: usize,
    _share: Share,
}

impl Body {
    /// Bytes as sent.
    pub fn sent(&self) -> usize {
        self.sent
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that has come whole and is still as it was sent: it may wait like this, and cost little.
pub struct Packed {
    came: Came,
    encoding: Encoding,
}

/// Changes packed by gzip are about so many times as long unpacked.
const GROWS: usize = 8;

impl Packed {
    /// About how many bytes it will have, unpacked.
    pub fn about_unpacked(&self) -> usize {
        match self.encoding {
            Encoding::Identity => self.came.bytes.len(),
            Encoding::Gzip => self.came.bytes.len() * GROWS,
        }
    }

    /// How the body begins, at most so many bytes of it. Says nothing of whether it is sound.
    pub fn peek(&self, most: usize) -> Vec<u8> {
        match self.encoding {
            Encoding::Identity => self.came.bytes.iter().take(most).copied().collect(),
            Encoding::Gzip => {
                let mut beginning = Vec::new();
                let inflated = GzDecoder::new(self.came.bytes.as_slice());
                // What is damaged is found out when it is unpacked.
                let _ = inflated.take(most as u64).read_to_end(&mut beginning);
                beginning
            }
        }
    }

    /// Unpacks it within the bounds.
    pub fn unpack(self, limits: &Limits) -> Result<Body, Problem> {
        let Came {
            mut bytes,
            sent,
            mut share,
        } = self.came;
        if self.encoding == Encoding::Gzip {
            let mut decoder = Decoder::new(Encoding::Gzip, limits);
            for piece in bytes.chunks(PIECE) {
                decoder.push(piece)?;
                share.grow_to(sent + decoder.held())?;
            }
            bytes = decoder.finish()?;
        }
        Ok(Body {
            bytes,
            sent,
            _share: share,
        })
    }
}

/// Reads the body of a request that declares one of `types`.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    types: &[&str],
    limits: &Limits,
    budget: &Budget,
) -> Result<Body, Problem> {
    let encoding = check_head(request, types)?;
    let came = take(request, payload, encoding, limits, budget).await?;
    Ok(Body {
        bytes: came.bytes,
        sent: came.sent,
        _share: came.share,
    })
}

/// Receives the body of a request that declares one of `types`, and leaves it packed.
pub async fn receive(
    request: &HttpRequest,
    payload: Payload,
    types: &[&str],
    limits: &Limits,
    budget: &Budget,
) -> Result<Packed, Problem> {
    let encoding = check_head(request, types)?;
    let mut came = take(request, payload, Encoding::Identity, limits, budget).await?;
    // It may wait for long, and many may.
    came.bytes.shrink_to_fit();
    Ok(Packed { came, encoding })
}

fn check_head(request: &HttpRequest, types: &[&str]) -> Result<Encoding, Problem> {
    check_type(header(request, &CONTENT_TYPE)?, types).map_err(Problem::closing)?;
    Encoding::of(header(request, &CONTENT_ENCODING)?).map_err(Problem::closing)
}

/// The bytes of a body, and their share of the memory.
struct Came {
    bytes: Vec<u8>,
    sent: usize,
    share: Share,
}

/// Waits for all bytes, unpacking them on the way as `encoding` says.
async fn take(
    request: &HttpRequest,
    payload: Payload,
    encoding: Encoding,
    limits: &Limits,
    budget: &Budget,
) -> Result<Came, Problem> {
    let declared = header(request, &CONTENT_LENGTH)?.and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limits.sent) {
        return Err(too_large(limits));
    }

    let started = Instant::now();
    let mut stream = pin!(BodyStream::new(payload));
    let mut decoder = Decoder::new(encoding, limits);
    let mut share = budget.share();
    loop {
        let next = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx));
        let left = patience(decoder.sent(), limits).saturating_sub(started.elapsed());
        let piece = match timeout(left, next).await {
            Err(_) => return Err(slow(decoder.sent(), limits)),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(truncated(decoder.sent(), declared)),
            Ok(Some(Ok(piece))) => piece,
        };
        decoder.push(&piece)?;
        share.grow_to(decoder.held())?;
    }
    let sent = decoder.sent();
    if declared.is_some_and(|length| length != sent) {
        return Err(truncated(sent, declared));
    }
    let bytes = decoder.finish()?;
    Ok(Came { bytes, sent, share })
}

/// A header that may stand only once.
fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let code = if *name == CONTENT_TYPE {
        problem::BODY_TYPE
    } else {
        problem::BODY_ENCODING
    };
    let mut values = request.headers().get_all(name);
    let (first, more) = (values.next(), values.next());
    let text = first.map(|value| value.to_str()).transpose();
    match (text, more) {
        (Ok(text), None) => Ok(text),
        _ => Err(Problem::new(code)
            .detail(format!("The header {name} must stand once and in ASCII."))
            .closing()),
    }
}

fn check_type(header: Option<&str>, types: &[&str]) -> Result<(), Problem> {
    let mut parts = header
        .unwrap_or("")
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let utf8 = |parameter: String| match parameter.strip_prefix("charset=") {
        Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        None => true,
    };
    if types.contains(&essence.as_str()) && parts.all(utf8) {
        return Ok(());
    }
    Err(Problem::new(problem::BODY_TYPE).detail(format!(
        "Send Content-Type: {} in UTF-8.",
        types.join(" or ")
    )))
}

/// How long after its beginning a body of which so much has come may still be waited for.
pub(super) fn patience(received: usize, limits: &Limits) -> Duration {
    let earned = Duration::from_secs_f64(received as f64 / limits.least_rate.max(1) as f64);
    earned.max(limits.grace).min(limits.total)
}

fn slow(received: usize, limits: &Limits) -> Problem {
    Problem::new(problem::BODY_SLOW)
        .detail(format!(
            "After {} s a body must have come with {} bytes a second, and whole after {} s; send less at once.",
            limits.grace.as_secs(),
            limits.least_rate,
            limits.total.as_secs()
        ))
        .with("received", received)
        .closing()
}

fn truncated(received: usize, declared: Option<usize>) -> Problem {
    let problem = Problem::new(problem::BODY_TRUNCATED)
        .detail("Fewer or other bytes came than the header announced; send the request again.")
        .with("received", received)
        .closing();
    match declared {
        Some(declared) => problem.with("declared", declared),
        None => problem,
    }
}

/// The memory that all bodies of the process share.
#[derive(Clone)]
pub struct Budget {
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl Budget {
    pub fn new(most: usize) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether there is hardly room for one more body: whoever comes now is better not read.
    pub fn is_tight(&self) -> bool {
        self.taken() > self.most / 8 * 7
    }

    fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            size: 0,
        }
    }
}

struct Share {
    budget: Budget,
    size: usize,
}

impl Share {
    fn grow_to(&mut self, size: usize) -> Result<(), Problem> {
        let more = size.saturating_sub(self.size);
        let before = self.budget.taken.fetch_add(more, Ordering::Relaxed);
        self.size += more;
        if before + more > self.budget.most {
            return Err(Problem::new(problem::BUSY)
                .retry_after(Duration::from_secs(5))
                .closing());
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.size, Ordering::Relaxed);
    }
}
