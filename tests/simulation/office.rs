//! What happens at the centre beside syncing: rights given and taken, records moved and purged,
//! parked changes resolved, kinds that grow, copies that are put back.

use std::collections::BTreeSet;

use kadian::clock::Millis;
use kadian::store::devices::DeviceState;
use kadian::store::records::RecordRow;
use kadian::store::{exits, parked, records};
use kadian::sync::job::{
    Answer, Decision, Job, Moved, Movement, Purge, Resolution, Resolved, Written,
};
use serde_json::json;
use sync_protocol::change::{Change, Heading};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::stamp::RawStamp;
use sync_protocol::wire::Outcome;

use crate::capture::fields;
use crate::captured::Holdings;
use crate::centre::{ACCOUNTS, OFFICER};
use crate::rights::GRIDS;
use crate::watch::scopes_of;
use crate::world::{Check, DAY, HOUR, MINUTE, SECOND, World};

const HOUSEHOLD_GROWS: &str = r#"
[[field]]
name = "water"
type = "boolean"
label = { zh = "用水", en = "Water" }
[tally.water]
label = { zh = "用水", en = "Water" }
of = "present"
path = "water"
[tally.phone]
label = { zh = "电话", en = "Telephone" }
of = "present"
path = "phone"
"#;

const POSTER: &str = r#"
name = "poster"
version = 1
label = { zh = "海报", en = "Poster" }
scope = { place = "grid" }
writers = ["grid_leader", "officer"]
[retention]
days = 30
purpose = { zh = "宣传", en = "Publicity" }
basis = { zh = "无个人信息", en = "No personal data" }
[readers.grid_leader]
default = "full"
[readers.officer]
default = "full"
[[field]]
name = "text"
type = "text"
max_length = 100
label = { zh = "文字", en = "Text" }
[tally.total]
label = { zh = "数", en = "Posters" }
of = "total"
"#;

impl World {
    /// All records of the centre.
    pub(crate) fn records(&self) -> Vec<RecordRow> {
        self.centre.read(|c| {
            let mut rows = Vec::new();
            for scope in scopes_of(c)? {
                rows.extend(records::in_scope(c, scope.id)?);
            }
            Ok(rows)
        })
    }

    fn pick_record(&mut self, kinds: &[&str]) -> Option<RecordRow> {
        let rows: Vec<RecordRow> = self
            .records()
            .into_iter()
            .filter(|row| kinds.contains(&row.kind.as_str()))
            .collect();
        self.random.pick(&rows).cloned()
    }

    pub(crate) fn move_something(&mut self) -> Check {
        let Some(row) = self.pick_record(&["household"]) else {
            return Ok(());
        };
        let to = *self.random.pick(&GRIDS).unwrap();
        self.move_record(row.id.parse().unwrap(), to).map(|_| ())
    }

    pub(crate) fn move_record(&mut self, record: RecordId, to: &str) -> Result<Moved, String> {
        self.say(|| format!("the officer moves {record} to {to}"));
        let movement = Movement {
            record,
            to: format!("grid:{to}").parse().unwrap(),
            user: UserId(OFFICER),
        };
        let Answer::Move(moved) = self.centre.submit(Job::Move(movement)) else {
            return Err("no answer to a movement".to_owned());
        };
        if let Moved::Done(count) = moved {
            self.figures.add("records moved", count);
        }
        self.look_at_books()?;
        Ok(moved)
    }

    pub(crate) fn purge_something(&mut self) -> Check {
        let Some(row) = self.pick_record(&["household", "registration", "visit"]) else {
            return Ok(());
        };
        self.purge_record(row.id.parse().unwrap())
    }

    /// A day of a checkpoint goes whole.
    pub(crate) fn purge_a_day(&mut self) -> Check {
        let mut days = self.centre.read(scopes_of);
        days.retain(|scope| scope.day.is_some() && !scope.purged);
        let Some(day) = self.random.pick(&days).cloned() else {
            return Ok(());
        };
        self.say(|| format!("{} is purged whole", day.name));
        let rows = self.centre.read(|c| records::in_scope(c, day.id));
        let kinds = self.kinds();
        self.watch.close(&rows, &kinds);
        self.centre.submit(Job::Purge(Purge {
            records: Vec::new(),
            scopes: vec![day.id],
            quiet_since: None,
        }));
        for row in &rows {
            self.centre.purged.push(row.id.parse().unwrap());
        }
        self.centre.purged_days.push(day.name);
        self.figures.one("days purged whole");
        self.figures.add("records purged", rows.len() as u64);
        self.look_at_books()
    }

    /// Exits are forgotten, also those that some phone was away for too long to see.
    pub(crate) fn expire_exits(&mut self) -> Check {
        let before = self.centre.now() - self.random.between(0, DAY);
        let expired = self.centre.write(|c| exits::expire(c, before, usize::MAX));
        self.say(|| format!("{expired} exits from before {before} are forgotten"));
        self.figures.add("exits forgotten", expired as u64);
        self.look_at_books()
    }

