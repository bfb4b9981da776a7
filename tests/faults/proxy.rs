//! The network that fails: a proxy on 127.0.0.1 in front of a server. Each connection gets the
//! next fault of a list, or the one that stands for all.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the phone to the server.
    Up,
    Down,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As if whoever sent had said all.
    Closed,
    Reset,
}

#[derive(Debug, Clone)]
pub(crate) enum Fault {
    None,
    /// Passes `after` bytes one way, then ends both sides.
    Cut {
        way: Way,
        after: u64,
        end: End,
    },
    /// Every piece comes so much later.
    Delay(Duration),
    /// One byte each time, one way.
    Trickle {
        way: Way,
        every: Duration,
    },
    /// The request goes to the server twice, at once or one after the other; the first answer
    /// that comes is passed on.
    Duplicate {
        at_once: bool,
    },
    /// The request goes to the server, and once more after a while, when the phone is further on.
    Again(Duration),
    /// The answer is not this one but that to another phone which also waits.
    Swapped(Arc<Barrier>, Arc<Mutex<Vec<Vec<u8>>>>),
    /// Nothing comes through one way, and nobody says so.
    BlackHole(Way),
    /// Something else answers in place of the server, which never hears of the request.
    Instead(Vec<u8>),
    /// The server hears of the request, and something else answers.
    Replaced(Vec<u8>),
}

impl Fault {
    /// A page that something between phone and server writes.
    pub(crate) fn page(status: &str, kind: &str, body: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

#[derive(Debug)]
struct Shared {
    target: Mutex<String>,
    next: Mutex<VecDeque<Fault>>,
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
    stopped: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
    at: SocketAddr,
}

impl Proxy {
    /// A proxy to host and port, without a fault.
    pub(crate) fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::new(target.to_owned()),
            next: Mutex::default(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let next = shared.next.lock().unwrap().pop_front();
                let fault = next.unwrap_or(Fault::None);
                std::thread::spawn(move || {
                    // Whatever ends early here ends the connection, and that is all it may do.
                    let _ = carry(stream, &fault, &shared);
                });
            }
        });
        Self {
            address: at.to_string(),
            shared,
            at,
        }
    }

    /// The next connections get these.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.next.lock().unwrap().extend(faults);
    }

    /// Further connections go elsewhere.
    pub(crate) fn turn_to(&self, target: &str) {
        target.clone_into(&mut self.shared.target.lock().unwrap());
    }

    /// Bytes passed up and down since the last time.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::SeqCst);
        (take(&self.shared.up), take(&self.shared.down))
    }

    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.at);
    }
}

fn carry(client: TcpStream, fault: &Fault, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let connect = || {
        let target = shared.target.lock().unwrap().clone();
        let stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        Ok::<_, io::Error>(stream)
    };
    match fault {
        Fault::Instead(page) => answer_instead(client, page),
        Fault::Replaced(page) => {
            let mut client = client;
            ask(&connect, &read_message(&mut client)?)?;
            client.write_all(page)
        }
        Fault::Duplicate { at_once } => duplicate(client, *at_once, &connect),
        Fault::Again(after) => {
            let mut client = client;
            let request = read_message(&mut client)?;
            client.write_all(&ask(&connect, &request)?)?;
            drop(client);
            std::thread::sleep(*after);
            ask(&connect, &request).map(drop)
        }
        Fault::Swapped(both, answers) => {
            let mut client = client;
            let answer = ask(&connect, &read_message(&mut client)?)?;
            answers.lock().unwrap().push(answer.clone());
            both.wait();
            let others = answers.lock().unwrap().clone();
            let other = others.into_iter().find(|other| *other != answer);
            client.write_all(&other.unwrap_or(answer))
        }
        _ => {
            let server = connect()?;
            let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
            let (shared_too, fault_too) = (Arc::clone(shared), fault.clone());
            let struck = Arc::new(AtomicBool::new(false));
            let struck_too = Arc::clone(&struck);
            let up = std::thread::spawn(move || {
                let pipe = (client_too, server_too, Way::Up);
                pump(pipe, &fault_too, &struck_too, &shared_too.up)
            });
            let down = pump((server, client, Way::Down), fault, &struck, &shared.down);
            let _ = up.join();
            down
        }
    }
}

