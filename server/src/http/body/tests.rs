//! Bad bodies, written by hand: what each one is refused with.

use super::decode::{Decoder, Encoding};
use super::generated::Noise;
use super::*;
use crate::clock::Clock;
use crate::http::problem;
use actix_web::test::TestRequest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use std::io::Write as _;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decode(encoding: Encoding, bytes: &[u8], piece: usize) -> Result<Vec<u8>, Problem> {
    let mut decoder = Decoder::new(encoding, &LIMITS);
    for piece in bytes.chunks(piece) {
        decoder.push(piece)?;
        assert!(decoder.held() <= LIMITS.inflated);
    }
    decoder.finish()
}

#[track_caller]
fn check(encoding: Encoding, bytes: &[u8], expected: Result<&[u8], &problem::Code>) {
    for piece in [1, 7, 4096, usize::MAX] {
        // Large bodies byte by byte only cost time.
        if piece < 4096 && bytes.len() > 10_000 {
            continue;
        }
        let found = decode(encoding, bytes, piece);
        match (&found, &expected) {
            (Ok(found), Ok(expected)) => assert!(found == expected, "pieces of {piece}"),
            (Err(found), Err(expected)) => assert_eq!(&found.code(), expected, "pieces of {piece}"),
            _ => panic!("pieces of {piece}: {found:?}"),
        }
    }
}

#[test]
fn what_was_packed_is_unpacked_also_from_several_members() {
    let text: &[u8] = b"{\"a\":1}";
    check(Encoding::Identity, text, Ok(text));
    check(Encoding::Gzip, &gzip(text), Ok(text));
    let two = [gzip(b"{\"a\""), gzip(b":1}")].concat();
    check(Encoding::Gzip, &two, Ok(text));
    let named = flate2::GzBuilder::new()
        .filename("list.json")
        .comment("x")
        .extra(vec![1; 9]);
    let mut named = named.write(Vec::new(), Compression::fast());
    named.write_all(text).unwrap();
    check(Encoding::Gzip, &named.finish().unwrap(), Ok(text));
}

#[test]
fn damaged_gzip_is_refused_at_any_cut() {
    let packed = gzip(b"{\"name\":\"somebody\",\"temperature\":365}");
    for cut in 0..packed.len() {
        check(Encoding::Gzip, &packed[..cut], Err(problem::BODY_GZIP));
    }
    check(
        Encoding::Gzip,
        &[&packed[..], b"garbage"].concat(),
        Err(problem::BODY_GZIP),
    );
    check(
        Encoding::Gzip,
        &[&packed[..], &[0; 512]].concat(),
        Err(problem::BODY_GZIP),
    );
    check(
        Encoding::Gzip,
        b"{\"name\":\"plain\"}",
        Err(problem::BODY_GZIP),
    );
    let mut wrong_sum = packed;
    let last = wrong_sum.len() - 5;
    wrong_sum[last] ^= 1;
    check(Encoding::Gzip, &wrong_sum, Err(problem::BODY_GZIP));
    check(
        Encoding::Gzip,
        &gzip(b"").repeat(LIMITS.members + 1),
        Err(problem::BODY_GZIP),
    );
    check(Encoding::Gzip, &gzip(b""), Err(problem::BODY_EMPTY));
}

#[test]
fn i15_a_bomb_is_noticed_before_it_is_large() {
    // Packed piece by piece: another test watches the memory of the process.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    (0..100).for_each(|_| bomb.write_all(&[b' '; 1 << 20]).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < LIMITS.sent);
    check(Encoding::Gzip, &bomb, Err(problem::BODY_INFLATED));
    let mut decoder = Decoder::new(Encoding::Gzip, &LIMITS);
    assert!(decoder.push(&bomb).is_err());
    assert!(
        decoder.sent() <= 8192,
        "stopped after {} of {} bytes",
        decoder.sent(),
        bomb.len()
    );
    assert_eq!(decoder.held(), 0, "nothing is kept");
    assert!(decoder.push(b"more").is_err(), "and it stays stopped");
    // Within the size, the ratio decides.
    check(
        Encoding::Gzip,
        &gzip(&vec![b' '; LIMITS.inflated / 2]),
        Err(problem::BODY_INFLATED),
    );
    // Small bodies may pack as well as they can: only what is large is judged by its ratio.
    let small = vec![b'7'; LIMITS.judged_from];
    check(Encoding::Gzip, &gzip(&small), Ok(&small));
    let within: Vec<u8> = Noise(1).take(LIMITS.sent - 4096).collect();
    check(Encoding::Gzip, &gzip(&within), Ok(&within));
    let halves = [gzip(&within), gzip(&within)].concat();
    check(Encoding::Gzip, &halves, Err(problem::BODY_TOO_LARGE));
    check(
        Encoding::Identity,
        &vec![b' '; LIMITS.sent + 1],
        Err(problem::BODY_TOO_LARGE),
    );
}

