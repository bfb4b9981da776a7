//! An HTTP/1.1 client of one connection that sends exactly what it is given, however wrong, and
//! counts the bytes. It follows nothing, repeats nothing and unpacks only when asked.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came, packed or not.
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body, unpacked if it came packed.
    pub fn plain(&self) -> Vec<u8> {
        if self.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(self.body.as_slice())
                .read_to_end(&mut plain)
                .unwrap();
            plain
        } else {
            self.body.clone()
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.plain()).into_owned()
    }

    /// The body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.plain()).unwrap_or(Value::Null)
    }

    /// The code of a problem document, or nothing if this is none.
    pub fn code(&self) -> Option<String> {
        if self.header("content-type") != Some("application/problem+json") {
            return None;
        }
        let document = self.json();
        let whole = document["status"] == self.status
            && document["title"].is_string()
            && document["type"].is_string();
        let code = document["code"].as_str()?;
        whole.then(|| code.to_owned())
    }
}

/// One connection to one server.
#[derive(Debug)]
pub struct Client {
    address: String,
    stream: Option<TcpStream>,
    patience: Duration,
}

impl Client {
    /// `address` is host and port.
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            stream: None,
            patience: Duration::from_secs(30),
        }
    }

    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A request with a length that fits its body.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" || !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.send(&[head.as_bytes(), body].concat())
    }

    /// Any bytes; what comes back must be an answer of HTTP/1.1. A connection that the server has
    /// closed since the last answer is opened anew.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        if let Some(stream) = self.stream.take() {
            match self.exchange(stream, bytes) {
                Ok(answer) => return Ok(answer),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
            }
        }
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        self.exchange(stream, bytes)
    }

    fn exchange(&mut self, mut stream: TcpStream, bytes: &[u8]) -> io::Result<Answer> {
        // The server may answer and close before it has read everything.
        let written = stream.write_all(bytes);
        let mut got = Vec::new();
        let mut piece = [0; 16 * 1024];
        let head_end = loop {
            if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut piece) {
                Ok(0) | Err(_) if got.is_empty() && written.is_err() => {
                    return Err(io::ErrorKind::NotConnected.into());
                }
                Ok(0) if got.is_empty() => return Err(io::ErrorKind::NotConnected.into()),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => got.extend_from_slice(&piece[..count]),
                Err(error) => return Err(error),
            }
        };
        let head = String::from_utf8_lossy(&got[..head_end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|text| text.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: got.split_off(head_end),
        };
        let length = answer.header("content-length").and_then(|t| t.parse().ok());
        let length: usize = length.unwrap_or(0);
        while answer.body.len() < length {
            match stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => answer.body.extend_from_slice(&piece[..count]),
            }
        }
        if answer.header("connection") != Some("close") && written.is_ok() {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
