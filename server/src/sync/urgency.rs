//! What the beginning of a request says of its urgency, before it is its turn to be unpacked and
//! read whole. Phones put abnormal entries first, so the first lines tell; the combiner looks at
//! all of them later.

use sync_protocol::change::Glance;
use sync_protocol::policy::Policy;

use super::engine::Engine;
use super::job::glance;

/// How much a request presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It brings an abnormal entry.
    Abnormal,
    /// It brings changes.
    Changes,
    /// It only asks.
    Nothing,
}

impl Engine {
    /// The urgency of a request that begins like this.
    pub fn urgency(&self, beginning: &[u8]) -> Urgency {
        let rules = self.core().rules.held();
        of(beginning, rules.as_ref().map(|rules| &*rules.policy))
    }
}

fn of(beginning: &[u8], policy: Option<&Policy>) -> Urgency {
    let mut lines = beginning.split(|byte| *byte == b'\n');
    // The envelope.
    lines.next();
    let mut urgency = Urgency::Nothing;
    for line in lines.filter(|line| !line.is_empty()) {
        urgency = Urgency::Changes;
        // The last line may be cut; then it is none and says nothing.
        if let (Ok(Glance::Change(change, set)), Some(policy)) = (glance(line), policy)
            && !policy.abnormal(&change.kind, &set).is_empty()
        {
            return Urgency::Abnormal;
        }
    }
    urgency
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"protocol":1,"now":1,"era":1,"from":1,"after":""}"#;

    fn line(temperature: i64) -> String {
        format!(
            r#"{{"era":1,"schema":1,"stamp":"01a200990ebf0000","kind":"registration","record":"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01","scope":"checkpoint:S1","set":{{"measurement":{{"temperature":{temperature},"method":"forehead"}}}}}}"#
        )
    }

    #[test]
    fn the_first_lines_tell_whether_a_request_presses() {
        let policy = Policy::built_in().unwrap();
        let (well, fever) = (line(365), line(392));
        let cut = &fever[..fever.len() - 4];
        for (lines, expected) in [
            (vec![], Urgency::Nothing),
            (vec![""], Urgency::Nothing),
            (vec![well.as_str()], Urgency::Changes),
            (vec!["not JSON"], Urgency::Changes),
            (vec![well.as_str(), cut], Urgency::Changes),
            (vec![well.as_str(), fever.as_str(), ""], Urgency::Abnormal),
            (vec![fever.as_str(), cut], Urgency::Abnormal),
        ] {
            let text = format!("{ENVELOPE}\n{}", lines.join("\n"));
            assert_eq!(of(text.as_bytes(), Some(&policy)), expected, "{text}");
        }
        assert_eq!(of(b"", Some(&policy)), Urgency::Nothing);
        let text = format!("{ENVELOPE}\n{fever}\n");
        assert_eq!(of(text.as_bytes(), None), Urgency::Changes);
    }
}
