//! The URL as it may be shown and logged.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use super::encoding::encode;
use super::{
    Address, CONNECT_TIMEOUT, Check, DEFAULT_NAME, Host, PostgresUrl, Roots, Security, Target,
    USER_TIMEOUT,
};

/// The URL again, without its password.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", encode(user, b""))?;
        }
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp {
                    address: Address::Ip(IpAddr::V6(ip)),
                    port,
                } => {
                    write!(f, "{comma}[{ip}]:{port}")?;
                }
                Host::Tcp { address, port } => write!(f, "{comma}{address}:{port}")?,
                Host::Socket { folder, port } => {
                    write!(
                        f,
                        "{comma}{}:{port}",
                        encode(&folder.to_string_lossy(), b"")
                    )?;
                }
            }
        }
        write!(f, "/{}", encode(&self.database, b""))?;
        let mut before = '?';
        for (name, value) in self.stated() {
            write!(f, "{before}{name}={}", encode(&value, b"/"))?;
            before = '&';
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PostgresUrl {
    /// The parameters that differ from what holds without them.
    fn stated(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let mut stated = Vec::new();
        match &self.security {
            Security::Unstated => {}
            Security::Plain => stated.push(("sslmode", "disable".to_owned())),
            Security::Tls(tls) => {
                let (mode, roots) = match &tls.check {
                    Check::Nothing => ("require", None),
                    Check::Authority(file) => ("verify-ca", Some(path(file))),
                    Check::Full(Roots::System) => ("verify-full", None),
                    Check::Full(Roots::File(file)) => ("verify-full", Some(path(file))),
                };
                stated.push(("sslmode", mode.to_owned()));
                stated.extend(roots.map(|file| ("sslrootcert", file)));
                if let Some(identity) = &tls.identity {
                    stated.push(("sslcert", path(&identity.certificate)));
                    stated.push(("sslkey", path(&identity.key)));
                }
            }
        }
        if self.target != Target::of(self.hosts.len()) {
            stated.push(("target_session_attrs", self.target.as_str().to_owned()));
        }
        if self.connect_timeout != CONNECT_TIMEOUT {
            stated.push((
                "connect_timeout",
                self.connect_timeout.as_secs().to_string(),
            ));
        }
        if self.user_timeout != USER_TIMEOUT {
            stated.push((
                "tcp_user_timeout",
                self.user_timeout.as_millis().to_string(),
            ));
        }
        if self.application_name != DEFAULT_NAME {
            stated.push(("application_name", self.application_name.clone()));
        }
        if let Some(options) = &self.options {
            stated.push(("options", options.clone()));
        }
        stated
    }
}
