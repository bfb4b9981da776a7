//! Why there is no way to a host, for the log and, as PostgreSQL would say it, for libpq.

use std::fmt;
use std::io;

use super::way::Way;

/// "Cannot connect now": the one code upon which libpq goes on to the next host, whatever was
/// asked of it. A host with a wrong certificate is passed over as a dead one is; nothing was sent
/// to it, and the reason is in the log.
const SQLSTATE: &str = "57P03";

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("its name leads to no address ({0})")]
    Name(io::ErrorKind),
    #[error("it cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
    #[error("it did not answer in time")]
    TimedOut,
    #[error("it ended the connection before it let anybody in ({0})")]
    Closed(io::ErrorKind),
    #[error("it offers no TLS, and the URL asks for it (sslmode)")]
    NoTls,
    #[error("it does not answer as PostgreSQL does")]
    Foreign,
    #[error("TLS was refused: {0}")]
    Tls(rustls::Error),
}

impl Refusal {
    /// What came of a handshake: rustls wraps its own errors into those of the system.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(tls) => Self::Tls(tls.clone()),
            None => Self::Closed(error.kind()),
        }
    }

    /// The error message of PostgreSQL's protocol (`ErrorResponse`): a letter and a text for each
    /// field.
    pub(super) fn as_message(&self, way: &Way) -> Vec<u8> {
        let mut fields = Vec::new();
        for (letter, text) in [
            (b'S', "FATAL"),
            (b'V', "FATAL"),
            (b'C', SQLSTATE),
            (b'M', &format!("{way}: {self}")),
        ] {
            fields.push(letter);
            fields.extend(text.bytes().filter(|byte| *byte != 0));
            fields.push(0);
        }
        fields.push(0);
        let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
        let mut message = vec![b'E'];
        message.extend(length.to_be_bytes());
        message.append(&mut fields);
        message
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address(), self.port())
    }
}
