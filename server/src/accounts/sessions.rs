//! Console sessions: short tokens that say who somebody is, never what they may do. One algorithm
//! (EdDSA), one issuer, one audience, keys from the local ring alone; whatever a token says about
//! keys is ignored. Sessions end with the account's `sessions_from`, read at each request.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::{Error, Refusal, hex, sha256};

/// How long one token is good for.
pub const LIFE_SECONDS: i64 = 15 * 60;
/// How long a session may be renewed without the password.
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;
/// How far the clocks of two servers may be apart.
const LEEWAY_SECONDS: i64 = 30;
const ISSUER: &str = "kadian";
const AUDIENCE: &str = "kadian-console";
const CLIENT: &str = "console";
const TYPE: &str = "at+jwt";
/// Longer ones are not even looked at.
const MOST_BYTES: usize = 2048;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: String,
    /// When the password was given, in milliseconds.
    since: Millis,
}

/// What a good token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub user: UserId,
    /// When the password was given.
    pub since: Millis,
    /// When the token ends, in seconds since 1970.
    pub expires: i64,
}

struct Key {
    id: String,
    signs: EncodingKey,
    checks: DecodingKey,
}

/// The keys of this installation: the first signs, all of them check.
pub struct Ring(Vec<Key>);

impl Ring {
    /// `seeds` are 32 random bytes each, the one that signs first.
    pub fn new(seeds: &[[u8; 32]]) -> Result<Self, Error> {
        let keys: Option<Vec<Key>> = seeds.iter().map(key).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self(keys)),
            _ => Err(Error::Machine("the keys of sessions")),
        }
    }

    /// A token for somebody who gave the password at `since`.
    pub fn issue(
        &self,
        user: UserId,
        since: Millis,
        now: Millis,
    ) -> Result<(String, Session), Error> {
        let failed = || Error::Machine("signing a session");
        let key = self.0.first().ok_or_else(failed)?;
        let mut jti = [0; 16];
        getrandom::fill(&mut jti).map_err(|_| Error::Machine("random numbers"))?;
        let iat = now.div_euclid(1000);
        let exp = (iat + LIFE_SECONDS).min(since.div_euclid(1000) + SESSION_SECONDS);
        if exp <= iat {
            return Err(Refusal::SessionOver.into());
        }
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            client_id: CLIENT.to_owned(),
            iat,
            exp,
            jti: hex(&jti),
            since,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.id.clone());
        let token = encode(&header, &claims, &key.signs).map_err(|_| failed())?;
        let session = Session {
            user,
            since,
            expires: exp,
        };
        Ok((token, session))
    }

    /// Who this token is for; every fault has the same answer. Whether the account still lets the
    /// session go on is for the caller to read in the database.
    pub fn check(&self, token: &str, now: Millis) -> Result<Session, Refusal> {
        self.read(token, now).ok_or(Refusal::SessionOver)
    }

    fn read(&self, token: &str, now: Millis) -> Option<Session> {
        if token.len() > MOST_BYTES {
            return None;
        }
        let header = decode_header(token).ok()?;
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return None;
        }
        let kid = header.kid?;
        let key = self.0.iter().find(|key| key.id == kid)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.algorithms = vec![Algorithm::EdDSA];
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The times are compared below, with the clock that everything else goes by.
        rules.validate_exp = false;
        let claims: Claims = decode(token, &key.checks, &rules).ok()?.claims;

        let seconds = now.div_euclid(1000);
        let life = claims.exp.checked_sub(claims.iat)?;
        let current = (1..=LIFE_SECONDS).contains(&life)
            && claims.exp.checked_add(LEEWAY_SECONDS)? > seconds
            && claims.iat.checked_sub(LEEWAY_SECONDS)? <= seconds
            && claims.since.div_euclid(1000) <= claims.iat.checked_add(LEEWAY_SECONDS)?;
        if !current || claims.client_id != CLIENT || claims.jti.is_empty() {
            return None;
        }
        Some(Session {
            user: claims.sub.parse().ok()?,
            since: claims.since,
            expires: claims.exp,
        })
    }
}

fn key(seed: &[u8; 32]) -> Option<Key> {
    // The fixed beginning of an Ed25519 private key in PKCS #8 (RFC 8410), then the seed.
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let signs = EncodingKey::from_ed_der(&[PREFIX.as_slice(), seed].concat());
    let public = jsonwebtoken::jwk::Jwk::from_encoding_key(&signs, Algorithm::EdDSA).ok()?;
    let checks = DecodingKey::from_jwk(&public).ok()?;
    let id = hex(&sha256(checks.try_get_as_bytes().ok()?)[..8]);
    Some(Key { id, signs, checks })
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
