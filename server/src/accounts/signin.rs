//! Signing in: throttle, compare, issue. Every wrong combination of login and password has the
//! same answer and costs the same work, whether there is such an account or not.

use std::net::IpAddr;
use std::sync::Arc;

use sync_protocol::Millis;

use super::passwords::{Match, Passwords};
use super::sessions::{Ring, Session};
use super::throttle::{Attempt, Throttle};
use super::{Error, Refusal, sha256};
use crate::keys::Keys;
use crate::store::accounts::{self, AccountRow};
use crate::store::{Connection, Store};

/// What signing in needs that is kept in memory.
pub struct Door {
    pub ring: Ring,
    pub passwords: Arc<Passwords>,
    pub throttle: Throttle,
}

impl Door {
    pub fn new(keys: &Keys, passwords: Passwords) -> Result<Self, Error> {
        let seed: [u8; 32] = keys
            .session()
            .try_into()
            .map_err(|_| Error::Machine("the key of sessions"))?;
        Ok(Self {
            ring: Ring::new(&[seed])?,
            passwords: Arc::new(passwords),
            throttle: Throttle::default(),
        })
    }

    /// Signs somebody in. Blocks for as long as hashing takes; no transaction is open meanwhile.
    pub fn sign_in(
        &self,
        store: &Store,
        keys: &Keys,
        (login, password): (&str, &str),
        address: IpAddr,
        now: Millis,
    ) -> Result<(String, Session, AccountRow), Error> {
        let attempt = Attempt {
            address,
            account: sha256(login.as_bytes()),
            password: keys.attempt_hash(password),
        };
        self.throttle
            .admit(&attempt, now)
            .map_err(|seconds| Refusal::Throttled { seconds })?;
        let found = store
            .read(|c| accounts::by_login(c, login))?
            .filter(|row| row.active);
        let stored = found.as_ref().and_then(|row| row.password.as_deref());
        let matched = self.passwords.verify(password, stored)?;
        let (Some(row), Match::Yes | Match::YesButWeak(_)) = (found, &matched) else {
            return Err(Refusal::Credentials.into());
        };
        self.throttle.succeeded(&attempt, now);
        if let Match::YesButWeak(hash) = matched {
            store.write::<_, Error>(|c| replace(c, &row, &hash))?;
        }
        let (token, session) = self
            .ring
            .issue(row.user(), now.max(row.sessions_from), now)?;
        Ok((token, session, row))
    }

    /// Compares the password of somebody who is signed in already, as changing it asks for. It is
    /// a guess like any other.
    pub fn confirm(
        &self,
        keys: &Keys,
        row: &AccountRow,
        password: &str,
        address: IpAddr,
        now: Millis,
    ) -> Result<(), Error> {
        let attempt = Attempt {
            address,
            account: sha256(row.login.as_bytes()),
            password: keys.attempt_hash(password),
        };
        self.throttle
            .admit(&attempt, now)
            .map_err(|seconds| Refusal::Throttled { seconds })?;
        match self.passwords.verify(password, row.password.as_deref())? {
            Match::No => Err(Refusal::Credentials.into()),
            Match::Yes | Match::YesButWeak(_) => {
                self.throttle.succeeded(&attempt, now);
                Ok(())
            }
        }
    }

    /// A new token for a session that goes on.
    pub fn renew(&self, session: &Session, now: Millis) -> Result<(String, Session), Error> {
        self.ring.issue(session.user, session.since, now)
    }
}

/// The account of a session, unless it was closed or its sessions were ended since.
pub fn admitted(c: &mut Connection, session: &Session) -> Result<AccountRow, Error> {
    let row = accounts::by_id(c, session.user)?.ok_or(Refusal::SessionOver)?;
    if !row.active || session.since < row.sessions_from {
        return Err(Refusal::SessionOver.into());
    }
    Ok(row)
}

/// Puts a stronger hash of the same password in place, unless the password changed meanwhile.
fn replace(c: &mut Connection, old: &AccountRow, hash: &str) -> Result<(), Error> {
    let now = accounts::by_id(c, old.user())?;
    if now.is_some_and(|now| now.password == old.password) {
        accounts::rehash(c, old.user(), hash)?;
    }
    Ok(())
}
