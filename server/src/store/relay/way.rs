//! The way to one host: TCP, PostgreSQL's request for TLS, and the handshake.

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::refusal::Refusal;
use crate::store::postgres_url::{
    Address, KEEPALIVE_COUNT, KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS, PostgresUrl,
};

/// PostgreSQL's `SSLRequest`: its length, and a number where others have the protocol's version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) struct Way {
    address: Address,
    port: u16,
    encryption: Arc<ClientConfig>,
    /// For all of it. A little less than libpq waits, so that it hears why.
    within: Duration,
    user_timeout: Duration,
}

impl Way {
    pub(super) fn new(
        url: &PostgresUrl,
        address: &Address,
        port: u16,
        encryption: Arc<ClientConfig>,
    ) -> Self {
        Self {
            address: address.clone(),
            port,
            encryption,
            within: url.connect_timeout * 9 / 10,
            user_timeout: url.user_timeout,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How long opening it may take.
    pub(super) fn within(&self) -> Duration {
        self.within
    }

    /// Opens it; the caller stops waiting when [`Self::within`] is over.
    pub(super) async fn open(&self) -> Result<Encrypted, Refusal> {
        let mut tcp = self.reach().await?;
        let closed = |error: io::Error| Refusal::Closed(error.kind());
        tcp.write_all(&SSL_REQUEST).await.map_err(closed)?;
        // One byte and no more: whatever came along with it unencrypted is left for the handshake
        // to choke on, and can never pass for something that was said inside TLS.
        match tcp.read_u8().await.map_err(closed)? {
            b'S' => {}
            b'N' => return Err(Refusal::NoTls),
            _ => return Err(Refusal::Foreign),
        }
        let name = match &self.address {
            Address::Name(name) => ServerName::DnsName(name.clone()),
            Address::Ip(ip) => ServerName::IpAddress((*ip).into()),
        };
        TlsConnector::from(Arc::clone(&self.encryption))
            .connect(name, tcp)
            .await
            .map(Encrypted)
            .map_err(|error| Refusal::of_handshake(&error))
    }

    /// Tries one address of the name after the other, each for a fair share of the time left.
    async fn reach(&self) -> Result<TcpStream, Refusal> {
        let until = Instant::now() + self.within;
        let addresses: Vec<SocketAddr> = match &self.address {
            Address::Ip(ip) => vec![SocketAddr::new(*ip, self.port)],
            Address::Name(name) => tokio::net::lookup_host((name.as_ref(), self.port))
                .await
                .map_err(|error| Refusal::Name(error.kind()))?
                .collect(),
        };
        let mut refusal = Refusal::Name(io::ErrorKind::NotFound);
        for (tried, address) in addresses.iter().enumerate() {
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = until.saturating_duration_since(Instant::now()) / others;
            match timeout(share, self.connect(*address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => refusal = Refusal::Unreachable(error.kind()),
                Err(_) => refusal = Refusal::TimedOut,
            }
        }
        Err(refusal)
    }

    /// A connection on which a peer that has vanished is noticed within seconds: asked whether it
    /// is there when it is silent, given up when it leaves what was sent unacknowledged.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        use rustix::net::sockopt;
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        let seconds = |number: u32| Duration::from_secs(number.into());
        sockopt::set_tcp_keepidle(&socket, seconds(KEEPALIVE_IDLE_SECONDS))?;
        sockopt::set_tcp_keepintvl(&socket, seconds(KEEPALIVE_INTERVAL_SECONDS))?;
        sockopt::set_tcp_keepcnt(&socket, KEEPALIVE_COUNT)?;
        #[cfg(target_os = "linux")]
        sockopt::set_tcp_user_timeout(
            &socket,
            u32::try_from(self.user_timeout.as_millis()).unwrap_or(u32::MAX),
        )?;
        socket.connect(address).await
    }
}

/// The bytes inside TLS. A server that dies ends TCP without a farewell of TLS. That is an end like
/// any other here, and what came before it is passed on: PostgreSQL's messages have their lengths,
/// so that nothing cut short can pass for whole.
pub(super) struct Encrypted(TlsStream<TcpStream>);

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, into) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres_url::{Check, Tls};
    use rustix::net::sockopt;

    #[test]
    fn a_peer_that_has_vanished_is_noticed_within_seconds() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let url = PostgresUrl::parse("postgres://h/k?tcp_user_timeout=7000").unwrap();
        let tls = Tls {
            check: Check::Nothing,
            identity: None,
        };
        let encryption = super::super::encryption::config(&tls).unwrap();
        let way = Way::new(&url, &Address::Ip(address.ip()), address.port(), encryption);
        let socket = runtime.block_on(way.reach()).unwrap();
        assert!(socket.nodelay().unwrap());
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        let silent = sockopt::tcp_keepidle(&socket).unwrap()
            + sockopt::tcp_keepintvl(&socket).unwrap() * sockopt::tcp_keepcnt(&socket).unwrap();
        assert!(silent <= Duration::from_secs(11), "{silent:?}");
        #[cfg(target_os = "linux")]
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 7000);
    }
}
