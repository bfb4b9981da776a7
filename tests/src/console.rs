//! A person at a console: signed in, asking for resources.

use serde_json::{Value, json};

use crate::http::{Answer, Client};
use crate::server::Server;
use crate::town::PASSWORD;

#[derive(Debug)]
pub struct Console {
    pub client: Client,
    pub token: String,
}

impl Console {
    /// Signs somebody of the town in.
    pub fn sign_in(server: &Server, login: &str) -> Self {
        Self::sign_in_at(&server.address, login)
    }

    pub fn sign_in_at(address: &str, login: &str) -> Self {
        let mut console = Self {
            client: Client::new(address),
            token: String::new(),
        };
        let who = json!({"login": login, "password": PASSWORD});
        let answer = console.post("/v1/session", &who);
        assert_eq!(answer.status, 200, "{}", answer.text());
        console.token = answer.json()["token"].as_str().unwrap().to_owned();
        console
    }

    pub fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string);
        self.call_raw(
            method,
            path,
            &[("content-type", "application/json")],
            body.unwrap_or_default().as_bytes(),
        )
    }

    pub fn call_raw(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let shown = [("authorization", bearer.as_str())];
        let shown: &[(&str, &str)] = if self.token.is_empty() { &[] } else { &shown };
        let headers = [shown, headers].concat();
        self.client.ask(method, path, &headers, body).unwrap()
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    /// All pages of a list whose `next` is a number.
    pub fn all(&mut self, path: &str) -> Vec<Value> {
        let (mut rows, mut after) = (Vec::new(), None::<Value>);
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let after_text = after.map(|after| format!("&after={after}"));
            let page = format!("{path}{joint}limit=200{}", after_text.unwrap_or_default());
            let answer = self.get(&page);
            assert_eq!(answer.status, 200, "{page}: {}", answer.text());
            let page = answer.json();
            rows.extend(page["rows"].as_array().unwrap().iter().cloned());
            match page.get("next") {
                Some(next) if !next.is_null() => after = Some(next.clone()),
                _ => return rows,
            }
        }
    }
}
