//! What happens between a phone and the centre: requests lost, replies lost, both doubled or late;
//! phones that stop in the middle.

use std::collections::{BTreeMap, BTreeSet};

use kadian::clock::Millis;
use serde_json::Value;
use sync_protocol::id::RecordId;
use sync_protocol::replica::enrol::{Enrolled, Proof, Token};
use sync_protocol::replica::{Action, Answer, Heard, Step};
use sync_protocol::wire::Reply;

use crate::centre::Posted;
use crate::rights::{check_reply, path_of, roles_at};
use crate::world::{Check, SECOND, World};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    RequestLost,
    ReplyLost,
    /// It arrives twice, and the second reply is heard.
    Twice,
    /// It arrives once more, much later.
    Late,
    /// The phone stops after it has written down what it is going to send.
    StopsBefore,
    /// The phone stops after so many steps of taking the reply in.
    StopsAfter(usize),
    /// Something in between answers in the centre's place.
    Portal,
    /// The centre's transaction fails.
    Fails,
}

const FAULTS: [(usize, Fault); 14] = [
    (60, Fault::Nothing),
    (6, Fault::RequestLost),
    (8, Fault::ReplyLost),
    (5, Fault::Twice),
    (4, Fault::Late),
    (2, Fault::StopsBefore),
    (1, Fault::StopsAfter(0)),
    (1, Fault::StopsAfter(1)),
    (1, Fault::StopsAfter(2)),
    (1, Fault::StopsAfter(3)),
    (1, Fault::StopsAfter(4)),
    (1, Fault::StopsAfter(5)),
    (1, Fault::Portal),
    (1, Fault::Fails),
];

pub(crate) fn hash_of(token: &Token) -> [u8; 32] {
    unhex(&token.hash())
}

fn unhex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    bytes
}

/// What of each record a phone shows, and where it has it from.
type Shown = BTreeMap<RecordId, String>;

impl World {
    /// Lets one phone do what it wants to do next; says whether it sent something.
    pub(crate) fn sync_once(&mut self, carrier: usize) -> Result<bool, String> {
        let fault = if self.quiet {
            Fault::Nothing
        } else {
            self.random.weighted(&FAULTS)
        };
        self.sync_with(carrier, fault)
    }

    pub(crate) fn sync_with(&mut self, carrier: usize, fault: Fault) -> Result<bool, String> {
        let moment = self.moment(self.carriers[carrier].phone);
        match self.carriers[carrier].replica.next(moment) {
            Action::Send {
                attempt,
                token,
                body,
                ..
            } => {
                self.exchange(carrier, attempt, &token, &body, fault)?;
                self.glance(carrier)?;
                Ok(true)
            }
            Action::Enrol {
                attempt,
                token_hash,
                proof,
                knew,
                knew_mark,
            } => {
                self.enrol(
                    carrier,
                    attempt,
                    &unhex(&token_hash),
                    &proof,
                    (knew, knew_mark),
                    fault,
                )?;
                Ok(true)
            }
            Action::AskForCode { .. } => {
                let account = self.carriers[carrier].account;
                let random = self.random.bytes();
                self.carriers[carrier]
                    .replica
                    .enrol(&format!("code:{account}"), &random);
                self.say(|| format!("u{account} enters a code"));
                Ok(true)
            }
            Action::Blocked { .. } | Action::Wait { .. } => Ok(false),
            Action::Busy { .. } => Err("I14: a phone is busy for ever".to_owned()),
        }
    }

    /// A page of another size than the phone asks for.
    pub(crate) fn with_page(&self, body: &[u8]) -> Vec<u8> {
        let Some(page) = self.page else {
            return body.to_vec();
        };
        let end = body
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(body.len());
        let mut envelope: Value = serde_json::from_slice(&body[..end]).unwrap();
        envelope["limit"] = page.into();
        let mut changed = serde_json::to_vec(&envelope).unwrap();
        changed.extend_from_slice(&body[end..]);
        changed
    }

