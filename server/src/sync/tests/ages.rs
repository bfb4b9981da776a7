//! How long what came is kept.

use super::*;
use crate::retention;
use sync_protocol::stamp::Clock as Trust;

const DAY: i64 = 86_400_000;

#[test]
fn what_a_phone_without_a_clock_wrote_is_kept_for_as_long_as_if_it_was_written_on_arrival() {
    let trial = Trial::new();
    let mut phone = trial.phone(trial.leader);
    let old = json!({"stamp": format!("{:012x}0000", 1_577_808_000_000_i64), "kind": "visit", "parent": id(1), "set": {"outcome": "met"}});
    let visit = line(2, id(2), old);
    trial.push(&mut phone, &[household(1, id(1))]);
    // An era that was never compared with the server's clock.
    let text = trial.request(&mut phone, &[visit]);
    let text = text.replacen("\"era\":1", "\"era\":2", 1);
    let request = Request::parse(text.as_bytes()).unwrap();
    let job = Job::Push(Push::new(phone.number, &request, NOW, None));
    assert_eq!(outcomes(&trial.fold(&[job])[0]), [APPLIED]);
    let record = trial.read(|c| records::by_ids(c, &[id(2)]))[0]
        .record()
        .unwrap();
    assert_eq!(
        (record.created.clock, record.created.time),
        (Trust::Unknown, BUILD)
    );
    let due = |now| {
        let due = trial.read(|c| {
            let rules = trial.engine.rules(c)?;
            retention::find(c, &rules, now)
        });
        due.count()
    };
    assert_eq!(due(BUILD + 90 * DAY + 3_600_000), 0, "it came a day later");
    assert_eq!(due(NOW + 90 * DAY + 3_600_000), 1);
}
