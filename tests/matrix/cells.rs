//! What a caller tries: one line for each verb and each place where an id can stand. A try is a
//! request, and what the oracle says its reply has to be.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use sync_protocol::id::RecordId;

use super::district::{District, Person, TODAY, Target, id};
use super::oracle::Case;

/// What a reply is held to.
pub(crate) struct Want {
    /// Any of these.
    pub(crate) status: Vec<u16>,
    /// The record, or its masked name, may be in the reply.
    pub(crate) shows: bool,
    /// It must be.
    pub(crate) must_show: bool,
    /// After it, this value stands in this record, or must not.
    pub(crate) effect: Option<(RecordId, String, bool)>,
}

/// One cell of the matrix.
pub(crate) struct Cell {
    pub(crate) verb: &'static str,
    /// The line of the URL table.
    pub(crate) route: (&'static str, &'static str),
    pub(crate) request: TestRequest,
    pub(crate) want: Want,
}

/// Every verb. Those that change what others look for come last.
pub(crate) const VERBS: &[&str] = &[
    "read by path",
    "read as another kind",
    "search all",
    "search by scope",
    "search by area",
    "search by telephone",
    "search by cursor",
    "look up",
    "tallies",
    "alerts",
    "parked",
    "parked by cursor",
    "conflicts",
    "conflicts by cursor",
    "choose",
    "audit",
    "backups",
    "scopes by console",
    "scopes by phone",
    "kinds add",
    "policy add",
    "pull",
    "pull by cursor",
    "edit by path",
    "create in scope",
    "create on a known id",
    "push new",
    "push on a known id",
    "push with base",
    "move from",
    "move to",
    "admit",
    "dismiss",
    "close alert",
    "users",
    "devices",
    "assignments",
    "areas",
    "enrolments add",
    "users add",
    "users change",
    "devices change",
    "assignments add",
    "assignments change",
    "assignments revoke",
    "areas add",
    "areas change",
];

pub(crate) struct Maker<'d> {
    pub(crate) district: &'d District,
    pub(crate) case: Case,
    pub(crate) number: u64,
}

pub(crate) fn one_of(status: &[u16]) -> Want {
    Want {
        status: status.to_vec(),
        shows: false,
        must_show: false,
        effect: None,
    }
}

impl Want {
    pub(crate) fn showing(mut self, shows: bool) -> Self {
        self.shows = shows;
        self.must_show = shows;
        self
    }
}

