//! The same as libpq wants it: keywords and quoted values. What is not said here libpq would take
//! from its environment variables, so that what matters is said, also where it is a default.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Host, PostgresUrl};
use crate::store::error::Error;

/// A peer that says nothing for so long is asked whether it is there …
pub(in crate::store) const KEEPALIVE_IDLE_SECONDS: u32 = 5;
/// … and asked again so often …
pub(in crate::store) const KEEPALIVE_INTERVAL_SECONDS: u32 = 2;
/// … and is dead after so many times without an answer.
pub(in crate::store) const KEEPALIVE_COUNT: u32 = 3;

/// What a connection is opened with. It holds the password and is never printed.
pub struct Conninfo(String);

impl Conninfo {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where, in the folder of a relay, the socket stands that leads to a host.
pub(in crate::store) fn relayed(relay: &Path, index: usize) -> PathBuf {
    relay.join(index.to_string())
}

impl PostgresUrl {
    /// Whether a relay is needed: libpq as it is compiled in speaks no TLS itself.
    pub fn needs_relay(&self) -> bool {
        self.hosts.iter().any(|host| self.tls(host).is_some())
    }

    /// What to give libpq, with the folder of the relay where [`Self::needs_relay`] says so. All
    /// hosts are there, in their order, so that libpq finds the one that can be written to.
    pub fn conninfo(&self, relay: Option<&Path>) -> Result<Conninfo, Error> {
        let mut hosts = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let way = match (host, self.tls(host), relay) {
                (Host::Socket { folder, .. }, _, _) => text_of(folder)?,
                (Host::Tcp { address, .. }, None, _) => address.to_string(),
                (Host::Tcp { .. }, Some(_), Some(relay)) => text_of(&relayed(relay, index))?,
                (Host::Tcp { .. }, Some(_), None) => {
                    return Err(Error::Unavailable(
                        "a host that takes TLS needs a relay, and there is none".to_owned(),
                    ));
                }
            };
            hosts.push(way);
        }
        let ports: Vec<String> = self
            .hosts
            .iter()
            .map(|host| host.port().to_string())
            .collect();
        let mut info = Conninfo(String::new());
        info.say("host", &hosts.join(","));
        // PGHOSTADDR would lead past the sockets of the relay.
        info.say("hostaddr", "");
        info.say("port", &ports.join(","));
        info.say("dbname", &self.database);
        if let Some(user) = &self.user {
            info.say("user", user);
        }
        if let Some(password) = &self.password {
            info.say("password", &password.0);
        }
        info.say("sslmode", "disable");
        info.say("gssencmode", "disable");
        info.say("channel_binding", "disable");
        info.say("load_balance_hosts", "disable");
        info.say("target_session_attrs", self.target.as_str());
        info.say(
            "connect_timeout",
            &self.connect_timeout.as_secs().to_string(),
        );
        info.say("keepalives", "1");
        info.say("keepalives_idle", &KEEPALIVE_IDLE_SECONDS.to_string());
        info.say(
            "keepalives_interval",
            &KEEPALIVE_INTERVAL_SECONDS.to_string(),
        );
        info.say("keepalives_count", &KEEPALIVE_COUNT.to_string());
        info.say(
            "tcp_user_timeout",
            &self.user_timeout.as_millis().to_string(),
        );
        info.say("client_encoding", "UTF8");
        info.say("application_name", &self.application_name);
        info.say("options", self.options.as_deref().unwrap_or_default());
        Ok(info)
    }
}

impl Conninfo {
    fn say(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
        self.0.push_str("='");
        for character in value.chars() {
            if matches!(character, '\'' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('\'');
    }
}

fn text_of(path: &Path) -> Result<String, Error> {
    path.to_str()
        .filter(|text| !text.contains(','))
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::Unavailable(
                "the folder of a socket to the database is not UTF-8, or has a comma".to_owned(),
            )
        })
}
