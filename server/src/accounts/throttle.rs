//! How often somebody may guess. Three counts run side by side: by address, by account and by the
//! keyed hash of the password tried (one password over many accounts). Only wrong guesses stay
//! counted: a right one is given back.
//!
//! The rule is the generic cell rate algorithm: so many at once, then one each interval; nobody is
//! ever locked out for good. It is written out here because libraries for it neither take the
//! time as an argument nor give back. A pair of account and address that signed in before has a
//! count of its own, so that strangers who attack an account do not keep its owner out.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_protocol::Millis;

const HOUR: Millis = 60 * 60 * 1000;
/// How long a pair of account and address is remembered as known.
const KNOWN_FOR: Millis = 30 * 24 * HOUR;
/// Counts kept per table; above it, those that matter least are forgotten.
const MOST_KEYS: usize = 100_000;

/// So many at once, then so many an hour.
#[derive(Debug, Clone, Copy)]
struct Quota {
    burst: i64,
    an_hour: i64,
}

impl Quota {
    const fn interval(self) -> Millis {
        HOUR / self.an_hour
    }
}

const BY_ADDRESS: Quota = Quota {
    burst: 50,
    an_hour: 100,
};
/// Together with [`BY_KNOWN_PAIR`]: at most 20 guesses at an account in any hour.
const BY_ACCOUNT: Quota = Quota {
    burst: 6,
    an_hour: 6,
};
const BY_KNOWN_PAIR: Quota = Quota {
    burst: 4,
    an_hour: 4,
};
const BY_PASSWORD: Quota = Quota {
    burst: 20,
    an_hour: 20,
};

/// Who guesses at what. The account is a hash of the login, whether there is such an account or
/// not; the password is a keyed hash.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub address: IpAddr,
    pub account: [u8; 32],
    pub password: [u8; 32],
}

#[derive(Default)]
pub struct Throttle {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    address: Counts<Network>,
    account: Counts<[u8; 32]>,
    password: Counts<[u8; 32]>,
    pair: Counts<([u8; 32], Network)>,
    known: HashMap<([u8; 32], Network), Millis>,
}

impl Throttle {
    /// Counts an attempt, or says after how many seconds the next may be made. Call it before the
    /// password is compared, and [`Throttle::succeeded`] after it matched.
    pub fn admit(&self, attempt: &Attempt, now: Millis) -> Result<(), u64> {
        let network = Network::of(attempt.address);
        let mut tables = self.lock();
        let pair = (attempt.account, network);
        let seconds = |wait: Millis| u64::try_from((wait + 999) / 1000).unwrap_or(1).max(1);
        tables
            .address
            .take(network, BY_ADDRESS, now)
            .map_err(seconds)?;
        if tables.knows(pair, now) {
            return tables.pair.take(pair, BY_KNOWN_PAIR, now).map_err(|wait| {
                tables.address.give_back(network, BY_ADDRESS);
                seconds(wait)
            });
        }
        if let Err(wait) = tables.account.take(attempt.account, BY_ACCOUNT, now) {
            tables.address.give_back(network, BY_ADDRESS);
            return Err(seconds(wait));
        }
        if let Err(wait) = tables.password.take(attempt.password, BY_PASSWORD, now) {
            tables.address.give_back(network, BY_ADDRESS);
            tables.account.give_back(attempt.account, BY_ACCOUNT);
            return Err(seconds(wait));
        }
        Ok(())
    }

