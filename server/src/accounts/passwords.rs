//! Passwords: which are taken, and how they are kept (Argon2id, as a PHC string). At most two are
//! hashed at once, so that signing in cannot starve pushes of memory. There is no pepper.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{ParamsString, PasswordHash};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use super::{Error, malformed};
use crate::store;

/// The least that is used: 19 MiB, two passes, one lane.
pub const LEAST_MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Passwords hashed at the same time.
const AT_ONCE: usize = 2;
/// How long somebody waits for a place before hearing that the server is busy.
const PATIENCE: Duration = Duration::from_secs(5);

const FEWEST_CHARACTERS: usize = 8;
const MOST_CHARACTERS: usize = 128;

/// What is tried first by whoever guesses. All are eight characters or longer.
const COMMON: &str = include_str!("common_passwords.txt");

pub struct Passwords {
    memory_kib: u32,
    running: Mutex<usize>,
    freed: Condvar,
    decoy: OnceLock<String>,
}

/// What comparing a password gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Match {
    No,
    Yes,
    /// It matches, and this hash with today's parameters should replace the stored one.
    YesButWeak(String),
}

impl Passwords {
    /// `memory_kib` below the least is raised to it.
    pub fn new(memory_kib: u32) -> Self {
        Self {
            memory_kib: memory_kib.max(LEAST_MEMORY_KIB),
            running: Mutex::new(0),
            freed: Condvar::new(),
            decoy: OnceLock::new(),
        }
    }

    /// The hash to store for a new password.
    pub fn hash(&self, password: &str) -> Result<String, Error> {
        let _place = self.place()?;
        self.hash_now(password)
    }

    /// Compares with a stored hash. Where there is none (no such account, no password, closed) the
    /// same work is done against a decoy, so that the time tells nothing.
    pub fn verify(&self, password: &str, stored: Option<&str>) -> Result<Match, Error> {
        let _place = self.place()?;
        let decoy;
        let (text, real) = match stored {
            Some(text) => (text, true),
            None => {
                decoy = match self.decoy.get() {
                    Some(decoy) => decoy.clone(),
                    None => {
                        let made = self.hash_now("nobody has this password")?;
                        self.decoy.get_or_init(|| made).clone()
                    }
                };
                (decoy.as_str(), false)
            }
        };
        let parsed = PasswordHash::new(text).map_err(|_| {
            Error::Store(store::Error::Corrupt(
                "a password hash is no PHC string".to_owned(),
            ))
        })?;
        let matches = password.chars().count() <= MOST_CHARACTERS
            && self
                .hasher()?
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
        if !matches || !real {
            return Ok(Match::No);
        }
        if self.is_weak(&parsed.params) {
            return Ok(Match::YesButWeak(self.hash_now(password)?));
        }
        Ok(Match::Yes)
    }

    /// Makes the decoy before anybody asks, so that the first unknown login is not the slow one.
    pub fn warm_up(&self) -> Result<(), Error> {
        self.verify("warm up", None).map(|_| ())
    }

    fn is_weak(&self, params: &ParamsString) -> bool {
        let least = |name, least: u32| params.get_decimal(name).is_none_or(|value| value < least);
        least("m", self.memory_kib) || least("t", PASSES)
    }

    fn hash_now(&self, password: &str) -> Result<String, Error> {
        let hash: PasswordHash = self
            .hasher()?
            .hash_password(password.as_bytes())
            .map_err(|_| Error::Machine("hashing a password"))?;
        Ok(hash.to_string())
    }

    fn hasher(&self) -> Result<Argon2<'static>, Error> {
        // Hashing takes its memory without asking whether there is any, and would end the process.
        let bytes = self.memory_kib as usize * 1024;
        Vec::<u8>::new()
            .try_reserve_exact(bytes)
            .map_err(|_| store::Error::Busy)?;
        let params = Params::new(self.memory_kib, PASSES, LANES, None)
            .map_err(|_| Error::Machine("the parameters of password hashing"))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    fn place(&self) -> Result<Place<'_>, Error> {
        let until = Instant::now() + PATIENCE;
        let mut running = self.lock();
        while *running >= AT_ONCE {
            let left = until
                .checked_duration_since(Instant::now())
                .ok_or(store::Error::Busy)?;
            running = self
                .freed
                .wait_timeout(running, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *running += 1;
        Ok(Place(self))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(LEAST_MEMORY_KIB)
    }
}

struct Place<'a>(&'a Passwords);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.freed.notify_one();
    }
}

