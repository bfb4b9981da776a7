//! Unpacks a body piece by piece and stops at the first bound that is passed. No more than the
//! unpacked limit and one window of the inflater is ever held.

use flate2::write::GzDecoder;
use std::io::{self, Write};

use super::Limits;
use crate::http::problem::{self, Problem};

/// Compressed bytes are handed on in pieces so small that a bomb is noticed while it opens.
const PIECE: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// Understands the header `Content-Encoding`. Encodings on top of each other are refused.
    pub fn of(header: Option<&str>) -> Result<Self, Problem> {
        let name = header.unwrap_or("identity").trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            _ => Err(Problem::new(problem::BODY_ENCODING)
                .detail("Send the body as it is, or with Content-Encoding: gzip.")),
        }
    }
}

/// A body on its way in.
pub struct Decoder<'a> {
    limits: &'a Limits,
    sent: usize,
    state: State,
}

enum State {
    Plain(Vec<u8>),
    Gzip {
        stream: Box<GzDecoder<Sink>>,
        members: usize,
    },
    /// A bound was passed; the answer has been given.
    Over,
}

impl<'a> Decoder<'a> {
    pub fn new(encoding: Encoding, limits: &'a Limits) -> Self {
        let state = match encoding {
            Encoding::Identity => State::Plain(Vec::new()),
            Encoding::Gzip => State::Gzip {
                stream: Box::new(GzDecoder::new(Sink::new(limits))),
                members: 1,
            },
        };
        Self {
            limits,
            sent: 0,
            state,
        }
    }

    /// Bytes as sent, so far.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Bytes held, so far.
    pub fn held(&self) -> usize {
        match &self.state {
            State::Plain(bytes) => bytes.len(),
            State::Gzip { stream, .. } => stream.get_ref().bytes.len(),
            State::Over => 0,
        }
    }

    /// Takes the next bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        if self.sent + bytes.len() > self.limits.sent {
            self.state = State::Over;
            return Err(too_large(self.limits));
        }
        for piece in bytes.chunks(PIECE) {
            self.sent += piece.len();
            if let Err(problem) = self.take(piece) {
                self.state = State::Over;
                return Err(problem);
            }
        }
        Ok(())
    }

    /// The whole body, once everything has come.
    pub fn finish(self) -> Result<Vec<u8>, Problem> {
        let bytes = match self.state {
            State::Plain(bytes) => bytes,
            State::Gzip { stream, .. } => finish_member(*stream, self.sent)?.bytes,
            State::Over => return Err(Problem::new(problem::BODY_TOO_LARGE)),
        };
        if bytes.is_empty() {
            return Err(Problem::new(problem::BODY_EMPTY).detail("The body has no bytes."));
        }
        Ok(bytes)
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), Problem> {
        match &mut self.state {
            State::Plain(bytes) => {
                if bytes.len() + piece.len() > self.limits.inflated {
                    return Err(too_large(self.limits));
                }
                bytes.extend_from_slice(piece);
                Ok(())
            }
            State::Gzip { stream, members } => {
                inflate(stream, members, piece, self.sent, self.limits)
            }
            State::Over => Err(Problem::new(problem::BODY_TOO_LARGE)),
        }
    }
}

fn inflate(
    stream: &mut GzDecoder<Sink>,
    members: &mut usize,
    mut piece: &[u8],
    sent: usize,
    limits: &Limits,
) -> Result<(), Problem> {
    stream.get_mut().sent = sent;
    while !piece.is_empty() {
        let taken = match stream.write(piece) {
            Ok(taken) => taken,
            Err(error) => return Err(stream.get_ref().judge(&error, sent - piece.len(), limits)),
        };
        if taken == 0 {
            // The member is complete and more bytes follow: another member, or garbage, which the
            // next turn finds out by its header.
            *members += 1;
            if *members > limits.members {
                return Err(damaged(sent - piece.len(), "has too many members"));
            }
            let ended = std::mem::replace(stream, GzDecoder::new(Sink::new(limits)));
            *stream = GzDecoder::new(finish_member(ended, sent - piece.len())?);
        }
        piece = &piece[taken..];
    }
    Ok(())
}

fn finish_member(mut stream: GzDecoder<Sink>, at: usize) -> Result<Sink, Problem> {
    match stream.try_finish() {
        Ok(()) => stream
            .finish()
            .map_err(|_| damaged(at, "cannot be unpacked")),
        Err(_) if stream.get_ref().over => Err(Problem::new(problem::BODY_INFLATED)),
        Err(_) => Err(damaged(at, "ends too early or has a wrong checksum")),
    }
}

fn damaged(at: usize, what: &str) -> Problem {
    Problem::new(problem::BODY_GZIP)
        .detail(format!(
            "The gzip data {what}; compress the body again and resend it."
        ))
        .with("offset", at)
}

pub(super) fn too_large(limits: &Limits) -> Problem {
    Problem::new(problem::BODY_TOO_LARGE)
        .detail(format!(
            "At most {} bytes may be sent; send half as much.",
            limits.sent
        ))
        .with("limit", limits.sent)
        .closing()
}

/// Where unpacked bytes go, as long as they may.
struct Sink {
    bytes: Vec<u8>,
    sent: usize,
    most: usize,
    ratio: usize,
    judged_from: usize,
    over: bool,
}

impl Sink {
    fn new(limits: &Limits) -> Self {
        Self {
            bytes: Vec::new(),
            sent: 0,
            most: limits.inflated,
            ratio: limits.ratio,
            judged_from: limits.judged_from,
            over: false,
        }
    }

    fn judge(&self, error: &io::Error, at: usize, limits: &Limits) -> Problem {
        if self.over {
            return Problem::new(problem::BODY_INFLATED)
                .detail(format!(
                    "At most {} bytes may come out, and at most {} for each byte sent; send half as much.",
                    limits.inflated, limits.ratio
                ))
                .with("limit", limits.inflated)
                .with("offset", at)
                .closing();
        }
        let what = match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => "cannot be unpacked",
            _ => "cannot be read",
        };
        damaged(at, what).closing()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.bytes.len() + bytes.len();
        if size > self.most || (size > self.judged_from && size > self.ratio * self.sent) {
            self.over = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