/// Passes bytes one way until that side ends or the fault strikes.
fn pump(
    (mut from, mut to, way): (TcpStream, TcpStream, Way),
    fault: &Fault,
    struck: &AtomicBool,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut left = match fault {
        Fault::Cut {
            way: cut, after, ..
        } if *cut == way => Some(*after),
        _ => None,
    };
    if left == Some(0) {
        return cut(&from, &to, fault, struck);
    }
    let mut piece = [0; 16 * 1024];
    loop {
        let room = left.map_or(piece.len(), |left| {
            usize::try_from(left).unwrap().min(piece.len())
        });
        let size = match from.read(&mut piece[..room]) {
            Ok(0) | Err(_) => {
                if !struck.load(Ordering::SeqCst) {
                    let _ = to.shutdown(Shutdown::Write);
                }
                return Ok(());
            }
            Ok(size) => size,
        };
        match fault {
            Fault::Delay(wait) => std::thread::sleep(*wait),
            Fault::BlackHole(gone) if *gone == way => continue,
            _ => {}
        }
        match fault {
            Fault::Trickle { way: slow, every } if *slow == way => {
                for byte in &piece[..size] {
                    to.write_all(std::slice::from_ref(byte))?;
                    count.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(*every);
                }
            }
            _ => {
                to.write_all(&piece[..size])?;
                count.fetch_add(size as u64, Ordering::SeqCst);
            }
        }
        if let Some(left) = &mut left {
            *left -= size as u64;
            if *left == 0 {
                return cut(&from, &to, fault, struck);
            }
        }
    }
}

fn cut(from: &TcpStream, to: &TcpStream, fault: &Fault, struck: &AtomicBool) -> io::Result<()> {
    struck.store(true, Ordering::SeqCst);
    for stream in [from, to] {
        if matches!(
            fault,
            Fault::Cut {
                end: End::Reset,
                ..
            }
        ) {
            rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
        }
    }
    if matches!(
        fault,
        Fault::Cut {
            end: End::Reset,
            ..
        }
    ) {
        // A reset is sent when the last handle is closed; the other direction holds one, and its
        // read ends by this.
        from.shutdown(Shutdown::Read)?;
        to.shutdown(Shutdown::Read)?;
    } else {
        from.shutdown(Shutdown::Both)?;
        to.shutdown(Shutdown::Both)?;
    }
    Ok(())
}

fn answer_instead(mut client: TcpStream, page: &[u8]) -> io::Result<()> {
    read_message(&mut client)?;
    client.write_all(page)
}

fn duplicate(
    mut client: TcpStream,
    at_once: bool,
    connect: &impl Fn() -> io::Result<TcpStream>,
) -> io::Result<()> {
    let request = read_message(&mut client)?;
    if !at_once {
        let answer = ask(connect, &request)?;
        ask(connect, &request)?;
        return client.write_all(&answer);
    }
    let mut first = connect()?;
    first.write_all(&request)?;
    let mut second = connect()?;
    second.write_all(&request)?;
    let late = std::thread::spawn(move || read_message(&mut second));
    let answer = read_message(&mut first);
    let other = late.join();
    match (answer, other) {
        (Ok(answer), _) | (Err(_), Ok(Ok(answer))) => client.write_all(&answer),
        _ => Ok(()),
    }
}

/// One request on a connection of its own.
fn ask(connect: &impl Fn() -> io::Result<TcpStream>, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = connect()?;
    server.write_all(request)?;
    read_message(&mut server)
}

/// One message of HTTP with a length: a request, or an answer.
fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut got = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&got[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0);
            if got.len() >= end + 4 + length {
                return Ok(got);
            }
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            size => got.extend_from_slice(&piece[..size]),
        }
    }
}