    fn exchange(
        &mut self,
        carrier: usize,
        attempt: u64,
        token: &Token,
        body: &[u8],
        fault: Fault,
    ) -> Check {
        let body = self.with_page(body);
        let hash = hash_of(token);
        let process = self.random.below(self.centre.engines.len().max(2));
        let started = self.moment(self.carriers[carrier].phone).wall;
        let lines = body.iter().filter(|byte| **byte == b'\n').count() - 1;
        let account = self.carriers[carrier].account;
        let (own, numbers) = {
            let one = &self.carriers[carrier].replica;
            (one.identity().map_or(0, |own| own.device.0), one.numbers())
        };
        self.say(|| {
            format!("u{account}/{carrier} sends {lines} changes, {fault:?}, as {own} {numbers:?}")
        });
        self.figures.one("requests");
        if fault == Fault::StopsBefore {
            self.wake(carrier);
            return Ok(());
        }
        if fault == Fault::RequestLost {
            return self.hear(carrier, attempt, None, fault, started);
        }
        if !self.quiet {
            let travel = self.random.between(0, 3 * SECOND);
            self.pass(travel);
        }
        let mut posted = if fault == Fault::Fails {
            self.centre
                .while_locked(|| self.centre.post(process, &hash, &body))?
        } else {
            self.centre.post(process, &hash, &body)?
        };
        self.observe(&posted)?;
        if fault == Fault::Twice {
            self.figures.one("requests doubled");
            self.pass(SECOND);
            posted = self.centre.post(process + 1, &hash, &body)?;
            self.observe(&posted)?;
        }
        if fault == Fault::Late {
            self.carriers[carrier].delayed.push((hash, body));
        }
        match fault {
            Fault::ReplyLost | Fault::Late => self.hear(carrier, attempt, None, fault, started),
            Fault::Portal => {
                posted.body = b"<html>sign in to the free network".to_vec();
                posted.reply = None;
                self.hear(carrier, attempt, Some(&posted), fault, started)
            }
            _ => self.hear(carrier, attempt, Some(&posted), fault, started),
        }
    }

    /// Whatever leaves the centre is held against the rights of who gets it, and the centre's own
    /// books are looked at.
    pub(crate) fn observe(&mut self, posted: &Posted) -> Check {
        if let Some(reply) = &posted.reply {
            check_reply(
                reply,
                &self.centre.grants,
                &self.centre.views,
                posted.account,
                self.centre.now(),
            )?;
            self.figures.one("replies");
            for verdict in &reply.verdicts {
                let count = verdict.last.unwrap_or(verdict.seq) - verdict.seq + 1;
                let what = match verdict.verdict {
                    sync_protocol::wire::Outcome::Merged => "verdicts: merged",
                    sync_protocol::wire::Outcome::Parked => "verdicts: parked",
                    sync_protocol::wire::Outcome::Invalid => "verdicts: invalid",
                    sync_protocol::wire::Outcome::Applied => continue,
                };
                self.figures.add(what, count);
            }
        }
        self.look_at_books()
    }

    pub(crate) fn look_at_books(&mut self) -> Check {
        self.watch.look(&self.centre)
    }

