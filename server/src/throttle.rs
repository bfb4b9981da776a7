//! Limits on how often one key (an address, an account, a hash) may ask. What a refusal looks
//! like is decided by the caller; nothing here knows HTTP.

use governor::clock::{Clock as _, DefaultClock};
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// After so many questions, keys that are idle are forgotten.
const SWEEP_EVERY: u32 = 1024;

type Limiter<K> = governor::DefaultKeyedRateLimiter<K>;

/// A steady rate with room for a burst, for each key.
pub struct Throttle<K: Hash + Eq + Clone> {
    limiter: Limiter<K>,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    pub fn per_minute(steady: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_minute(steady).allow_burst(burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts one more try; a refusal says how long to wait.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter
            .check_key(key)
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

/// The limiters that guard the doors open to strangers.
pub struct Throttles {
    /// A whole village may stand behind one address of a mobile carrier: enough for a row of
    /// volunteers, far too little for guessing.
    pub sign_in: Throttle<Address>,
    pub enrol: Throttle<Address>,
    /// By line of devices: one phone that runs wild must not cost the others theirs, however many numbers
    /// it has. None: no limit.
    pub sync: Option<Throttle<i64>>,
    /// By account: looking somebody up one by one is the work, trying numbers is not.
    pub look_up: Option<Throttle<i64>>,
}

impl Throttles {
    pub fn new(requests_per_minute: u32, look_ups_per_minute: u32) -> Self {
        let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            sign_in: Throttle::per_minute(number(20), number(30)),
            enrol: Throttle::per_minute(number(60), number(120)),
            sync: NonZeroU32::new(requests_per_minute)
                .map(|number| Throttle::per_minute(number, number)),
            look_up: NonZeroU32::new(look_ups_per_minute)
                .map(|number| Throttle::per_minute(number, number)),
        }
    }
}

/// What counts as one caller: an IPv4 address, or the /64 that one IPv6 subscriber holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(u64);

impl Address {
    pub fn of(ip: Option<IpAddr>) -> Self {
        match ip.map(|ip| ip.to_canonical()) {
            None => Self(0),
            Some(IpAddr::V4(ip)) => Self(u64::from(ip.to_bits())),
            Some(IpAddr::V6(ip)) => Self((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle<Address> {
        Throttle::per_minute(NonZeroU32::new(6).unwrap(), NonZeroU32::new(3).unwrap())
    }

    #[test]
    fn one_key_is_refused_after_its_burst_and_another_is_not() {
        let throttle = throttle();
        let (one, two) = (Address(1), Address(2));
        assert!((0..3).all(|_| throttle.check(&one).is_ok()));
        let wait = throttle.check(&one).unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(10),
            "{wait:?}"
        );
        assert!(throttle.check(&two).is_ok());
    }

    #[test]
    fn a_subscriber_cannot_change_address_to_begin_anew() {
        let of = |text: &str| Address::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