    fn kinds(&self) -> std::sync::Arc<sync_protocol::kind::Kinds> {
        let engine = &self.centre.engines[0];
        engine
            .store()
            .read(|c| engine.rules(c))
            .unwrap_or_else(|e: kadian::store::Error| panic!("{e}"))
            .kinds
    }

    pub(crate) fn purge_record(&mut self, record: RecordId) -> Check {
        self.say(|| format!("{record} is purged"));
        let rows = self.centre.read(|c| {
            let mut rows = records::by_ids(c, &[record])?;
            rows.extend(records::children_of(c, &[record])?);
            Ok(rows)
        });
        let kinds = self.centre.engines[0]
            .store()
            .read(|c| self.centre.engines[0].rules(c))
            .unwrap_or_else(|e: kadian::store::Error| panic!("{e}"))
            .kinds;
        self.watch.close(&rows, &kinds);
        self.centre.submit(Job::Purge(Purge {
            records: vec![record],
            scopes: Vec::new(),
            quiet_since: None,
        }));
        for row in &rows {
            self.centre.purged.push(row.id.parse().unwrap());
        }
        self.figures.add("records purged", rows.len() as u64);
        self.look_at_books()
    }

    /// The officer at the console changes a household.
    pub(crate) fn write_at_console(&mut self) -> Check {
        let Some(row) = self.pick_record(&["household"]) else {
            return Ok(());
        };
        let record = row.record().unwrap();
        let number = self.random.below(10_000);
        let process = self.random.below(self.centre.engines.len());
        self.pass(SECOND);
        let seen = if self.random.chance(80) {
            record.rev
        } else {
            record.writes[0].rev
        };
        let change = Change {
            heading: Heading {
                era: 1,
                schema: 1,
                stamp: RawStamp {
                    ms: u64::try_from(self.centre.now()).unwrap(),
                    counter: 0,
                },
                kind: row.kind,
                record: record.id,
                base: Some(seen),
                saw: None,
                scope: None,
                parent: None,
                whole: false,
            },
            set: fields(&json!({ "phone": format!("135{number:08}"), "x_console": number })),
        };
        self.say(|| format!("the officer writes to {} at the console", record.id));
        let number = self.centre.engines[process].process();
        let line = String::from_utf8(change.to_line()).unwrap();
        let written = vec![Written {
            change,
            user: UserId(OFFICER),
        }];
        let Ok(Answer::Write(settled)) = self.centre.engines[process].submit(Job::Write(written))
        else {
            return Err("no answer to a write".to_owned());
        };
        // The officer's grant begins later than what a centre whose clock is wrong takes for now.
        let refused = settled
            .iter()
            .any(|one| !matches!(one.outcome, Outcome::Applied | Outcome::Merged));
        if refused && self.centre.offset == 0 {
            return Err(format!("the officer's write comes to nothing: {settled:?}"));
        }
        let lineage = match self.own_lineages.get(&number) {
            Some(lineage) => *lineage,
            None => self.new_lineage(),
        };
        self.own_lineages.insert(number, lineage);
        self.account
            .lines
            .entry(lineage)
            .or_default()
            .insert(number);
        let time = self.time;
        self.account
            .note(lineage, &line, time, self.centre.offset == 0);
        if let Some(one) = self.account.get_mut(lineage, &line) {
            // Nobody but the centre has it.
            one.wiped = true;
        }
        self.figures.one("writes at the console");
        self.look_at_books()
    }

    /// Somebody decides about a change that was kept aside.
    pub(crate) fn resolve_something(&mut self) -> Check {
        let numbers = self.centre.numbers();
        let open: Vec<i64> = self.centre.read(|c| {
            let mut open = Vec::new();
            for number in numbers {
                open.extend(
                    parked::of_device(c, number)?
                        .into_iter()
                        .filter(|row| row.state == "open")
                        .map(|row| row.id),
                );
            }
            Ok(open)
        });
        let Some(parked) = self.random.pick(&open).copied() else {
            return Ok(());
        };
        let decision = if self.random.chance(75) {
            Decision::Admit
        } else {
            Decision::Dismiss("no need".to_owned())
        };
        self.say(|| format!("the officer decides about {parked}: {decision:?}"));
        let job = Job::Resolve(Resolution {
            parked,
            user: UserId(OFFICER),
            decision,
        });
        let Answer::Resolve(resolved) = self.centre.submit(job) else {
            return Err("no answer to a resolution".to_owned());
        };
        self.say(|| format!("    {resolved:?}").chars().take(120).collect());
        self.figures.one(match resolved {
            Resolved::Done(settled) if settled.is_empty() => "resolved: dismissed",
            Resolved::Done(_) => "resolved: admitted",
            Resolved::Refused(_) => "resolved: refused",
            Resolved::Unknown | Resolved::Settled => "resolved: unknown",
        });
        self.look_at_books()
    }

