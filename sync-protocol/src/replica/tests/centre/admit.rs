//! How the model decides on a change: repeats, rights, parking, merging.

use super::*;

impl Centre {
    pub(super) fn admit_line(
        &mut self,
        number: u32,
        device: &Device,
        seq: Seq,
        line: &[u8],
        envelope: &Envelope,
    ) -> Verdict {
        let mut verdict = Verdict {
            seq,
            last: None,
            verdict: Outcome::Invalid,
            code: None,
            path: None,
            fields: Vec::new(),
            scope: None,
        };
        match parse(line) {
            Ok(Line::Change(change)) => {
                let told = envelope.eras.get(&change.era).copied();
                let measured = self.now - envelope.now;
                let parked = Parked {
                    device: number,
                    line: device.line,
                    seq,
                    user: device.user,
                    skew: era_skew(change.era, envelope.era, measured, told),
                    change: *change,
                    code: "",
                    open: true,
                };
                let (outcome, code, fields) = self.admit(parked);
                verdict.verdict = outcome;
                verdict.code = code.map(str::to_owned);
                verdict.fields = fields;
            }
            Ok(Line::Lost(_)) => {
                self.lost += 1;
                verdict.code = Some(invalid::LOST.to_owned());
            }
            Err(fault) => verdict.code = Some(fault.code.to_owned()),
        }
        verdict
    }

    fn admit(&mut self, mut this: Parked) -> (Outcome, Option<&'static str>, Vec<String>) {
        let (id, content) = (this.change.record, this.change.content());
        if let Some(write) = self
            .records
            .get(&id)
            .and_then(|stored| stored.record.repeat_of(this.line, content))
        {
            let outcome = if write.lost.is_empty() {
                Outcome::Applied
            } else {
                Outcome::Merged
            };
            return (outcome, None, write.lost.clone());
        }
        let mut before = self.parked.iter().filter(|other| other.line == this.line);
        if let Some(known) = before.find(|other| other.change.content() == content) {
            return (outcome_of(known.code), Some(known.code), Vec::new());
        }
        self.log.push((this.line, content));
        match self.place(&this) {
            Ok(scope) => {
                let fields = self.write(&this, scope);
                if this.change.whole {
                    for other in &mut self.parked {
                        other.open &= other.line != this.line || other.change.record != id;
                    }
                }
                self.admit_waiting(id);
                let outcome = if fields.is_empty() {
                    Outcome::Applied
                } else {
                    Outcome::Merged
                };
                (outcome, None, fields)
            }
            Err(code) => {
                this.code = code;
                self.parked.push(this);
                (outcome_of(code), Some(code), Vec::new())
            }
        }
    }

    /// Where the record is or is to be, or why the change cannot be applied.
    fn place(&self, this: &Parked) -> Result<Scope, &'static str> {
        let change = &this.change;
        if change.set.contains_key("bad") {
            return Err("type");
        }
        let behind = self.parked.iter().any(|other| {
            other.open && other.line == this.line && other.change.record == change.record
        });
        if behind && !change.whole {
            return Err(parked::BEHIND);
        }
        let may = |place: &Place| {
            self.held
                .get(&this.user)
                .is_some_and(|held| held.contains(place))
        };
        if let Some(stored) = self.records.get(&change.record) {
            return if may(&stored.scope.place) {
                Ok(stored.scope.clone())
            } else {
                Err(parked::OUT_OF_SCOPE)
            };
        }
        if change.base.is_some() {
            return Err(parked::WAITING);
        }
        if let Some(parent) = change.parent {
            let stored = self.records.get(&parent).ok_or(parked::WAITING)?;
            return if may(&stored.scope.place) {
                Ok(stored.scope.clone())
            } else {
                Err(parked::OUT_OF_SCOPE)
            };
        }
        let place = change.scope.clone().ok_or(invalid::SCOPE)?;
        if !may(&place) {
            return Err(parked::OUT_OF_SCOPE);
        }
        let time = normalise(change.stamp, &self.reading(this)).stamp.time();
        let local = chrono::DateTime::from_timestamp_millis(time + 8 * 3_600_000).unwrap();
        Ok(Scope {
            day: by_day(&place).then(|| Day(local.date_naive())),
            place,
        })
    }

    fn reading(&self, this: &Parked) -> Reading {
        Reading {
            device: DeviceNumber(this.device),
            skew: this.skew,
            now: self.now,
            build: BUILD,
            seen: None,
            saw: this.change.saw,
        }
    }

    fn write(&mut self, this: &Parked, scope: Scope) -> Vec<String> {
        let change = &this.change;
        let knew = self
            .devices
            .get(&this.device)
            .map(|device| device.knew.clone())
            .unwrap_or_default();
        let writer = Writer {
            place: (this.device, this.seq),
            knew: &knew,
            base: change.base.unwrap_or(0),
            only_base_counts: false,
            masked: &|_| false,
        };
        let mut reading = self.reading(this);
        reading.seen = self
            .records
            .get(&change.record)
            .and_then(|stored| seen_stamp(&stored.record, &writer));
        let normalised = normalise(change.stamp, &reading);
        let head = self.heads.entry(scope.clone()).or_default();
        let head = head.take(self.epoch);
        self.exits.remove(&(scope.clone(), change.record));
        let stored = self.records.entry(change.record).or_insert_with(|| Stored {
            scope,
            head,
            record: Record::new(
                change.record,
                change.kind.clone(),
                change.parent,
                Created {
                    time: normalised.stamp.time(),
                    user: UserId(this.user),
                    clock: normalised.clock,
                },
            ),
            exact: None,
        });
        let write = Write {
            stamp: normalised.stamp,
            raw: change.stamp,
            clock: normalised.clock,
            shift: normalised.shift,
            rev: next_rev(stored.record.rev, self.epoch),
            base: change.base.unwrap_or(0),
            line: this.line,
            seq: this.seq,
            user: UserId(this.user),
            content: change.content(),
            lost: Vec::new(),
            late: false,
        };
        let clear = write.clock == crate::stamp::Clock::Right;
        let merged = merge(&mut stored.record, &change.set, write, &writer);
        stored.exact = (merged.exact && clear).then_some((this.device, this.seq));
        stored.head = head;
        merged.lost
    }

    /// What waited for this record, in the order of arrival.
    fn admit_waiting(&mut self, id: RecordId) {
        for index in 0..self.parked.len() {
            let this = self.parked[index].clone();
            let waits = matches!(this.code, parked::WAITING | parked::BEHIND);
            if !this.open || !waits || (this.change.record != id && this.change.parent != Some(id))
            {
                continue;
            }
            self.parked[index].open = false;
            let mut again = this;
            again.open = true;
            let earlier = self.parked[..index].iter().any(|other| {
                other.open && other.line == again.line && other.change.record == again.change.record
            });
            let placed = if earlier {
                Err(parked::BEHIND)
            } else {
                let open: Vec<bool> = self.parked.iter().map(|other| other.open).collect();
                self.parked.iter_mut().for_each(|other| other.open = false);
                let placed = self.place(&again);
                for (other, open) in self.parked.iter_mut().zip(open) {
                    other.open = open;
                }
                placed
            };
            match placed {
                Ok(scope) => {
                    self.write(&again, scope);
                    let made = again.change.record;
                    if made != id {
                        self.admit_waiting(made);
                    }
                }
                Err(_) => self.parked[index].open = true,
            }
        }
    }
}

fn outcome_of(code: &str) -> Outcome {
    match code {
        parked::BEHIND | parked::OUT_OF_SCOPE | parked::WAITING => Outcome::Parked,
        _ => Outcome::Invalid,
    }
}