/// Whether a new password is good enough: length and guessability, no rules about characters.
/// `context` is what belongs to the person or the place (login, name): not the password either.
pub fn check(password: &str, context: &[&str]) -> Result<(), Error> {
    let length = password.chars().count();
    if length < FEWEST_CHARACTERS {
        return Err(malformed(
            "password",
            "at least 8 characters; 15 are advised",
        ));
    }
    if length > MOST_CHARACTERS {
        return Err(malformed("password", "at most 128 characters"));
    }
    if password.contains('\0') {
        return Err(malformed("password", "no NUL"));
    }
    let plain = password.to_lowercase();
    let mut letters = plain.chars();
    let first = letters.next();
    let uniform = letters.all(|c| Some(c) == first);
    let named = context
        .iter()
        .map(|word| word.to_lowercase())
        .any(|word| word.chars().count() >= 3 && is_little_more_than(&plain, &word));
    if uniform
        || named
        || is_little_more_than(&plain, "kadian")
        || COMMON.lines().any(|common| common == plain)
    {
        return Err(malformed(
            "password",
            "too easy to guess; several unrelated words are better",
        ));
    }
    Ok(())
}

/// The word itself, or the word with digits and signs around it.
fn is_little_more_than(password: &str, word: &str) -> bool {
    let core = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let word = core(word);
    !word.is_empty() && core(password) == word
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_stored_password_is_argon2id_with_the_least_parameters_or_more() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash("correct horse battery").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_ne!(
            hash,
            passwords.hash("correct horse battery").unwrap(),
            "salted"
        );
        assert_eq!(
            passwords
                .verify("correct horse battery", Some(&hash))
                .unwrap(),
            Match::Yes
        );
        assert_eq!(
            passwords
                .verify("correct horse batterY", Some(&hash))
                .unwrap(),
            Match::No
        );
        assert_eq!(
            passwords.verify("correct horse battery", None).unwrap(),
            Match::No
        );
        assert_eq!(
            passwords.verify("nobody has this password", None).unwrap(),
            Match::No
        );
    }

    #[test]
    fn when_the_parameters_rise_the_password_is_hashed_again() {
        let hash = Passwords::default().hash("correct horse battery").unwrap();
        let stronger = Passwords::new(LEAST_MEMORY_KIB + 1024);
        let Match::YesButWeak(new) = stronger
            .verify("correct horse battery", Some(&hash))
            .unwrap()
        else {
            panic!("the old parameters are weaker")
        };
        assert_eq!(
            stronger
                .verify("correct horse battery", Some(&new))
                .unwrap(),
            Match::Yes
        );
        // A server with less never weakens what is stored.
        assert_eq!(
            Passwords::default()
                .verify("correct horse battery", Some(&new))
                .unwrap(),
            Match::Yes
        );
    }

    #[test]
    fn no_more_than_two_are_hashed_at_once() {
        let passwords = Passwords::default();
        let most = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let _place = passwords.place().unwrap();
                    most.fetch_max(*passwords.lock(), Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        assert_eq!(*passwords.lock(), 0);
    }

    #[test]
    fn short_common_and_telling_passwords_are_refused_and_long_ones_of_any_script_taken() {
        for bad in [
            "seven77",
            "12345678",
            "password",
            "Password",
            "aaaaaaaaaa",
            "kadian2026",
            "wangwei1",
            "1qaz2wsx",
            "woaini1314",
        ] {
            assert!(check(bad, &["wangwei"]).is_err(), "{bad}");
        }
        assert!(check(&"x y".repeat(43), &[]).is_err());
        for good in [
            "正确的马电池订书钉",
            "tr0ub4dor&3",
            "correct horse battery",
            "wangwei likes rain",
        ] {
            assert!(check(good, &["wangwei"]).is_ok(), "{good}");
        }
    }

    #[test]
    fn every_common_password_would_otherwise_be_long_enough() {
        assert!(COMMON.lines().count() >= 150);
        for line in COMMON.lines() {
            assert!(
                line.len() >= FEWEST_CHARACTERS && line == line.to_lowercase(),
                "{line}"
            );
        }
    }
}