    pub(crate) fn change_rights(&mut self) -> Check {
        match self.random.below(4) {
            0 => {
                let account = self.random.between(2, ACCOUNTS);
                self.give_a_role(account);
            }
            1 | 2 => {
                let now = self.centre.now();
                let open: Vec<usize> = (1..self.centre.grants.len())
                    .filter(|index| self.centre.grants[*index].holds(now))
                    .collect();
                let Some(index) = self.random.pick(&open).copied() else {
                    return Ok(());
                };
                let revoke = self.random.chance(50);
                let grant = self.centre.grants[index].clone();
                self.say(|| {
                    format!(
                        "u{} is no longer {} of {}, revoked: {revoke}",
                        grant.account, grant.role, grant.area
                    )
                });
                self.centre.end_grant(index, revoke);
                self.figures.one(if revoke {
                    "grants revoked"
                } else {
                    "grants ended"
                });
                if self.random.chance(50) {
                    // Somebody else takes over.
                    let account = self.random.between(2, ACCOUNTS);
                    self.centre.grant(account, grant.role, grant.area, None);
                }
            }
            _ => {
                let numbers: Vec<i64> = self
                    .centre
                    .numbers()
                    .into_iter()
                    .filter(|number| *number > 999)
                    .collect();
                let Some(number) = self.random.pick(&numbers).copied() else {
                    return Ok(());
                };
                let state = self.random.weighted(&[
                    (3, DeviceState::PushOnly),
                    (1, DeviceState::Blocked),
                    (4, DeviceState::Active),
                ]);
                self.say(|| format!("device {number} is {state:?}"));
                self.centre.set_state(number, state);
            }
        }
        Ok(())
    }

    pub(crate) fn grow_kinds(&mut self) -> Check {
        let household = sync_protocol::kind::BUILT_IN[1].replacen("version = 1", "version = 2", 1)
            + HOUSEHOLD_GROWS;
        let definition = match self.grown {
            0 => POSTER.to_owned(),
            1 => household,
            _ => return Ok(()),
        };
        self.grown += 1;
        self.say(|| "kinds grow".to_owned());
        self.centre.define(&definition);
        self.figures.one("kinds grown");
        self.look_at_books()
    }

    pub(crate) fn holdings(&self) -> Holdings {
        let numbers = self.centre.numbers();
        self.centre
            .read(|c| Holdings::read(c, &self.account, &numbers, &self.centre.purged))
    }

    /// An older copy of the database is put back, and nobody is told.
    pub(crate) fn restore_a_copy(&mut self) -> Check {
        let usable: Vec<usize> = (0..self.centre.copies.len())
            .filter(|index| {
                let copy = &self.centre.copies[*index];
                // What is older may hold less than phones were told is safe.
                self.time - copy.at < 70 * HOUR
                    && copy.jumps == self.centre.jumps
                    && self.centre.offset == 0
            })
            .collect();
        let Some(copy) = self.random.pick(&usable).copied() else {
            return Ok(());
        };
        self.centre.note_epoch();
        // Without the ledger nobody knows the newest epoch, unless the clock stands above it.
        let above = self.centre.newest_epoch < u64::try_from(self.centre.now()).unwrap();
        let ledger = !above || self.random.chance(80);
        if !above && !self.centre.knows_ledger_of(copy) {
            return Ok(());
        }
        self.restore(copy, ledger)
    }

    pub(crate) fn restore(&mut self, copy: usize, ledger: bool) -> Check {
        let age: Millis = self.time - self.centre.copies[copy].at;
        self.say(|| {
            format!(
                "a copy {} min old is put back, with the ledger: {ledger}",
                age / MINUTE
            )
        });
        let before = self.holdings();
        self.centre.restore(copy, ledger)?;
        self.figures.one("copies put back");
        self.watch.begin_again(&self.centre);
        self.look_at_books()?;
        let after = self.holdings();
        let kept: BTreeSet<(usize, String)> = self
            .carriers
            .iter()
            .flat_map(|one| {
                one.replica
                    .entries()
                    .filter_map(|(_, entry)| Some((one.lineage, entry.line.clone()?)))
                    .collect::<Vec<_>>()
            })
            .collect();
        let lines = self.account.lines.clone();
        let mut gone = 0;
        for one in &mut self.account.all {
            let lines = lines.get(&one.lineage).cloned().unwrap_or_default();
            if !before.find(one, &lines).anywhere() || after.find(one, &lines).anywhere() {
                continue;
            }
            gone += 1;
            if kept.contains(&(one.lineage, one.line.clone())) {
                continue;
            }
            if !one.wiped && !one.lost {
                return Err(format!(
                    "I4: a phone let go of what a copy {} min old does not hold: {}",
                    age / MINUTE,
                    one.line
                ));
            }
            one.destroyed = true;
        }
        self.say(|| format!("    {gone} changes are not in it"));
        self.figures
            .add("acknowledged after a copy that was put back", gone);
        Ok(())
    }
}
