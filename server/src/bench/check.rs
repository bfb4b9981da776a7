//! Whether everything that was acknowledged is there, and nothing older than it should be: speed
//! that loses entries is none.

use std::collections::HashSet;

use sync_protocol::id::RecordId;

use super::entry::AMENDED;
use super::report::{Goal, Row};
use super::stage::Stage;
use super::{Failed, Progress};
use crate::store::{self, census, records};

const PART: &str = "afterwards";
const AT_ONCE: usize = 500;

/// Looks every entry up that any phone has ever sent. No server may run.
pub fn measure(stage: &Stage, progress: &dyn Progress) -> Result<Vec<Row>, Failed> {
    let app = stage.open()?;
    let phones = || stage.volunteers.iter();
    let sent: Vec<RecordId> = phones().flat_map(|phone| phone.created.clone()).collect();
    let amended: HashSet<RecordId> = phones().flat_map(|phone| phone.amended.clone()).collect();
    let (mut lost, mut stale) = (0_usize, 0_usize);
    progress.begin("is everything there?", sent.len() as u64);
    for ids in sent.chunks(AT_ONCE) {
        let rows = app.store.read(|c| records::by_ids(c, ids))?;
        lost += ids.len() - rows.len();
        for row in rows {
            let record = row.record()?;
            let (field, value) = AMENDED;
            let holds = record
                .fields
                .get(field)
                .is_some_and(|held| held.value == value);
            stale += usize::from(amended.contains(&record.id) && !holds);
        }
        progress.step(ids.len() as u64);
    }
    let standing = app.store.read::<_, store::Error>(census::records)?;
    let expected = stage.records_before() + sent.len() as u64;
    app.stop();
    Ok(vec![
        Row::new(
            PART,
            "entries sent and acknowledged",
            "entries",
            sent.len() as f64,
        ),
        Row::new(
            PART,
            "amended from another device",
            "entries",
            amended.len() as f64,
        ),
        Row::new(PART, "lost", "entries", lost as f64).goal(Goal::AtMost(0.0)),
        Row::new(PART, "a stale value kept", "entries", stale as f64).goal(Goal::AtMost(0.0)),
        Row::new(
            PART,
            "records more or fewer than there should be",
            "records",
            standing.unsigned_abs().abs_diff(expected) as f64,
        )
        .goal(Goal::AtMost(0.0)),
    ])
}
