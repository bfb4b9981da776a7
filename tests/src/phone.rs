//! Phones. A [`Phone`] numbers and marks whatever lines it is given and can be made to send
//! nonsense; a [`Walker`] is the replica as the field app has it, over HTTP.

use std::collections::BTreeSet;
use std::io;

use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use serde_json::{Value, json};
use sync_protocol::id::{DeviceNumber, UserId};
use sync_protocol::mark::Mark;
use sync_protocol::replica::{
    Action, Answer as Heard, Enrolled, Heard as Outcome, Moment, Proof, Replica, Token,
};
use sync_protocol::scope::Place;

use crate::http::{Answer, Client, gzip};
use crate::server::Server;

/// A device that is driven by hand.
#[derive(Debug)]
pub struct Phone {
    pub client: Client,
    pub token: String,
    pub number: u32,
    pub user: String,
    /// The last change that was answered for.
    pub ack: u64,
    pub mark: Option<Mark>,
    pub clock: Clock,
    pub epoch: u64,
    pub schema: u64,
    pub grants: String,
}

impl Phone {
    /// Enrols somebody of the server's town.
    pub fn enrol(server: &Server, login: &str) -> Self {
        let code = server.town.code(&server.app, login);
        let clock = server.app.clock.clone();
        Self::enrol_with(&server.address, &code, clock)
    }

    pub fn enrol_with(address: &str, code: &str, clock: Clock) -> Self {
        let mut random = [0; 32];
        random.copy_from_slice(&Chance::new(fold(code)).bytes::<32>());
        let token = Token::of(&random);
        let body = json!({"code": code, "token_hash": token.hash(), "name": "a phone"});
        let mut client = Client::new(address);
        let headers = [("content-type", "application/json")];
        let answer = client
            .ask("POST", "/v1/enrol", &headers, body.to_string().as_bytes())
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let enrolled = answer.json();
        Self {
            client,
            token: token.reveal().to_owned(),
            number: u32::try_from(enrolled["device"].as_u64().unwrap()).unwrap(),
            user: enrolled["user"].as_str().unwrap().to_owned(),
            ack: 0,
            mark: None,
            clock,
            epoch: 0,
            schema: 0,
            grants: String::new(),
        }
    }

    /// The envelope of the next request.
    pub fn envelope(&self) -> Value {
        let after = self.mark.map(|mark| mark.to_string()).unwrap_or_default();
        json!({"protocol": 1, "epoch": self.epoch, "now": self.clock.now(), "era": 1,
               "schema": self.schema, "policy": 0, "grants": self.grants,
               "from": self.ack + 1, "after": after})
    }

    /// Sends a body as it is.
    pub fn post(&mut self, body: &[u8]) -> io::Result<Answer> {
        self.post_with(&[("content-type", "application/x-ndjson")], body)
    }

    pub fn post_with(&mut self, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        self.client.ask("POST", "/v1/sync", &headers, body)
    }

    /// Another resource, with the token shown.
    pub fn get(&mut self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str())];
        self.client.ask("GET", path, &headers, b"").unwrap()
    }

    /// Sends lines and asks for scopes; takes the reply's numbers over if there is one.
    pub fn sync(&mut self, lines: &[Vec<u8>], pull: &Value) -> Answer {
        let answer = self.send(lines, pull).unwrap();
        self.take(lines, &answer);
        answer
    }

    /// Sends lines and asks for scopes, and forgets that it did.
    pub fn send(&mut self, lines: &[Vec<u8>], pull: &Value) -> io::Result<Answer> {
        let mut envelope = self.envelope();
        if !pull.is_null() {
            envelope["pull"] = pull.clone();
        }
        self.post(&body(&envelope, lines))
    }

    /// Takes a reply to these lines to heart.
    pub fn take(&mut self, lines: &[Vec<u8>], answer: &Answer) {
        if answer.status != 200 {
            return;
        }
        let reply = answer.json();
        self.epoch = reply["epoch"].as_u64().unwrap();
        if let Some(grants) = reply["grants"].as_str() {
            self.grants = grants.to_owned();
        }
        let ack = reply["ack"].as_u64().unwrap();
        for (seq, line) in (self.ack + 1..=ack).zip(lines) {
            self.mark = Some(Mark::of(seq, line));
            self.ack = seq;
        }
        assert_eq!(self.ack, ack, "ack covers what was sent");
        let mark = self.mark.map(|mark| mark.to_string()).unwrap_or_default();
        assert_eq!(reply["ack_mark"], mark);
    }

    /// Goes on with a new number and token, as after a fork.
    pub fn leave(&mut self) {
        let token = Token::of(&Chance::new(fold(&self.token)).bytes());
        let mark = self.mark.map(|mark| mark.to_string());
        let body = json!({"token_hash": token.hash(), "knew": self.ack, "knew_mark": mark});
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
        ];
        let answer = self
            .client
            .ask("POST", "/v1/enrol", &headers, body.to_string().as_bytes())
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.number = u32::try_from(answer.json()["device"].as_u64().unwrap()).unwrap();
        self.token = token.reveal().to_owned();
        (self.ack, self.mark) = (0, None);
    }
}

