//! Single rules that a vector cannot show: limits, secrets, loops.

use proptest::prelude::*;
use serde_json::json;

use crate::id::{DeviceNumber, RecordId, UserId};
use crate::replica::{Action, Answer, Draft, Enrolled, Heard, Moment, Replica, Step, Token};
use crate::wire::{MAX_BODY_BYTES, MAX_CHANGES, Outcome, Request, Verdict};

const NOW: i64 = 1_795_300_000_000;

fn at(ms: i64) -> Moment {
    Moment {
        wall: NOW + ms,
        mono: ms,
    }
}

fn id(n: u32) -> RecordId {
    let mut ten = [0; 10];
    ten[6..].copy_from_slice(&n.to_be_bytes());
    RecordId::at(NOW.unsigned_abs(), &ten)
}

fn draft(n: u32, text: &str) -> Draft {
    let place = "checkpoint:S17".parse().unwrap();
    Draft::create(
        id(n),
        "registration",
        place,
        [("note".to_owned(), json!(text))].into(),
    )
}

fn enrolled() -> Replica {
    let mut replica = Replica::new();
    replica.wake(at(0));
    replica.enrol("4711", &[1; 32]);
    let Action::Enrol { attempt, .. } = replica.next(at(0)) else {
        panic!("enrols")
    };
    let own = Enrolled {
        device: DeviceNumber(1_001),
        user: UserId(17),
    };
    assert_eq!(replica.enrolled(attempt, own, at(0)), Heard::Applied);
    replica
}

fn sent(action: Action) -> (u64, Vec<u8>) {
    match action {
        Action::Send { attempt, body, .. } => (attempt, body),
        other => panic!("sends, not {other:?}"),
    }
}

#[test]
fn a_pack_keeps_both_limits_with_its_envelope() {
    let mut replica = enrolled();
    for n in 0..600 {
        replica.capture(&draft(n, "short"), at(0)).unwrap();
    }
    let (attempt, body) = sent(replica.next(at(0)));
    assert_eq!(Request::parse(&body).unwrap().lines.len(), MAX_CHANGES);
    replica.hear(attempt, None, at(0), &[0; 32]);

    let mut replica = enrolled();
    for n in 0..40 {
        replica
            .capture(&draft(n, &"x".repeat(15_000)), at(0))
            .unwrap();
    }
    let (attempt, body) = sent(replica.next(at(0)));
    assert!(body.len() <= MAX_BODY_BYTES, "{}", body.len());
    assert!(Request::parse(&body).unwrap().lines.len() >= 16);
    replica.hear(attempt, None, at(0), &[0; 32]);
    let (_, body) = sent(replica.next(at(60_000)));
    let lines = Request::parse(&body).unwrap().lines.len();
    assert_eq!(lines, 2, "after a failure, 32 KiB");
}

#[test]
fn no_secret_is_printed() {
    let replica = enrolled();
    let secret = Token::of(&[1; 32]);
    let printed = format!("{replica:?} {secret:?}");
    assert!(!printed.contains(secret.reveal()));
    let mut replica = Replica::new();
    replica.enrol("4711-secret", &[1; 32]);
    assert!(!format!("{:?} {:?}", replica, replica.clone().next(at(0))).contains("secret"));
}

