//! Forged tokens. None may be accepted, and each differs from a good one in one thing only.

use super::*;
use jsonwebtoken::crypto;
use serde_json::{Value, json};

const NOW: Millis = 1_795_298_400_123;

fn ring() -> Ring {
    Ring::new(&[[7; 32], [8; 32]]).unwrap()
}

fn encode_part(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut block = [0; 3];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, block[0], block[1], block[2]]);
        for index in 0..=chunk.len() {
            let six = (bits >> (18 - 6 * index)) & 63;
            encoded.push(char::from(ALPHABET[six as usize]));
        }
    }
    encoded
}

fn good_header(ring: &Ring) -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": ring.0[0].id})
}

fn good_claims() -> Value {
    let now = NOW / 1000;
    json!({"iss": "kadian", "aud": "kadian-console", "sub": "u17", "client_id": "console",
           "iat": now, "exp": now + 900, "jti": "a1", "since": NOW - 5000})
}

/// A token with these parts, truly signed by `key` whatever the header claims.
fn signed(header: &Value, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!(
        "{}.{}",
        encode_part(&header.to_string()),
        encode_part(claims)
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn with(mut value: Value, name: &str, new: Value) -> Value {
    value[name] = new;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn a_token_of_ours_is_accepted_until_it_ends() {
    let ring = ring();
    let (token, session) = ring.issue(UserId(17), NOW, NOW).unwrap();
    assert_eq!(ring.check(&token, NOW).unwrap(), session);
    assert_eq!(session.expires, NOW / 1000 + 900);
    let at = |seconds: i64| ring.check(&token, NOW + seconds * 1000);
    assert!(at(900 + 29).is_ok() && at(-30).is_ok());
    assert!(at(900 + 31).is_err() && at(-31).is_err());
    // The hand-made form that the forgeries start from is good too.
    let made = signed(
        &good_header(&ring),
        &good_claims().to_string(),
        &ring.0[0].signs,
        Algorithm::EdDSA,
    );
    assert_eq!(ring.check(&made, NOW).unwrap().user, UserId(17));
}

#[test]
fn a_token_of_an_older_key_is_accepted_as_long_as_the_ring_has_it() {
    let old = Ring::new(&[[8; 32]]).unwrap();
    let (token, _) = old.issue(UserId(1), NOW, NOW).unwrap();
    assert!(ring().check(&token, NOW).is_ok());
    assert!(Ring::new(&[[7; 32]]).unwrap().check(&token, NOW).is_err());
}

#[test]
fn a_session_is_not_renewed_beyond_its_end() {
    let ring = ring();
    let last = NOW + (SESSION_SECONDS - 60) * 1000;
    let (_, session) = ring.issue(UserId(1), NOW, last).unwrap();
    assert_eq!(session.expires, NOW / 1000 + SESSION_SECONDS);
    assert!(ring.issue(UserId(1), NOW, last + 61_000).is_err());
}

#[test]
fn of_forged_tokens_none_is_accepted() {
    let ring = ring();
    let key = &ring.0[0].signs;
    let header = good_header(&ring);
    let claims = good_claims();
    let good = signed(&header, &claims.to_string(), key, Algorithm::EdDSA);
    let sign =
        |header: &Value, claims: &Value| signed(header, &claims.to_string(), key, Algorithm::EdDSA);
    let now = NOW / 1000;
    let public = ring.0[0].checks.try_get_as_bytes().unwrap().to_vec();
    let stranger = super::key(&[9; 32]).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mut forged: Vec<(&str, String)> = vec![
        ("no algorithm, no signature", {
            let header = with(header.clone(), "alg", json!("none"));
            format!(
                "{}.{}.",
                encode_part(&header.to_string()),
                encode_part(&claims.to_string())
            )
        }),
        (
            "no algorithm, a good signature",
            sign(&with(header.clone(), "alg", json!("none")), &claims),
        ),
        ("signature left out", format!("{message}.")),
        (
            "HMAC with the public key",
            signed(
                &with(header.clone(), "alg", json!("HS256")),
                &claims.to_string(),
                &EncodingKey::from_secret(&public),
                Algorithm::HS256,
            ),
        ),
        (
            "HMAC that calls itself EdDSA",
            signed(
                &header,
                &claims.to_string(),
                &EncodingKey::from_secret(&public),
                Algorithm::HS256,
            ),
        ),
        (
            "a stranger's key under our id",
            signed(
                &header,
                &claims.to_string(),
                &stranger.signs,
                Algorithm::EdDSA,
            ),
        ),
        (
            "a stranger's key under its id",
            signed(
                &with(header.clone(), "kid", json!(stranger.id)),
                &claims.to_string(),
                &stranger.signs,
                Algorithm::EdDSA,
            ),
        ),
        (
            "a stranger's key brought along",
            signed(
                &with(
                    header.clone(),
                    "jwk",
                    json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
                ),
                &claims.to_string(),
                &stranger.signs,
                Algorithm::EdDSA,
            ),
        ),
        (
            "the other key of the ring",
            sign(&with(header.clone(), "kid", json!(ring.0[1].id)), &claims),
        ),
        ("no key id", sign(&without(header.clone(), "kid"), &claims)),
        ("no type", sign(&without(header.clone(), "typ"), &claims)),
        (
            "another type",
            sign(&with(header.clone(), "typ", json!("JWT")), &claims),
        ),
        (
            "a critical extension",
            sign(&with(header.clone(), "crit", json!(["b64"])), &claims),
        ),
        (
            "another issuer",
            sign(&header, &with(claims.clone(), "iss", json!("kadian2"))),
        ),
        (
            "another audience",
            sign(
                &header,
                &with(claims.clone(), "aud", json!("kadian-device")),
            ),
        ),
        (
            "several audiences",
            sign(
                &header,
                &with(claims.clone(), "aud", json!(["kadian-console", "x"])),
            ),
        ),
        (
            "a renewal token in its place",
            sign(
                &header,
                &with(claims.clone(), "client_id", json!("renewal")),
            ),
        ),
        (
            "the end as a float",
            sign(
                &header,
                &with(claims.clone(), "exp", json!(now as f64 + 900.5)),
            ),
        ),
        (
            "the end as a text",
            sign(
                &header,
                &with(claims.clone(), "exp", json!((now + 900).to_string())),
            ),
        ),
        (
            "a huge end",
            sign(&header, &with(claims.clone(), "exp", json!(i64::MAX))),
        ),
        (
            "an end beyond all numbers",
            signed(
                &header,
                &claims
                    .to_string()
                    .replace(&(now + 900).to_string(), "1e999"),
                key,
                Algorithm::EdDSA,
            ),
        ),
        (
            "an end that has passed",
            sign(
                &header,
                &with(
                    with(claims.clone(), "iat", json!(now - 950)),
                    "exp",
                    json!(now - 50),
                ),
            ),
        ),
        (
            "an end before the beginning",
            sign(&header, &with(claims.clone(), "iat", json!(now + 901))),
        ),
        (
            "a beginning far ahead",
            sign(
                &header,
                &with(
                    with(claims.clone(), "iat", json!(now + 60)),
                    "exp",
                    json!(now + 900),
                ),
            ),
        ),
        (
            "a life of a day",
            sign(&header, &with(claims.clone(), "exp", json!(now + 86_400))),
        ),
        (
            "a password given later than the token",
            sign(&header, &with(claims.clone(), "since", json!(NOW + 60_000))),
        ),
        (
            "a subject that is no account",
            sign(&header, &with(claims.clone(), "sub", json!("admin"))),
        ),
        (
            "an empty token id",
            sign(&header, &with(claims.clone(), "jti", json!(""))),
        ),
        (
            "two subjects",
            signed(
                &header,
                &claims.to_string().replacen('{', "{\"sub\":\"u1\",", 1),
                key,
                Algorithm::EdDSA,
            ),
        ),
        ("something after the signature", format!("{good}AA")),
        ("a fourth part", format!("{good}.AA")),
        ("padding", format!("{good}==")),
        ("a line break", format!("{good}\n")),
        (
            "another claim under the old signature",
            format!(
                "{}.{}.{signature}",
                encode_part(&header.to_string()),
                encode_part(&with(claims.clone(), "sub", json!("u1")).to_string())
            ),
        ),
        (
            "too long",
            sign(
                &header,
                &with(claims.clone(), "jti", json!("x".repeat(3000))),
            ),
        ),
        ("nothing", String::new()),
        ("two dots", "..".to_owned()),
    ];
    for name in [
        "iss",
        "aud",
        "sub",
        "client_id",
        "iat",
        "exp",
        "jti",
        "since",
    ] {
        forged.push((name, sign(&header, &without(claims.clone(), name))));
    }
    assert_eq!(forged.len(), 45);
    let tried = forged.len();
    let accepted: Vec<_> = forged
        .into_iter()
        .filter(|(_, token)| ring.check(token, NOW).is_ok())
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "of {tried} accepted: {accepted:?}");
}
