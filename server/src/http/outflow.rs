//! Callers that do not read what they asked for. A reply is handed to the connection in pieces, and
//! one that is taken more slowly than a bad network would is broken off; the system itself gives up
//! a connection whose other end takes nothing at all.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use std::any::Any;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The connection holds about two of these at a time.
const PIECE: usize = 16 * 1024;
/// For so long a reply may be taken as slowly as it likes.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes a second, from the beginning, that must have been taken after that.
const LEAST_RATE: usize = 1024;
/// Whoever takes nothing for so long is gone.
const NOTHING_TAKEN: Duration = Duration::from_secs(20);

/// Has the system end connections whose other end takes nothing.
pub(super) fn guard(connection: &dyn Any, _: &mut Extensions) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        let millis = u32::try_from(NOTHING_TAKEN.as_millis()).unwrap_or(u32::MAX);
        // Where the system does not know this, the rest of this file still holds.
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, millis);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (connection, NOTHING_TAKEN);
}

/// Lets a reply go only as long as somebody takes it.
pub(super) fn pace(reply: HttpResponse) -> HttpResponse {
    reply.map_body(|_, body: BoxBody| match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > PIECE => BoxBody::new(Paced {
            left: bytes,
            taken: 0,
            began: None,
        }),
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => body,
    })
}

struct Paced {
    left: Bytes,
    taken: usize,
    began: Option<Instant>,
}

impl MessageBody for Paced {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized((self.taken + self.left.len()) as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        // Asked for the next piece, the connection has got rid of those before.
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        if is_too_slow(self.taken, elapsed) {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.left.len().min(PIECE);
        let piece = self.left.split_to(size);
        self.taken += size;
        Poll::Ready(Some(Ok(piece)))
    }
}

fn is_too_slow(taken: usize, elapsed: Duration) -> bool {
    elapsed > GRACE && (taken as f64) < elapsed.as_secs_f64() * LEAST_RATE as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_broken_off_when_it_is_taken_more_slowly_than_a_bad_network_would() {
        let s = Duration::from_secs;
        assert!(!is_too_slow(0, s(10)));
        assert!(is_too_slow(PIECE, s(17)));
        assert!(!is_too_slow(2 * PIECE, s(17)));
        assert!(!is_too_slow(PIECE, s(15)));
    }

    #[actix_web::test]
    async fn a_paced_reply_is_the_same_bytes_and_says_its_length() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let reply = pace(HttpResponse::Ok().body(bytes.clone()));
        assert_eq!(reply.body().size(), BodySize::Sized(100_000));
        let got = actix_web::body::to_bytes(reply.into_body()).await.unwrap();
        assert_eq!(got, bytes);
    }
}