impl Maker<'_> {
    fn caller(&self) -> &Person {
        &self.district.callers[&(self.case.role, self.case.relation)]
    }

    fn target(&self) -> &Target {
        &self.district.targets[self.case.kind]
    }

    pub(crate) fn console(&self, method: Method, path: &str) -> TestRequest {
        let bearer = format!("Bearer {}", self.caller().session);
        TestRequest::with_uri(path)
            .method(method)
            .insert_header(("authorization", bearer))
    }

    fn phone(&self, request: TestRequest) -> TestRequest {
        request.insert_header(("authorization", format!("Bearer {}", self.caller().token)))
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest {
        self.console(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> TestRequest {
        self.console(Method::POST, path).set_json(body)
    }

    /// A note with the number of this cell.
    fn mark(&self) -> (String, Value) {
        let entry = id(7, self.number);
        (
            format!("notes/{entry}"),
            json!({ "text": format!("cell-{}", self.number) }),
        )
    }

    fn marked(&self) -> Value {
        let (name, value) = self.mark();
        json!({ (name): value })
    }

    /// A record of the kind, with the mark of this cell.
    fn new_record(&self) -> (RecordId, Value) {
        let (name, value) = self.mark();
        let mut set = match self.case.kind {
            "registration" => json!({ "mode": "tally" }),
            _ => json!({}),
        };
        set[name] = value;
        (id(8, self.number), set)
    }

    fn effect(&self, record: RecordId, lands: bool) -> Option<(RecordId, String, bool)> {
        Some((record, format!("cell-{}", self.number), lands))
    }

    fn sync(&self, lines: &[Value], pull: &Value) -> TestRequest {
        // Every push is the first of a phone of its own.
        let mut body = json!({
            "protocol": 1, "now": super::district::NOW, "era": 0, "schema": 1, "from": 1,
            "after": "", "pull": pull,
        })
        .to_string();
        for line in lines {
            body.push('\n');
            body.push_str(&line.to_string());
        }
        TestRequest::post()
            .uri("/v1/sync")
            .insert_header(("content-type", "application/x-ndjson"))
            .set_payload(body)
    }

    fn line(&self, record: RecordId, more: &Value, set: &Value) -> Value {
        let stamp = self.district.app.engine().unwrap().stamp().to_string();
        let mut line = json!({
            "era": 0, "schema": 1, "stamp": stamp, "kind": self.case.kind, "record": record, "set": set,
        });
        for (name, value) in more.as_object().unwrap() {
            line[name] = value.clone();
        }
        line
    }

    /// A phone of the caller's that has sent nothing yet.
    fn fresh_phone(&self, request: TestRequest) -> TestRequest {
        let token = super::fresh_phone(self.district, self.caller().user, self.number);
        request.insert_header(("authorization", format!("Bearer {token}")))
    }

    /// The try for a verb; none where it makes no sense or would break what others look for.
    pub(crate) fn cell(&self, verb: &'static str) -> Option<Cell> {
        let (route, request, want) = self.make(verb)?;
        Some(Cell {
            verb,
            route,
            request,
            want,
        })
    }

    fn make(&self, verb: &str) -> Option<((&'static str, &'static str), TestRequest, Want)> {
        let (case, target, kind) = (self.case, self.target(), self.case.kind);
        let path = format!("/v1/records/{kind}/{}", target.id);
        let search = format!("/v1/records/{kind}/search");
        let people_only = kind == "registration";
        let read = || {
            if case.reads() {
                one_of(&[200]).showing(true)
            } else {
                one_of(&[404])
            }
        };
        let listed = |shows: bool| one_of(&[200]).showing(shows);
        let gated = |role: bool, want: Want| {
            if role && case.is_in_office() {
                want
            } else {
                one_of(&[403])
            }
        };
        Some(match verb {
            "read by path" => (("GET", "/v1/records/{kind}/{id}"), self.get(&path), read()),
            "read as another kind" => {
                let other = if people_only {
                    "household"
                } else {
                    "registration"
                };
                let path = format!("/v1/records/{other}/{}", target.id);
                (
                    ("GET", "/v1/records/{kind}/{id}"),
                    self.get(&path),
                    one_of(&[404]),
                )
            }
            "search all" => (SEARCH, self.post(&search, &json!({})), listed(case.reads())),
            "search by scope" => {
                let body = json!({ "scope": target.scope });
                (SEARCH, self.post(&search, &body), listed(case.reads()))
            }
            "search by area" => {
                let body = json!({ "area": target.node, "from": TODAY, "to": TODAY });
                (SEARCH, self.post(&search, &body), listed(case.reads()))
            }
            "search by telephone" => {
                let body = json!({ "phone": target.phone, "purpose": "matrix" });
                let mut want = listed(case.reads());
                // Whoever sees numbers masked finds nothing by one: the look-up is for them.
                want.must_show &= case.role == "officer";
                (SEARCH, self.post(&search, &body), want)
            }
            "search by cursor" => {
                let body = json!({ "after": target.cursor, "limit": 200 });
                (SEARCH, self.post(&search, &body), listed(case.reads()))
            }
            "look up" => {
                let body = json!({ "phone": target.phone, "purpose": "matrix" });
                let hit = people_only && case.shares_district();
                let want = gated(case.role_looks_up(), listed(hit));
                (
                    ("POST", "/v1/look-up"),
                    self.post("/v1/look-up", &body),
                    want,
                )
            }
            "tallies" => {
                let path = format!("/v1/tallies?area={}&day={TODAY}", target.node);
                let want = if case.covers() {
                    one_of(&[200])
                } else {
                    one_of(&[404])
                };
                (("GET", "/v1/tallies"), self.get(&path), want)
            }
            "alerts" => {
                let want = gated(case.role_resolves(), listed(case.covers()));
                (("GET", "/v1/alerts"), self.get("/v1/alerts"), want)
            }
            "parked" => {
                let want = gated(case.role_resolves(), listed(case.covers()));
                (("GET", "/v1/parked"), self.get("/v1/parked"), want)
            }
            "parked by cursor" => {
                let path = format!("/v1/parked?after={}&limit=1", target.parked - 1);
                let want = gated(case.role_resolves(), listed(case.covers()));
                (("GET", "/v1/parked"), self.get(&path), want)
            }
            "conflicts" | "conflicts by cursor" => {
                let path = match verb {
                    "conflicts" => "/v1/conflicts".to_owned(),
                    _ => format!("/v1/conflicts?after={}", id(0, 0)),
                };
                let mut want = listed(case.reads());
                // Codes have no masked form, so an auditor may see nothing to choose between.
                want.must_show &= case.role != "auditor";
                (("GET", "/v1/conflicts"), self.get(&path), want)
            }
            "choose" => {
                let path = format!("/v1/conflicts/{}", target.id);
                let body = json!({ "base": 1, "field": "phone", "conflict": 0 });
                let want = if case.reads() {
                    one_of(&[409])
                } else {
                    one_of(&[404])
                };
                (
                    ("POST", "/v1/conflicts/{record}"),
                    self.post(&path, &body),
                    want,
                )
            }
            "audit" => {
                let mut want = gated(case.role == "auditor", one_of(&[200]));
                want.shows = case.role == "auditor" && case.covers();
                (("GET", "/v1/audit"), self.get("/v1/audit"), want)
            }
            "backups" => {
                let want = gated(case.role == "admin", one_of(&[200]));
                (("GET", "/v1/backups"), self.get("/v1/backups"), want)
            }
            "scopes by console" | "scopes by phone" => {
                let request = TestRequest::with_uri("/v1/scopes");
                let request = match verb {
                    "scopes by phone" => self.phone(request),
                    _ => self.get("/v1/scopes"),
                };
                (("GET", "/v1/scopes"), request, listed(case.reads()))
            }
            "kinds add" | "policy add" if people_only => {
                let path = if verb == "kinds add" {
                    "/v1/kinds"
                } else {
                    "/v1/policy"
                };
                (("POST", path), self.post(path, &json!({})), one_of(&[403]))
            }
            "pull" | "pull by cursor" => {
                let cursor = if verb == "pull" { 0 } else { target.rev - 1 };
                let pull = json!([[target.scope, cursor, "", "0000000000000000"]]);
                let request = self.phone(self.sync(&[], &pull));
                (("POST", "/v1/sync"), request, listed(case.reads()))
            }
            "edit by path" => {
                let body = json!({ "base": target.rev, "set": self.marked() });
                let mut want = read();
                want.effect = self.effect(target.id, case.reads() && case.writes());
                (
                    ("POST", "/v1/records/{kind}/{id}"),
                    self.post(&path, &body),
                    want,
                )
            }
            "create in scope" | "create on a known id" => {
                let (record, set) = match verb {
                    "create in scope" => self.new_record(),
                    _ => (target.id, self.marked()),
                };
                let mut body = json!({ "record": record, "set": set });
                for (name, value) in target.home.as_object()? {
                    body[name] = value.clone();
                }
                let path = format!("/v1/records/{kind}");
                let mut want = one_of(&[200]);
                want.effect = self.effect(record, case.writes());
                (
                    ("POST", "/v1/records/{kind}"),
                    self.post(&path, &json!([body])),
                    want,
                )
            }
            "push new" | "push on a known id" | "push with base" => {
                let (record, set) = match verb {
                    "push new" => self.new_record(),
                    _ => (target.id, self.marked()),
                };
                let more = match verb {
                    "push with base" => json!({ "base": target.rev }),
                    _ => target.home.clone(),
                };
                let lands = if verb == "push new" {
                    case.brings()
                } else {
                    case.writes()
                };
                let pull = json!([[target.scope, 0, "", "0000000000000000"]]);
                let request = self.sync(&[self.line(record, &more, &set)], &pull);
                let mut want = listed(case.reads());
                want.effect = self.effect(record, lands);
                (("POST", "/v1/sync"), self.fresh_phone(request), want)
            }
            "move from" => {
                let body = json!({ "to": target.place });
                let want = match () {
                    () if !case.reads() => one_of(&[404]),
                    () if kind == "visit" => one_of(&[422]),
                    () if case.role_moves() => one_of(&[200]),
                    () => one_of(&[403]),
                };
                (MOVE, self.post(&format!("{path}/move"), &body), want)
            }
            "move to" => {
                // Whoever holds both places and may move would move it; that is tried elsewhere.
                let both = case.relation == super::oracle::Relation::District;
                if both && case.role_moves() {
                    return None;
                }
                let sees = case.role_reads()
                    && (both || case.relation == super::oracle::Relation::Sibling);
                let want = match () {
                    () if !sees => one_of(&[404]),
                    () if kind == "visit" => one_of(&[422]),
                    () => one_of(&[403]),
                };
                let path = format!("/v1/records/{kind}/{}/move", target.neighbour);
                (MOVE, self.post(&path, &json!({ "to": target.place })), want)
            }
            "admit" | "dismiss" => {
                let path = format!("/v1/parked/{}", target.parked);
                let body = match verb {
                    "admit" => json!({ "decision": "admit" }),
                    _ => json!({ "decision": "dismiss", "reason": "matrix" }),
                };
                let want = if case.covers() {
                    one_of(&[200, 409])
                } else {
                    one_of(&[404])
                };
                let want = gated(case.role_resolves(), want);
                (("POST", "/v1/parked/{id}"), self.post(&path, &body), want)
            }
            "close alert" => {
                let want = if case.covers() {
                    one_of(&[200])
                } else {
                    one_of(&[404])
                };
                let want = gated(case.role_resolves(), want);
                let body = json!({ "id": target.alert });
                (
                    ("POST", "/v1/alerts/close"),
                    self.post("/v1/alerts/close", &body),
                    want,
                )
            }
            _ if people_only => return self.people(verb),
            _ => return None,
        })
    }
}

const SEARCH: (&str, &str) = ("POST", "/v1/records/{kind}/search");
const MOVE: (&str, &str) = ("POST", "/v1/records/{kind}/{id}/move");
