//! TLS between libpq and the database. The libpq that is compiled in speaks none, so it connects
//! to a Unix socket in a folder that only this user can enter; behind the socket a thread of this
//! program connects to the real host, agrees on TLS as PostgreSQL does, checks the certificate and
//! passes bytes both ways (docs/adr/0016-libpq-and-tls.md), unread but for the first words.
//!
//! A host that cannot be reached, or is not the one it should be, is answered for in PostgreSQL's
//! own words, so that libpq tries the next host and reports the reason if there is none.

mod encryption;
mod folder;
mod greeting;
mod refusal;
mod way;

use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::error::Error;
use super::postgres_url::{Host, PostgresUrl, relayed};
use folder::Folder;
use refusal::Refusal;
use way::Way;

/// What is under way in one direction of one connection. A fold sends megabytes at a time.
const BUFFER: usize = 64 * 1024;
/// How long the end of the relay waits for a name that is still being looked up.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long a refused client may take to read why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The sockets and the thread behind them. They are there as long as this is; then connections
/// through them are cut.
pub struct Relay {
    folder: Folder,
    /// Dropped to end the thread.
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// The relay for the hosts of a URL that take TLS, if there are any. Certificates are read
    /// now, so that a wrong file is found at the start and not at the next failover.
    pub fn for_url(url: &PostgresUrl) -> Result<Option<Self>, Error> {
        if !url.needs_relay() {
            return Ok(None);
        }
        let folder = Folder::create()?;
        let mut doors = Vec::new();
        for (index, host) in url.hosts.iter().enumerate() {
            if let (Some(tls), Host::Tcp { address, port }) = (url.tls(host), host) {
                let encryption = encryption::config(&tls)?;
                let way = Way::new(url, address, *port, encryption);
                let socket = relayed(folder.path(), index);
                doors.push((folder::listen(&socket, *port)?, Arc::new(way)));
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("relay-names")
            .max_blocking_threads(4)
            .build()
            .map_err(|error| unavailable(&error))?;
        let (running, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || run(runtime, doors, ended))
            .map_err(|error| unavailable(&error))?;
        Ok(Some(Self {
            folder,
            running: Some(running),
            thread: Some(thread),
        }))
    }

    /// The folder that `PostgresUrl::conninfo` wants to know.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // Had it panicked, there would be nothing left to end.
            let _ = thread.join();
        }
    }
}

fn unavailable(error: &std::io::Error) -> Error {
    Error::Unavailable(format!(
        "the relay to the database cannot start: {}",
        error.kind()
    ))
}

/// The thread: serves until the relay is dropped, then lets go of every connection.
fn run(runtime: Runtime, doors: Vec<(StdListener, Arc<Way>)>, ended: oneshot::Receiver<()>) {
    runtime.block_on(async {
        for (listener, way) in doors {
            match UnixListener::from_std(listener) {
                Ok(listener) => {
                    tokio::spawn(accept(listener, way));
                }
                Err(error) => tracing::error!(
                    reason = %error.kind(),
                    "a socket of the relay to the database cannot be used"
                ),
            }
        }
        // It is only ever dropped, never sent to.
        let _ = ended.await;
    });
    runtime.shutdown_timeout(FAREWELL);
}

async fn accept(listener: UnixListener, way: Arc<Way>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(serve(client, Arc::clone(&way)));
            }
            Err(error) => {
                // Most likely no file descriptor is free: it will be when others have ended.
                tracing::warn!(reason = %error.kind(), "the relay to the database cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(mut client: UnixStream, way: Arc<Way>) {
    let opened = tokio::time::timeout(way.within(), async {
        let mut server = way.open().await?;
        greeting::pass(&mut client, &mut server).await?;
        Ok(server)
    });
    match opened.await.unwrap_or(Err(Refusal::TimedOut)) {
        Ok(mut server) => {
            // However it ends, both sides are closed, and libpq says what that means to it.
            let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
        }
        Err(refusal) => {
            tracing::warn!(host = %way, reason = %refusal, "the database cannot be reached");
            let _ = tokio::time::timeout(LAST_WORD, refuse(client, &way, &refusal)).await;
        }
    }
}

/// Says why, and waits until the client has gone: closing before it has read would take the words
/// away.
async fn refuse(mut client: UnixStream, way: &Way, refusal: &Refusal) -> std::io::Result<()> {
    client.write_all(&refusal.as_message(way)).await?;
    client.shutdown().await?;
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