#[test]
fn a_verdict_of_a_newer_centre_does_not_make_the_reply_unreadable() {
    let verdict: Verdict = serde_json::from_str(r#"{"seq":1,"verdict":"delegated"}"#).unwrap();
    assert_eq!(verdict.verdict, Outcome::Applied);
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(text, r#"{"seq":1,"verdict":"applied"}"#);
}

#[test]
fn rows_of_unknown_kinds_and_fields_are_kept_as_they_came() {
    let mut replica = enrolled();
    let row = json!({"record": id(1), "kind": "from_the_future", "rev": 5,
        "stamp": "01a200981de0000000012f40", "time": 1, "by": "u9",
        "set": {"new_field": {"deep": [1, "b"]}}});
    let feed = json!([{"scope": "grid:0731", "cursor": 5, "more": false, "view": "v", "count": 1,
        "digest": "0000000000000000", "lease": 60, "rows": [row]}]);
    let reply = |more: serde_json::Value| {
        let mut reply = json!({"protocol": 1, "epoch": 9, "now": NOW, "schema": 1, "policy": 1,
            "ack": 0, "ack_mark": "", "durable": 0, "next_in": 300, "unknown_member": 1});
        reply
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        reply.to_string()
    };
    let places =
        json!({"grants": "g", "places": [{"place": "grid:0731", "name": "x", "roles": []}]});
    for more in [places, json!({ "feeds": feed })] {
        let (attempt, _) = sent(replica.next(at(0)));
        let body = reply(more);
        let answer = Answer {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
        };
        assert_eq!(
            replica.hear(attempt, Some(&answer), at(0), &[0; 32]),
            Heard::Applied
        );
    }
    let view = replica.view(id(1)).unwrap();
    assert_eq!(view.kind, "from_the_future");
    assert_eq!(view.fields["new_field"], json!({"deep": [1, "b"]}));
}

#[test]
fn a_phone_that_lost_its_marks_takes_them_from_the_centre() {
    let mut replica = enrolled();
    let entry = replica.capture(&draft(1, "a"), at(0)).unwrap();
    let (attempt, _) = sent(replica.next(at(0)));
    let mark = replica.mark_of(1).unwrap();
    let body = json!({"protocol": 1, "epoch": 9, "now": NOW, "schema": 1, "policy": 1,
        "ack": 1, "ack_mark": mark, "durable": 1, "next_in": 300})
    .to_string();
    let answer = Answer {
        status: 200,
        retry_after: None,
        body: body.as_bytes(),
    };
    replica.hear(attempt, Some(&answer), at(0), &[0; 32]);
    // The body is gone too: from it the mark could be made anew.
    replica.lose_marks(1);
    assert_eq!(replica.mark_of(1), Some(mark), "made again from the line");
    replica.lose(entry);
    assert_eq!(replica.mark_of(1), None);
    replica.capture(&draft(2, "b"), at(0)).unwrap();
    let (attempt, asked) = sent(replica.next(at(0)));
    let request = Request::parse(&asked).unwrap();
    assert_eq!((request.envelope.from, request.lines.len()), (1, 0));
    replica.hear(attempt, Some(&answer), at(0), &[0; 32]);
    let (_, asked) = sent(replica.next(at(0)));
    let request = Request::parse(&asked).unwrap();
    assert_eq!(
        (request.envelope.from, request.envelope.after),
        (2, Some(mark))
    );
}

#[test]
fn the_button_shortens_a_pause_of_the_phones_own_and_none_that_the_centre_asked_for() {
    let mut replica = enrolled();
    let (attempt, _) = sent(replica.next(at(0)));
    replica.hear(attempt, None, at(0), &[255; 32]);
    assert!(matches!(replica.next(at(0)), Action::Wait { .. }));
    replica.hurry();
    let (attempt, _) = sent(replica.next(at(0)));
    let busy = Answer {
        status: 503,
        retry_after: Some(40),
        body: br#"{"code":"busy"}"#,
    };
    assert_eq!(
        replica.hear(attempt, Some(&busy), at(0), &[0; 32]),
        Heard::Waiting
    );
    replica.hurry();
    assert_eq!(replica.next(at(0)), Action::Wait { until: 40_000 });
}

#[test]
fn steps_are_listed_with_ack_last() {
    assert_eq!(Step::ALL.last(), Some(&Step::Ack));
}

proptest! {
    #[test]
    fn back_off_stays_between_two_seconds_and_fifteen_minutes(
        fails in 1..30_usize, random in proptest::array::uniform32(any::<u8>()),
    ) {
        let mut replica = enrolled();
        let mut now = 0;
        for _ in 0..fails {
            let (attempt, _) = sent(replica.next(at(now)));
            replica.hear(attempt, None, at(now), &random);
            let Action::Wait { until } = replica.next(at(now)) else { panic!("waits") };
            prop_assert!((2_000..=900_000).contains(&(until - now)));
            now = until;
        }
    }

    #[test]
    fn i14_no_answer_is_asked_for_in_a_circle(
        status in prop_oneof![Just(200_u16), Just(400), Just(401), Just(403), Just(409), Just(413), Just(415), Just(426), Just(429), Just(500), Just(503), 200..600_u16],
        code in prop_oneof![Just("fork"), Just("gap"), Just("other")],
        body in 0..5_u8,
        changes in 0..40_u32,
        expected in 0..60_u64,
    ) {
        let mut replica = enrolled();
        for n in 0..changes {
            replica.capture(&draft(n, "x"), at(0)).unwrap();
        }
        let text = match body {
            0 => "<html>".to_owned(),
            1 => json!({"login": true}).to_string(),
            2 => json!({"protocol": 1, "epoch": 9, "now": NOW, "schema": 1, "policy": 1, "ack": 0,
                "ack_mark": "", "durable": 0, "next_in": 0, "feeds": [], "grants": "g",
                "places": [{"place": "grid:0731", "name": "", "roles": []}]}).to_string(),
            _ => json!({"protocol": 1, "code": code, "expected": expected, "after": ""}).to_string(),
        };
        let answer = Answer { status, retry_after: None, body: text.as_bytes() };
        let mut sends = 0;
        loop {
            match replica.next(at(0)) {
                Action::Send { attempt, .. } => {
                    replica.hear(attempt, Some(&answer), at(0), &[9; 32]);
                }
                Action::Enrol { attempt, .. } => {
                    replica.enrol_failed(attempt, Some(&answer), at(0), &[9; 32]);
                }
                _ => break,
            }
            sends += 1;
            prop_assert!(sends < 16, "asks again and again");
        }
        prop_assert_eq!(replica.unsent(), changes as usize);
    }
}