#[test]
fn encodings_on_top_of_each_other_and_unknown_ones_are_refused() {
    for known in [
        None,
        Some("identity"),
        Some("gzip"),
        Some("GZIP"),
        Some("x-gzip"),
        Some(""),
    ] {
        assert!(Encoding::of(known).is_ok());
    }
    for unknown in [
        "br",
        "zstd",
        "deflate",
        "gzip, gzip",
        "gzip,identity",
        "chunked",
    ] {
        assert_eq!(
            Encoding::of(Some(unknown)).unwrap_err().code(),
            problem::BODY_ENCODING
        );
    }
}

#[test]
fn nesting_is_found_without_parsing() {
    for (text, expected) in [
        ("[[1]]", None),
        ("[[[1]]]", Some(2)),
        ("{\"a\":{\"b\":{}}}", Some(10)),
        ("\"[[[[\"", None),
        ("\"\\\"[[[[\"", None),
        ("[1],[2],[[3]]", None),
        ("]]]][[", None),
    ] {
        assert_eq!(json::too_deep(text.as_bytes(), 2), expected, "{text}");
    }
}

#[test]
fn a_refusal_names_the_place_and_the_rule_and_never_the_value() {
    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only the parsing matters")]
    struct Two {
        name: String,
        age: i64,
    }
    for (text, code, part) in [
        (
            "{\"name\":\n\"Zhang\",\"age\":\"Wei\"}",
            problem::BODY_JSON,
            "\"line\":2",
        ),
        (
            "{\"name\":\"Zhang\",\"age\":\"Wei, expected Wei\"}",
            problem::BODY_JSON,
            "should be i64",
        ),
        (
            "{\"name\":\"Zhang\"}",
            problem::BODY_JSON,
            "missing field `age`",
        ),
        ("{\"name\":\"Zhang\",}", problem::BODY_JSON, "not JSON"),
        ("{\"name\":\"Zhang", problem::BODY_JSON, "too early"),
        (
            "{\"name\":\"Zhang\",\"age\":1e400}",
            problem::BODY_JSON,
            "line",
        ),
        (
            "{\"name\":\"Zhang\",\"age\":18446744073709551616}",
            problem::BODY_JSON,
            "line",
        ),
        (
            "{\"name\":\"\\ud800Zhang\",\"age\":1}",
            problem::BODY_JSON,
            "line",
        ),
        (
            "\u{feff}{\"name\":\"Zhang\",\"age\":1}",
            problem::BODY_UTF8,
            "byte order mark",
        ),
    ] {
        let problem = json::parse::<Two>(text.as_bytes(), 16).unwrap_err();
        let shown = format!("{problem:?}");
        assert_eq!(problem.code(), code, "{text}");
        let document = actix_web::body::to_bytes(problem.render(None).into_body());
        let document = actix_web::rt::System::new().block_on(document).unwrap();
        let document = String::from_utf8(document.to_vec()).unwrap();
        assert!(document.contains(part), "{text}: {document}");
        for value in ["Zhang", "Wei"] {
            assert!(
                !document.contains(value) && !shown.contains(value),
                "{text}: {document}"
            );
        }
    }
    let twice = json::parse::<Two>(b"{\"name\":\"a\",\"age\":1,\"age\":2}", 16).unwrap();
    assert_eq!(
        twice.age, 2,
        "of members with the same name the last one counts"
    );
}

#[test]
fn an_object_with_a_nul_in_a_text_is_refused_and_one_that_only_speaks_of_it_is_not() {
    let read = |name: &str| {
        let text = format!("{{\"name\":\"{name}\",\"age\":1}}");
        json::object::<serde_json::Value>(text.as_bytes(), 16)
    };
    for nul in ["\\u0000", "a\\u0000b", "\\\\\\u0000", "\\u0061\\u0000"] {
        assert_eq!(read(nul).unwrap_err().code(), problem::BODY_JSON, "{nul}");
    }
    for text in ["", "\\\\u0000", "u0000", "\\u0001", "\\\"u0000"] {
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn patience_grows_with_what_has_come_and_ends() {
    use super::read::patience;
    assert_eq!(patience(0, &LIMITS), LIMITS.grace);
    assert_eq!(patience(5 * 1024, &LIMITS), LIMITS.grace);
    assert_eq!(patience(20 * 1024, &LIMITS), Duration::from_secs(20));
    assert_eq!(patience(256 * 1024, &LIMITS), LIMITS.total);
}

#[actix_web::test]
async fn bodies_beyond_the_shared_memory_hear_busy() {
    let app = App::trial(Clock::manual(crate::clock::BUILD)).unwrap();
    let budget = Budget::new(1000);
    let of = |size: usize| {
        TestRequest::post()
            .insert_header(("content-type", JSON))
            .set_payload(vec![b' '; size])
            .app_data(web::Data::from(app.clone()))
            .to_http_parts()
    };
    let (request, payload) = of(600);
    let held = read(&request, payload, &[JSON], &LIMITS, &budget)
        .await
        .ok()
        .unwrap();
    let (request, payload) = of(600);
    let refused = read(&request, payload, &[JSON], &LIMITS, &budget)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), problem::BUSY);
    assert_eq!((held.sent(), held.len(), budget.taken()), (600, 600, 600));
    drop(held);
    assert_eq!(budget.taken(), 0);
}
