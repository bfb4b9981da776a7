//! What answers at a port but is not the PostgreSQL one hopes for; and one that echoes, to count
//! connections without a database.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::authority::Issued;

#[derive(Clone)]
pub(super) enum Manner {
    /// Says that it has no TLS, as an attacker who wants to read would.
    NoTls,
    /// Ends the connection when asked for TLS.
    HangUp,
    /// Agrees to TLS and ends the connection in the middle of the handshake.
    EndMidway,
    /// Agrees to TLS and adds a message of PostgreSQL's to the answer, before any encryption.
    Stuff,
    /// Never answers.
    Silent,
    /// Speaks another protocol.
    Foreign,
    /// Agrees to TLS and sends back what it gets.
    Echo(Arc<rustls::ServerConfig>),
}

impl Manner {
    pub(super) fn echo(issued: &Issued) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::Echo(Arc::new(config))
    }
}

pub(super) struct Pretender {
    pub(super) port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    connections: AtomicUsize,
    heard: Mutex<Vec<u8>>,
}

impl Pretender {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let inside = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                if inside.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, manner) = (Arc::clone(&inside), manner.clone());
                shared.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // Whatever the client does to the connection is its business.
                    let _ = answer(&manner, client.unwrap(), &shared);
                    shared.connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            shared,
            thread: Some(thread),
        }
    }

    /// What came in the open.
    pub(super) fn heard(&self) -> Vec<u8> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// Connections that are open now.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Pretender {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(manner: &Manner, mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut request = [0; 8];
    client.read_exact(&mut request)?;
    shared.heard.lock().unwrap().extend(request);
    match manner {
        Manner::NoTls => client.write_all(b"N")?,
        Manner::HangUp => return Ok(()),
        Manner::EndMidway => {
            client.write_all(b"S")?;
            let mut some = [0; 32];
            return client.read_exact(&mut some);
        }
        Manner::Stuff => client.write_all(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")?,
        Manner::Silent => {}
        Manner::Foreign => client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?,
        Manner::Echo(config) => {
            client.write_all(b"S")?;
            let session =
                rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
            let mut tls = rustls::StreamOwned::new(session, client);
            let mut bytes = [0; 4096];
            loop {
                match tls.read(&mut bytes)? {
                    0 => return Ok(()),
                    count => tls.write_all(&bytes[..count])?,
                }
            }
        }
    }
    // Then it listens to whatever else is said.
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest);
    shared.heard.lock().unwrap().extend(rest);
    read.map(|_| ())
}
