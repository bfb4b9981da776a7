//! What the model tells a phone: pages in head order, own runs, exits, verdicts.

use super::*;

impl Centre {
    pub(super) fn reply(
        &self,
        number: u32,
        device: &Device,
        envelope: &Envelope,
        carried: &BTreeMap<Seq, Mark>,
    ) -> Reply {
        let empty = BTreeSet::new();
        let held = self.held.get(&device.user).unwrap_or(&empty);
        let grants = format!(
            "{:x}",
            crate::mark::fingerprint(format!("{held:?}").as_bytes())
        );
        let mut room = self.page_rows.min(envelope.limit).max(1);
        let mut feeds = Vec::new();
        let mut dropped = Vec::new();
        let mut back: BTreeSet<RecordId> = BTreeSet::new();
        for Ask(scope, cursor, view, digest) in &envelope.pull {
            if !held.contains(&scope.place) {
                dropped.push(Dropped {
                    scope: scope.clone(),
                    reason: "revoked".to_owned(),
                });
                continue;
            }
            let head = self.heads.get(scope).cloned().unwrap_or_default();
            let mut worth = head.judge(*cursor);
            if worth == Worth::Good && view != "v1" {
                worth = Worth::Void;
            }
            let above = if worth == Worth::Good { *cursor } else { 0 };
            let mut items: Vec<(Rev, RecordId, Option<&Stored>)> = self
                .records
                .values()
                .filter(|stored| stored.scope == *scope && stored.head > above)
                .map(|stored| (stored.head, stored.record.id, Some(stored)))
                .collect();
            items.extend(
                self.exits
                    .iter()
                    .filter(|((left, _), head)| left == scope && **head > above)
                    .map(|((_, id), head)| (*head, *id, None)),
            );
            items.sort_by_key(|(head, ..)| *head);
            back.extend(items.iter().map(|(_, id, _)| *id));
            let all = self.rows(scope);
            let mut feed = Feed {
                scope: scope.clone(),
                cursor: *cursor,
                more: false,
                reset: worth == Worth::Void,
                view: "v1".to_owned(),
                count: all.len() as u64,
                digest: all.iter().fold(Digest::default(), |mut digest, row| {
                    digest.add(row.record, row.rev);
                    digest
                }),
                lease: if scope.day.is_some() {
                    LEASE_BY_DAY
                } else {
                    LEASE
                },
                own: Vec::new(),
                rows: Vec::new(),
                exits: Vec::new(),
            };
            if worth == Worth::Good && items.is_empty() && *digest == feed.digest {
                continue;
            }
            let taken = items.len().min(room);
            if taken == 0 && !items.is_empty() {
                feed.more = true;
                feed.reset = false;
                feeds.push(feed);
                continue;
            }
            feed.more = taken < items.len();
            feed.cursor = if feed.more {
                items[taken - 1].0
            } else {
                head.head
            };
            room -= taken;
            for (_, id, stored) in &items[..taken] {
                match stored {
                    Some(stored) => match stored.exact {
                        Some((by, seq))
                            if by == number
                                && carried.contains_key(&seq)
                                && worth == Worth::Good
                                && envelope.epoch == self.epoch =>
                        {
                            feed.own.push((seq, seq, stored.record.rev));
                        }
                        _ => feed.rows.push(row(stored)),
                    },
                    None => {
                        let to = self.records.get(id).map(|stored| stored.scope.clone());
                        feed.exits.push(Exit {
                            record: *id,
                            reason: "moved".to_owned(),
                            to: to.filter(|to| {
                                held.contains(&to.place)
                                    && envelope.pull.iter().any(|ask| ask.0 == *to)
                            }),
                        });
                    }
                }
            }
            feeds.push(feed);
        }
        let mut verdicts = Vec::new();
        for seq in carried.keys() {
            let mut verdict = device.verdicts[seq].clone();
            if verdict.verdict == Outcome::Applied {
                let stored = self.records.values().find(|stored| {
                    stored
                        .record
                        .writes
                        .iter()
                        .any(|w| w.stamp.device == number && w.seq == *seq)
                });
                if stored.is_some_and(|stored| back.contains(&stored.record.id)) {
                    continue;
                }
                verdict.scope = stored
                    .map(|stored| stored.scope.clone())
                    .filter(|scope| held.contains(&scope.place));
            }
            verdicts.push(verdict);
        }
        Reply {
            protocol: PROTOCOL,
            epoch: self.epoch,
            now: self.now,
            schema: 1,
            policy: 1,
            ack: device.ack,
            ack_mark: device.ack_mark,
            durable: device.durable.min(device.ack),
            next_in: 300,
            verdicts,
            dropped,
            places: (envelope.grants != grants).then(|| {
                let place = |place: &Place| HeldPlace {
                    place: place.clone(),
                    name: place.to_string(),
                    by_day: by_day(place),
                    roles: vec!["volunteer".to_owned()],
                };
                held.iter().map(place).collect()
            }),
            grants: (envelope.grants != grants).then_some(grants),
            feeds,
        }
    }
}
