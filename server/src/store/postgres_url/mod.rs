//! The URL that names a PostgreSQL, parsed into what cannot be wrong: at least one host, each with
//! a port and a decision about encryption; nothing that is not understood. No sentence of a
//! refusal quotes what stood in the URL, because a misplaced `@` or `?` makes a password stand
//! where something else was expected. Nothing here opens a file or a connection.

mod conninfo;
mod display;
mod encoding;
mod hosts;
mod parameters;

pub use conninfo::Conninfo;
pub(super) use conninfo::{
    KEEPALIVE_COUNT, KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS, relayed,
};

use rustls::pki_types::DnsName;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::error::Error;
use encoding::decode;
use hosts::parse_hosts;
use parameters::Parameters;

const DEFAULT_NAME: &str = "kadian";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// A PostgreSQL as a URL names it:
/// `postgres://user:password@host1:port1,host2:port2/database?sslmode=verify-full&…`
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// In the order in which they are tried; never empty.
    pub(super) hosts: Vec<Host>,
    /// Without one it is the name of the user who runs the program.
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) database: String,
    security: Security,
    pub(super) target: Target,
    pub(super) connect_timeout: Duration,
    /// How long what was sent may stay unacknowledged before the peer counts as dead.
    pub(super) user_timeout: Duration,
    pub(super) application_name: String,
    pub(super) options: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Tcp { address: Address, port: u16 },
    Socket { folder: PathBuf, port: u16 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Name(DnsName<'static>),
    Ip(IpAddr),
}

/// What was said about encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Security {
    /// Nothing: TLS checked in full, save to this machine itself.
    Unstated,
    Plain,
    Tls(Tls),
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) check: Check,
    pub(super) identity: Option<Identity>,
}

/// What the server's certificate is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Check {
    /// Encrypted, but to whoever answers (`require`).
    Nothing,
    /// Issued by this authority, for whichever name (`verify-ca`). It takes an authority of one's
    /// own: a public one issues to anybody.
    Authority(PathBuf),
    /// Issued by one of these, for the name in the URL (`verify-full`).
    Full(Roots),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those that this machine trusts.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// Our own certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Which of several hosts is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Any,
    ReadWrite,
    Primary,
}

/// The password of a database's user. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PostgresUrl {
    pub fn parse(url: &str) -> Result<Self, Error> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| refusal("it must begin with postgres://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (who, hosts) = match authority.split_once('@') {
            Some((who, hosts)) => (who, hosts),
            None => ("", authority),
        };
        let (user, password) = match who.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (who, None),
        };
        let mut given = Parameters::parse(query)?;
        let hosts = parse_hosts(hosts, given.take("host"), given.take("port"))?;
        if database.is_empty() || database.contains('/') {
            return Err(refusal(
                "it must name one database, as postgres://host/database",
            ));
        }
        Ok(Self {
            user: Some(decode(user)?).filter(|user| !user.is_empty()),
            password: password
                .map(decode)
                .transpose()?
                .filter(|password| !password.is_empty())
                .map(Password),
            database: decode(database)?,
            security: given.security()?,
            target: given.target(hosts.len())?,
            connect_timeout: given.duration("connect_timeout", 1000, 2..=300, CONNECT_TIMEOUT)?,
            user_timeout: given.duration("tcp_user_timeout", 1, 1000..=600_000, USER_TIMEOUT)?,
            application_name: given.name()?,
            options: given.take("options").filter(|text| !text.is_empty()),
            hosts,
        })
    }

    /// Adds a password that was kept apart from the URL.
    pub fn with_password(mut self, password: Password) -> Result<Self, Error> {
        if self.password.is_some() {
            return Err(refusal(
                "it has a password, and another was given apart from it; take the one in the URL out",
            ));
        }
        if password.0.is_empty() || password.0.contains('\0') {
            return Err(Error::Unavailable(
                "the database's password is empty or has a NUL in it".to_owned(),
            ));
        }
        self.password = Some(password);
        Ok(self)
    }

    /// How to encrypt the way to a host; nothing where it stays plain.
    pub(super) fn tls(&self, host: &Host) -> Option<Tls> {
        match (&self.security, host) {
            (_, Host::Socket { .. }) | (Security::Plain, _) => None,
            (Security::Tls(tls), _) => Some(tls.clone()),
            (Security::Unstated, Host::Tcp { address, .. }) if address.is_this_machine() => None,
            (Security::Unstated, Host::Tcp { .. }) => Some(Tls {
                check: Check::Full(Roots::System),
                identity: None,
            }),
        }
    }
}

impl Host {
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Tcp { port, .. } | Self::Socket { port, .. } => *port,
        }
    }
}

impl Address {
    /// Whether what is sent there never leaves the machine.
    fn is_this_machine(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Name(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_ref()),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl Target {
    /// Several hosts are a primary and its standbys, and only the primary can be written to.
    fn of(hosts: usize) -> Self {
        if hosts > 1 {
            Self::ReadWrite
        } else {
            Self::Any
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::Primary => "primary",
        }
    }
}

fn refusal(text: &str) -> Error {
    Error::Unavailable(format!("the database's URL: {text}"))
}

#[cfg(test)]
mod tests;
