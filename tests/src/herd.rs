//! Many phones that reconnect in the same second: each has its request ready, all connections are
//! opened, all requests sent, and then all answers read.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kadian::app::App;
use kadian::demo::chance::Chance;
use kadian::store::devices::{self, NewDevice};
use serde_json::{Value, json};
use sync_protocol::id::UserId;
use sync_protocol::replica::Token;

use crate::http::gzip;
use crate::lines::{Pen, bytes};
use crate::phone::body;

/// Phones, each with the bytes it will send.
#[derive(Debug)]
pub struct Herd {
    requests: Vec<Vec<u8>>,
    /// Changes that all of them bring.
    pub entries: usize,
}

/// What became of a rush.
#[derive(Debug)]
pub struct Rush {
    /// The status that each phone heard; 0 where the connection broke.
    pub statuses: Vec<u16>,
    /// `ack` of each reply.
    pub acks: Vec<u64>,
    pub took: Duration,
}

impl Rush {
    pub fn count(&self, status: u16) -> usize {
        self.statuses.iter().filter(|one| **one == status).count()
    }
}

/// As many as wanted, or as this machine lets one process have connections to.
pub fn as_many_as(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let most = line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    // Where the test serves too, each connection has two ends here.
    wanted.min(most.unwrap_or(usize::MAX).saturating_sub(200) / 2)
}

impl Herd {
    /// So many phones of one person, with so many entries each.
    pub fn gather(app: &App, user: UserId, phones: usize, entries: usize, place: &str) -> Self {
        let now = app.clock.now();
        let mut chance = Chance::new(17);
        let tokens: Vec<Token> = (0..phones).map(|_| Token::of(&chance.bytes())).collect();
        app.store
            .write::<_, kadian::store::Error>(|c| {
                for token in &tokens {
                    let hash = devices_hash(token);
                    let new = NewDevice {
                        account: user,
                        token_hash: &hash,
                        name: "a phone",
                        leaves: None,
                        now,
                    };
                    devices::insert(c, &new)?;
                }
                Ok(())
            })
            .unwrap();
        let requests = tokens.iter().enumerate().map(|(number, token)| {
            let mut pen = Pen::new(1_000 + number as u64);
            let lines: Vec<Value> = (0..entries).map(|_| pen.registration(now, place)).collect();
            request(token, now, &bytes(&lines))
        });
        Self {
            requests: requests.collect(),
            entries: phones * entries,
        }
    }

    /// All at once.
    pub fn rush(&self, address: &str) -> Rush {
        let began = Instant::now();
        let streams: Vec<io::Result<TcpStream>> = self
            .requests
            .iter()
            .map(|_| {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(Duration::from_secs(300)))?;
                Ok(stream)
            })
            .collect();
        let sent: Vec<io::Result<TcpStream>> = streams
            .into_iter()
            .zip(&self.requests)
            .map(|(stream, request)| {
                let mut stream = stream?;
                stream.write_all(request)?;
                Ok(stream)
            })
            .collect();
        let heard: Vec<(u16, u64)> = sent
            .into_iter()
            .map(|stream| {
                stream
                    .and_then(|mut stream| listen(&mut stream))
                    .unwrap_or((0, 0))
            })
            .collect();
        Rush {
            statuses: heard.iter().map(|one| one.0).collect(),
            acks: heard.iter().map(|one| one.1).collect(),
            took: began.elapsed(),
        }
    }
}

fn devices_hash(token: &Token) -> [u8; 32] {
    kadian::accounts::devices::token_hash(token.reveal()).unwrap()
}

/// The request of a phone that has never sent anything.
pub fn request(token: &Token, now: i64, lines: &[Vec<u8>]) -> Vec<u8> {
    let envelope = json!({"protocol": 1, "now": now, "era": 1, "from": 1, "after": ""});
    let packed = gzip(&body(&envelope, lines));
    let head = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        token.reveal(),
        packed.len()
    );
    [head.as_bytes(), &packed].concat()
}

/// Status and `ack` of what comes until the other end closes.
fn listen(stream: &mut TcpStream) -> io::Result<(u16, u64)> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got)?;
    let text = String::from_utf8_lossy(&got);
    let status = text.split(' ').nth(1).and_then(|text| text.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |parts| parts.1);
    let reply: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    Ok((status.unwrap_or(0), reply["ack"].as_u64().unwrap_or(0)))
}