    fn hear(
        &mut self,
        carrier: usize,
        attempt: u64,
        posted: Option<&Posted>,
        fault: Fault,
        started: Millis,
    ) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let answer = posted.map(|posted| Answer {
            status: posted.status,
            retry_after: posted.retry_after,
            body: &posted.body,
        });
        let reply = answer.as_ref().and_then(Answer::reply);
        let before = self.shown(carrier);
        let wanted: BTreeSet<String> = self.carriers[carrier]
            .replica
            .wanted(started)
            .iter()
            .map(ToString::to_string)
            .collect();
        let random = self.random.bytes();
        let one = &mut self.carriers[carrier];
        if let (Fault::StopsAfter(steps), Some(reply)) = (fault, &reply)
            && !one.replica.is_fork(reply)
        {
            for step in Step::ALL.into_iter().take(steps) {
                self.carriers[carrier].replica.apply(step, reply, moment);
                self.check_kept(carrier, &before, &wanted, reply)?;
            }
            if steps >= 2 {
                let contacts = &mut self.carriers[carrier].contacts;
                for scope in wanted {
                    contacts.entry(scope).or_default().push(started);
                }
            }
            self.wake(carrier);
            return Ok(());
        }
        let heard = one.replica.hear(attempt, answer.as_ref(), moment, &random);
        if heard == Heard::Applied {
            let renewed = wanted.iter().cloned().map(|scope| (scope, vec![started]));
            one.contacts.extend(renewed);
        }
        self.say(|| format!("    heard {heard:?}"));
        if heard == Heard::Fork {
            self.figures.one("forks seen");
        }
        if let Some(reply) = reply.filter(|_| heard == Heard::Applied) {
            self.check_ack(carrier, &reply)?;
            self.check_kept(carrier, &before, &wanted, &reply)?;
            for drop in &reply.dropped {
                if self.carriers[carrier]
                    .replica
                    .bodies()
                    .any(|(scope, _)| *scope == drop.scope)
                {
                    return Err(format!(
                        "I10: bodies of {} are kept after it was dropped",
                        drop.scope
                    ));
                }
            }
            for feed in &reply.feeds {
                self.figures.add("rows served", feed.rows.len() as u64);
                self.figures.add("own runs", feed.own.len() as u64);
                self.figures.add("exits served", feed.exits.len() as u64);
                self.figures.add("feeds reset", u64::from(feed.reset));
            }
        }
        let schema = self
            .centre
            .definitions
            .last()
            .map_or(1, |(schema, _)| *schema as u32);
        if self.carriers[carrier].replica.newer_definitions().is_some()
            && (self.quiet || self.random.chance(50))
        {
            self.carriers[carrier].replica.loaded(schema, 0);
        }
        Ok(())
    }

    /// `ack` never goes back within an epoch (I3).
    fn check_ack(&mut self, carrier: usize, reply: &Reply) -> Check {
        let one = &mut self.carriers[carrier];
        let device = one.replica.identity().map_or(0, |own| own.device.0);
        let (epoch, ack, number) = one.acked;
        if epoch == reply.epoch && number == device && reply.ack < ack {
            return Err(format!("I3: ack went back from {ack} to {}", reply.ack));
        }
        one.acked = (reply.epoch, reply.ack, device);
        Ok(())
    }

    fn shown(&self, carrier: usize) -> Shown {
        self.carriers[carrier]
            .replica
            .bodies()
            .map(|(scope, row)| (row.record, scope.to_string()))
            .collect()
    }

    /// Who holds both the place that a record leaves and the one it goes to never loses it in between (I11).
    fn check_kept(
        &self,
        carrier: usize,
        before: &Shown,
        wanted: &BTreeSet<String>,
        reply: &Reply,
    ) -> Check {
        let after = self.shown(carrier);
        let gone: Vec<RecordId> = before
            .keys()
            .filter(|record| !after.contains_key(record))
            .copied()
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let account = self.carriers[carrier].account;
        let now = self.centre.now();
        let rows = self
            .centre
            .read(|c| kadian::store::records::by_ids(c, &gone));
        for row in rows {
            let scopes = self
                .centre
                .read(|c| kadian::store::scopes::by_ids(c, &[row.scope_id]));
            let scope = &scopes[0];
            let roles = roles_at(&self.centre.grants, account, path_of(&scope.area), now);
            let readable = self.centre.views.sees(&row.kind, &roles);
            let from = before
                .get(&row.id.parse().unwrap())
                .cloned()
                .unwrap_or_default();
            let dropped = reply
                .dropped
                .iter()
                .any(|drop| drop.scope.to_string() == from || drop.scope.to_string() == scope.name);
            if readable && wanted.contains(&scope.name) && wanted.contains(&from) && !dropped {
                return Err(format!(
                    "I11: u{account} held {} in {from} and loses it while it is in {}",
                    row.id, scope.name
                ));
            }
        }
        Ok(())
    }

    /// After every step: no body is here that the lease does not cover (I10).
    pub(crate) fn glance(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let one = &mut self.carriers[carrier];
        one.replica.tick(moment);
        for (scope, row) in one.replica.bodies() {
            let contacts = one.contacts.get(&scope.to_string());
            let lease = if scope.day.is_some() {
                24 * 3_600_000
            } else {
                7 * 24 * 3_600_000
            };
            let covered = contacts
                .into_iter()
                .flatten()
                .any(|from| moment.wall >= *from && moment.wall < *from + lease);
            if !covered {
                return Err(format!(
                    "I10: {} of {scope} is readable, last contacts {contacts:?}, now {}",
                    row.record, moment.wall
                ));
            }
        }
        Ok(())
    }

    /// The program on the phone is started anew.
    pub(crate) fn wake(&mut self, carrier: usize) {
        let moment = self.moment(self.carriers[carrier].phone);
        self.carriers[carrier].replica.wake(moment);
        let schema = self
            .centre
            .definitions
            .last()
            .map_or(1, |(schema, _)| *schema as u32);
        if self.quiet {
            self.carriers[carrier].replica.loaded(schema, 0);
        }
    }

    fn enrol(
        &mut self,
        carrier: usize,
        attempt: u64,
        hash: &[u8; 32],
        proof: &Proof,
        knew: (u64, Option<sync_protocol::mark::Mark>),
        fault: Fault,
    ) -> Check {
        let account = self.carriers[carrier].account;
        self.say(|| format!("u{account}/{carrier} enrols, {fault:?}"));
        let mut unknown = false;
        let enrolled = match (fault, proof) {
            (Fault::RequestLost | Fault::StopsBefore | Fault::Fails, _) => None,
            (_, Proof::Code(_)) => Some(self.centre.enrol(hash, account)),
            (_, Proof::Token(old)) => match self.centre.device(&hash_of(old)) {
                Some(row) => self.centre.leave(hash, &row, knew.0, knew.1),
                // A copy without the ledger does not know the old token: a person is asked.
                None => {
                    unknown = true;
                    None
                }
            },
        };
        let moment = self.moment(self.carriers[carrier].phone);
        let random = self.random.bytes();
        if let Some(row) = enrolled.and_then(|_| self.centre.device(hash)) {
            let lineage = self.carriers[carrier].lineage;
            self.account
                .lines
                .entry(lineage)
                .or_default()
                .insert(row.line);
        }
        match enrolled {
            Some((device, user))
                if !matches!(fault, Fault::ReplyLost | Fault::Late | Fault::StopsAfter(_)) =>
            {
                self.carriers[carrier]
                    .replica
                    .enrolled(attempt, Enrolled { device, user }, moment);
                self.carriers[carrier].acked = (0, 0, 0);
            }
            _ => {
                let refusal = Answer {
                    status: 401,
                    retry_after: None,
                    body: br#"{"code":"unauthenticated"}"#,
                };
                let heard = (unknown && fault == Fault::Nothing).then_some(&refusal);
                self.carriers[carrier]
                    .replica
                    .enrol_failed(attempt, heard, moment, &random);
            }
        }
        Ok(())
    }

    /// A request that was under way for long arrives.
    pub(crate) fn arrive_late(&mut self, carrier: usize) -> Check {
        if self.carriers[carrier].delayed.is_empty() {
            return Ok(());
        }
        let (hash, body) = self.carriers[carrier].delayed.remove(0);
        self.say(|| format!("a late request of {carrier} arrives"));
        self.figures.one("requests late");
        let posted = self.centre.post(1, &hash, &body)?;
        self.observe(&posted)
    }
}