    /// The password matched: the attempt is given back, and the pair is known from now on.
    pub fn succeeded(&self, attempt: &Attempt, now: Millis) {
        let network = Network::of(attempt.address);
        let pair = (attempt.account, network);
        let mut tables = self.lock();
        tables.address.give_back(network, BY_ADDRESS);
        if tables.knows(pair, now) {
            tables.pair.give_back(pair, BY_KNOWN_PAIR);
        } else {
            tables.account.give_back(attempt.account, BY_ACCOUNT);
            tables.password.give_back(attempt.password, BY_PASSWORD);
        }
        if tables.known.len() >= MOST_KEYS {
            tables.known.clear();
        }
        tables.known.insert(pair, now);
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn knows(&self, pair: ([u8; 32], Network), now: Millis) -> bool {
        self.known
            .get(&pair)
            .is_some_and(|since| now - since < KNOWN_FOR)
    }
}

/// One key of who asks: an IPv4 address, or the /64 that one IPv6 customer has for himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(u128);

impl Network {
    fn of(address: IpAddr) -> Self {
        let v6: Ipv6Addr = match address.to_canonical() {
            IpAddr::V4(v4) => return Self(v4.to_ipv6_mapped().to_bits()),
            IpAddr::V6(v6) => v6,
        };
        Self(v6.to_bits() >> 64 << 64)
    }
}

/// For each key the moment at which its count is empty again.
struct Counts<K>(HashMap<K, Millis>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Copy> Counts<K> {
    /// Takes one, or says how long to wait.
    fn take(&mut self, key: K, quota: Quota, now: Millis) -> Result<(), Millis> {
        if self.0.len() >= MOST_KEYS && !self.0.contains_key(&key) {
            self.forget(now);
        }
        let room = quota.interval() * quota.burst;
        // A clock put back must not lock anybody out for longer than the rule does.
        let empty = self
            .0
            .get(&key)
            .copied()
            .unwrap_or(now)
            .clamp(now, now + room);
        let next = empty + quota.interval();
        if next > now + room {
            return Err(next - now - room);
        }
        self.0.insert(key, next);
        Ok(())
    }

    fn give_back(&mut self, key: K, quota: Quota) {
        if let Some(empty) = self.0.get_mut(&key) {
            *empty -= quota.interval();
        }
    }

    /// Drops what is empty; if that is not enough, the half with the fewest guesses.
    fn forget(&mut self, now: Millis) {
        self.0.retain(|_, empty| *empty > now);
        if self.0.len() >= MOST_KEYS / 2 {
            let mut moments: Vec<Millis> = self.0.values().copied().collect();
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            let median = *median;
            self.0.retain(|_, empty| *empty > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn attempt(address: u32, account: u16, password: u16) -> Attempt {
        let key = |tag: u8, n: u16| {
            let mut key = [tag; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            key
        };
        Attempt {
            address: IpAddr::V4(Ipv4Addr::from_bits(address)),
            account: key(1, account),
            password: key(2, password),
        }
    }

    #[test]
    fn ten_thousand_guesses_over_a_thousand_accounts_get_few_answers_and_keep_nobody_out() {
        let throttle = Throttle::default();
        let mut per_account = HashMap::new();
        let mut refused_owner = 0;
        let owner = attempt(7, 500, 1);
        throttle.admit(&owner, 0).unwrap();
        throttle.succeeded(&owner, 0);
        for n in 0..10_000_u32 {
            let now = i64::from(n) * HOUR / 10_000;
            // Every guess from another address, with another password.
            let guess = attempt(1_000_000 + n, (n % 1000) as u16, n as u16);
            if throttle.admit(&guess, now).is_ok() {
                *per_account.entry(guess.account).or_insert(0) += 1;
            }
            if n % 100 == 0 {
                match throttle.admit(&owner, now) {
                    Ok(()) => throttle.succeeded(&owner, now),
                    Err(_) => refused_owner += 1,
                }
            }
        }
        assert!(per_account.values().all(|guesses| *guesses <= 20));
        assert_eq!(refused_owner, 0);
    }

    #[test]
    fn an_account_is_guessed_at_no_more_than_twenty_times_an_hour_from_anywhere() {
        let throttle = Throttle::default();
        let known = attempt(7, 1, 1);
        throttle.admit(&known, 0).unwrap();
        throttle.succeeded(&known, 0);
        let mut admitted = 0;
        for n in 0..3_600 {
            let now = i64::from(n) * 1000;
            admitted += u32::from(throttle.admit(&attempt(100 + n, 1, n as u16), now).is_ok());
            admitted += u32::from(throttle.admit(&attempt(7, 1, n as u16), now).is_ok());
        }
        assert!((10..=20).contains(&admitted), "{admitted}");
    }

    #[test]
    fn one_password_tried_on_many_accounts_is_stopped() {
        let throttle = Throttle::default();
        let admitted = (0..1000)
            .filter(|n| throttle.admit(&attempt(u32::from(*n), *n, 9), 0).is_ok())
            .count();
        assert_eq!(admitted, 20);
    }

    #[test]
    fn waiting_as_long_as_was_said_is_enough() {
        let throttle = Throttle::default();
        let mut now = 0;
        for n in 0..100 {
            let guess = attempt(n, 1, n as u16);
            if let Err(seconds) = throttle.admit(&guess, now) {
                assert!(
                    throttle.admit(&guess, now).is_err(),
                    "a refusal costs nothing and gives nothing"
                );
                now += i64::try_from(seconds).unwrap() * 1000;
                throttle.admit(&guess, now).unwrap();
            }
        }
        assert!(now > HOUR, "it does slow down");
    }

    #[test]
    fn right_passwords_are_not_counted_and_a_clock_put_back_locks_nobody_out() {
        let throttle = Throttle::default();
        let right = attempt(1, 1, 1);
        for _ in 0..1000 {
            throttle.admit(&right, 1_000 * HOUR).unwrap();
            throttle.succeeded(&right, 1_000 * HOUR);
        }
        let wrong = attempt(2, 2, 2);
        while throttle.admit(&wrong, 1_000 * HOUR).is_ok() {}
        let wait = throttle.admit(&wrong, 0).unwrap_err();
        assert!(wait <= 3600);
    }

    #[test]
    fn addresses_of_one_ipv6_customer_are_one() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_are_kept() {
        let mut counts = Counts::default();
        let quota = BY_ACCOUNT;
        for _ in 0..quota.burst {
            counts.take(u32::MAX, quota, 0).unwrap();
        }
        for key in 0..(3 * MOST_KEYS as u32) {
            let _ = counts.take(key, quota, 0);
            assert!(counts.0.len() <= MOST_KEYS);
        }
        assert!(counts.take(u32::MAX, quota, 0).is_err());
    }
}
