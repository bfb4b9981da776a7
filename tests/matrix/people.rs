//! What a caller tries with people, phones and places. What is allowed is tried by the tests of
//! accounts: here it would change the district for those who come after.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use super::cells::{Maker, Want, one_of};

impl Maker<'_> {
    /// What is done with people and places; it has nothing to do with kinds.
    pub(crate) fn people(
        &self,
        verb: &str,
    ) -> Option<((&'static str, &'static str), TestRequest, Want)> {
        let (case, district) = (self.case, self.district);
        let managed = district.managed.user;
        let lists = |path: &'static str, role: bool| {
            let want = if role && case.is_in_office() {
                one_of(&[200]).showing(case.covers())
            } else {
                one_of(&[403])
            };
            (("GET", path), self.get(&format!("{path}?limit=500")), want)
        };
        let denied = one_of(&[403, 404]);
        let allowed = case.covers() && case.role_manages_volunteers();
        let admin = case.covers() && case.role == "admin";
        // What is allowed is tried by the tests of accounts; here it would change the district.
        let only_denied = |allowed: bool| (!allowed).then_some(denied);
        Some(match verb {
            "users" => lists("/v1/users", case.role_lists_people()),
            "devices" => lists("/v1/devices", case.role_lists_people()),
            "assignments" => {
                let shows = case.covers() && case.role_lists_people();
                let path = format!("/v1/assignments?user={managed}&limit=500");
                (
                    ("GET", "/v1/assignments"),
                    self.get(&path),
                    one_of(&[200]).showing(shows),
                )
            }
            "areas" => {
                let request = self.get("/v1/areas?limit=500");
                (
                    ("GET", "/v1/areas"),
                    request,
                    one_of(&[200]).showing(case.covers()),
                )
            }
            "enrolments add" => {
                let want = only_denied(allowed)?;
                let body = json!({ "user": managed });
                (
                    ("POST", "/v1/enrolments"),
                    self.post("/v1/enrolments", &body),
                    want,
                )
            }
            "users add" => {
                let want = only_denied(allowed)?;
                let body = json!({ "login": "new.one", "name": "新人", "role": "volunteer", "area": "S1" });
                (("POST", "/v1/users"), self.post("/v1/users", &body), want)
            }
            "users change" => {
                let want = only_denied(allowed)?;
                let path = format!("/v1/users/{managed}");
                let request = self
                    .console(Method::PATCH, &path)
                    .set_json(json!({ "name": "新名" }));
                (("PATCH", "/v1/users/{user}"), request, want)
            }
            "devices change" => {
                let want = only_denied(allowed)?;
                let path = format!("/v1/devices/{}", district.managed_device);
                let request = self
                    .console(Method::PATCH, &path)
                    .set_json(json!({ "state": "blocked" }));
                (("PATCH", "/v1/devices/{number}"), request, want)
            }
            "assignments add" => {
                let want = only_denied(allowed)?;
                let body = json!({ "user": managed, "area": "S1", "role": "volunteer" });
                (
                    ("POST", "/v1/assignments"),
                    self.post("/v1/assignments", &body),
                    want,
                )
            }
            "assignments change" => {
                let want = only_denied(allowed)?;
                let path = format!("/v1/assignments/{}", district.managed_grant);
                let request = self
                    .console(Method::PATCH, &path)
                    .set_json(json!({ "until": 1 }));
                (("PATCH", "/v1/assignments/{number}"), request, want)
            }
            "assignments revoke" => {
                let want = only_denied(allowed)?;
                let path = format!("/v1/assignments/{}", district.managed_grant);
                let request = self.console(Method::DELETE, &path);
                (("DELETE", "/v1/assignments/{number}"), request, want)
            }
            "areas add" => {
                let want = only_denied(admin)?;
                let body = json!({ "code": "X1", "parent": "S1", "level": "place", "name": "新" });
                (("POST", "/v1/areas"), self.post("/v1/areas", &body), want)
            }
            "areas change" => {
                let want = only_denied(admin)?;
                let request = self
                    .console(Method::PATCH, "/v1/areas/S1")
                    .set_json(json!({ "name": "新" }));
                (("PATCH", "/v1/areas/{code}"), request, want)
            }
            _ => return None,
        })
    }
}
