//! A record remembers its writes: those that fields and conflicts point at, and some past ones.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{NOON, nothing_masked, record};
use crate::id::UserId;
use crate::merge::{Writer, merge};
use crate::record::{MAX_CONFLICTS, MAX_PAST_WRITES, Write};
use crate::stamp::{Clock, RawStamp};

pub(super) fn write(device: u32, seq: u64) -> Write {
    let raw = RawStamp {
        ms: u64::try_from(NOON).unwrap() + seq,
        counter: 0,
    };
    Write {
        stamp: raw.by(crate::id::DeviceNumber(device)),
        raw,
        clock: Clock::Right,
        shift: 0,
        rev: seq,
        base: 0,
        line: device,
        seq,
        user: UserId(1),
        content: seq,
        lost: Vec::new(),
        late: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forgetting_past_writes_leaves_every_value_its_own(
        edits in proptest::collection::vec((1..12_u32, 0..6_usize, any::<bool>()), 1..160),
    ) {
        let mut record = record();
        // Each value says which change it came with.
        let mut made = BTreeMap::new();
        for (seq, (device, field, sees)) in (1..).zip(edits) {
            let base = if sees { record.rev } else { 0 };
            let writer = Writer { place: (device, seq), knew: &[], base, only_base_counts: false, masked: &nothing_masked };
            let set = [(format!("field_{field}"), json!(seq)), ("always".to_owned(), json!(seq))].into();
            merge(&mut record, &set, Write { base, ..write(device, seq) }, &writer);
            made.insert(seq, device);

            let mut used = std::collections::BTreeSet::new();
            for held in record.fields.values().chain(record.losers.values().flatten()) {
                let write = record.writes.get(held.write).expect("the index is good");
                prop_assert_eq!(&json!(write.seq), &held.value);
                prop_assert_eq!(write.line, made[&write.seq]);
                used.insert(held.write);
            }
            for losers in record.losers.values() {
                prop_assert!((1..=MAX_CONFLICTS).contains(&losers.len()));
            }
            prop_assert!(record.writes.is_sorted_by_key(|write| write.rev), "in the order they came");
            let past: Vec<u64> = (0..record.writes.len())
                .filter(|index| !used.contains(index)).map(|index| record.writes[index].seq).collect();
            prop_assert!(past.len() <= MAX_PAST_WRITES);
            // The newest of the past ones are those kept.
            let known = |seq: u64| record.repeat_of(made[&seq], seq).is_some();
            if let Some(oldest) = past.first().filter(|_| past.len() == MAX_PAST_WRITES) {
                prop_assert!((*oldest..=seq).all(known));
            } else {
                prop_assert!((1..=seq).all(known));
            }
        }
    }
}
