//! A kept-alive connection that sends ready bytes and takes a reply, with next to no work of its
//! own: it shares the machine with what it measures.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use sync_protocol::wire::Reply;

use super::phone::Shot;

/// A reply that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    /// Bytes of the head, and of the body as it was sent.
    pub head: usize,
    pub body: Vec<u8>,
    packed: bool,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

impl Answer {
    /// All bytes that came.
    pub fn received(&self) -> usize {
        self.head + self.body.len()
    }

    /// The reply of the protocol in it.
    pub fn reply(&self) -> io::Result<Reply> {
        let bytes = self.unpacked()?;
        serde_json::from_slice(&bytes).map_err(|_| {
            io::Error::other(format!(
                "no reply of the protocol, but status {}",
                self.status
            ))
        })
    }

    fn unpacked(&self) -> io::Result<Vec<u8>> {
        if !self.packed {
            return Ok(self.body.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.body.as_slice()).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

/// The connection.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Sends a request and waits for the whole reply.
    pub fn exchange(&mut self, shot: &Shot) -> io::Result<Answer> {
        let began = Instant::now();
        self.stream.write_all(&shot.bytes)?;
        let mut bytes = Vec::new();
        loop {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(self.buffer.get(..read).unwrap_or_default());
            if let Some(answer) = complete(&bytes, began.elapsed())? {
                return Ok(answer);
            }
        }
    }
}

/// The answer in these bytes, once all of it has come.
pub fn complete(bytes: &[u8], took: Duration) -> io::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = bytes.split_at(end + 4);
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let header = |name: &str| {
        text.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("a reply without a status"))?;
    let length: usize = match header("content-length").map(str::parse) {
        Some(Ok(length)) => length,
        // These have no body, and need not say so.
        None if status == 304 || status == 204 => 0,
        _ => return Err(io::Error::other("a reply of unknown length")),
    };
    if body.len() < length {
        return Ok(None);
    }
    Ok(Some(Answer {
        status,
        retry_after: header("retry-after").and_then(|seconds| seconds.parse().ok()),
        head: head.len(),
        packed: header("content-encoding") == Some("gzip"),
        body: body.to_vec(),
        took,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_there_when_all_of_it_is() {
        let whole =
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello";
        for cut in 0..whole.len() {
            assert_eq!(complete(&whole[..cut], Duration::ZERO).unwrap(), None);
        }
        let answer = complete(whole, Duration::ZERO).unwrap().unwrap();
        assert_eq!((answer.status, answer.retry_after), (503, Some(7)));
        assert_eq!((answer.received(), answer.body.len()), (whole.len(), 5));
        assert!(answer.reply().is_err());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [&b"nonsense\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\n\r\n"] {
            assert!(complete(bytes, Duration::ZERO).is_err());
        }
    }
}