/// A request's body.
pub fn body(envelope: &Value, lines: &[Vec<u8>]) -> Vec<u8> {
    let mut body = envelope.to_string().into_bytes();
    for line in lines {
        body.push(b'\n');
        body.extend_from_slice(line);
    }
    // The last line end may be left out, but then an empty last line would be none.
    body.push(b'\n');
    body
}

fn fold(text: &str) -> u64 {
    text.bytes().fold(14_695_981_039_346_656_037, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    })
}

/// One request of a walker, in bytes of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub sent: usize,
    pub received: usize,
    /// Unpacked.
    pub inflated: usize,
}

/// The replica over HTTP, on a good network.
#[derive(Debug)]
pub struct Walker {
    pub replica: Replica,
    pub client: Client,
    pub clock: Clock,
    pub chance: Chance,
    /// What each request to `/v1/sync` cost since this was last emptied.
    pub costs: Vec<Cost>,
    /// Every byte that ever came, unpacked.
    pub received: Vec<u8>,
    /// The envelope of the last request.
    pub asked: String,
}

impl Walker {
    pub fn enrol(server: &Server, login: &str, seed: u64) -> Self {
        let code = server.town.code(&server.app, login);
        let mut walker = Self::with_code(&server.address, &code, server.app.clock.clone(), seed);
        walker.sync();
        walker
    }

    /// One that has a code and has not asked for anything.
    pub fn with_code(address: &str, code: &str, clock: Clock, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut replica = Replica::new();
        replica.set_utc_offset(8 * 60);
        replica.enrol(code, &chance.bytes());
        Self {
            replica,
            client: Client::new(address),
            clock,
            chance,
            costs: Vec::new(),
            received: Vec::new(),
            asked: String::new(),
        }
    }

    pub fn follow(&mut self, places: &[&str]) {
        let places: BTreeSet<Place> = places.iter().map(|place| place.parse().unwrap()).collect();
        self.replica.follow(Some(places));
    }

    pub fn moment(&self) -> Moment {
        let now = self.clock.now();
        Moment {
            wall: now,
            mono: now,
        }
    }

    /// Talks to the server until there is nothing more to do; says how many requests that took.
    pub fn sync(&mut self) -> usize {
        let count = self.sync_at_most(200);
        assert!(count < 200, "a phone never comes to rest");
        count
    }

    /// The same, but the network goes after so many requests.
    pub fn sync_at_most(&mut self, most: usize) -> usize {
        self.replica.hurry();
        for count in 0..most {
            let moment = self.moment();
            match self.replica.next(moment) {
                Action::Send {
                    attempt,
                    token,
                    body,
                    may_compress,
                } => {
                    let answer = self.send(token.reveal(), &body, may_compress);
                    let plain = answer.plain();
                    self.received.extend_from_slice(&plain);
                    let heard = Heard {
                        status: answer.status,
                        retry_after: None,
                        body: &plain,
                    };
                    let random = self.chance.bytes();
                    let heard = self.replica.hear(attempt, Some(&heard), moment, &random);
                    assert!(
                        matches!(
                            heard,
                            Outcome::Applied | Outcome::Reshaped | Outcome::Fork | Outcome::Gap
                        ),
                        "{heard:?} {}",
                        answer.text()
                    );
                }
                Action::Enrol {
                    attempt,
                    token_hash,
                    proof,
                    knew,
                    knew_mark,
                } => {
                    let enrolled = self.enrol_as(&token_hash, &proof, knew, knew_mark);
                    self.replica.enrolled(attempt, enrolled, moment);
                }
                _ => return count,
            }
        }
        most
    }

    fn send(&mut self, token: &str, body: &[u8], may_compress: bool) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-ndjson"),
            ("accept-encoding", "gzip"),
        ];
        let packed = (may_compress && body.len() > 512).then(|| gzip(body));
        if packed.is_some() {
            headers.push(("content-encoding", "gzip"));
        }
        let sent = packed.as_deref().unwrap_or(body);
        let first = body.split(|byte| *byte == b'\n').next();
        self.asked = String::from_utf8_lossy(first.unwrap_or_default()).into_owned();
        let answer = self.client.ask("POST", "/v1/sync", &headers, sent).unwrap();
        self.costs.push(Cost {
            sent: sent.len(),
            received: answer.body.len(),
            inflated: answer.plain().len(),
        });
        answer
    }

    fn enrol_as(
        &mut self,
        token_hash: &str,
        proof: &Proof,
        knew: u64,
        knew_mark: Option<Mark>,
    ) -> Enrolled {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let body = match proof {
            Proof::Code(code) => json!({"code": code, "token_hash": token_hash}),
            Proof::Token(token) => {
                headers.push(("authorization", format!("Bearer {}", token.reveal())));
                json!({"token_hash": token_hash, "knew": knew, "knew_mark": knew_mark})
            }
        };
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let body = body.to_string();
        let answer = self
            .client
            .ask("POST", "/v1/enrol", &headers, body.as_bytes())
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let enrolled = answer.json();
        let user: UserId = enrolled["user"].as_str().unwrap().parse().unwrap();
        Enrolled {
            device: DeviceNumber(u32::try_from(enrolled["device"].as_u64().unwrap()).unwrap()),
            user,
        }
    }
}
