//! What a line of the URL table says, and how the router is built from the table. There is no
//! other way to reach a handler: a route that is not in the table does not exist.

use actix_web::http::Method;
use actix_web::{Route as Handler, guard, web};

use super::body;
use super::problem::Problem;

/// One line of the URL table.
#[derive(Clone, Copy)]
pub struct Route {
    pub verb: Verb,
    pub path: &'static str,
    pub summary: &'static str,
    pub handler: fn(Handler) -> Handler,
    pub caller: Caller,
    pub gate: Gate,
    /// Names and meanings of what may stand in the query string.
    pub query: &'static [(&'static str, &'static str)],
    /// Shape of the body, by its name in `shapes.rs`.
    pub request: Option<&'static str>,
    /// Content type of the body.
    pub media: &'static str,
    /// Shape of the reply; without one, the reply is empty or is not JSON.
    pub reply: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Who may call. Roles say only who gets past the door; what is found behind it is decided by
/// grants, for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Anyone,
    /// The operator, with the token of the metrics or from the machine itself.
    Operator,
    /// An enrolled device, with its token.
    Device,
    /// A person at a console, with a session and a grant of one of these roles (none named: any).
    Console(&'static [&'static str]),
    /// An enrolled device, or a person at a console.
    Member,
}

/// How often one address may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    SignIn,
    Enrol,
}

type Handle = fn(Handler) -> Handler;

pub const fn get(path: &'static str, summary: &'static str, handler: Handle) -> Route {
    Route::new(Verb::Get, path, summary, handler)
}

pub const fn post(path: &'static str, summary: &'static str, handler: Handle) -> Route {
    Route::new(Verb::Post, path, summary, handler)
}

pub const fn put(path: &'static str, summary: &'static str, handler: Handle) -> Route {
    Route::new(Verb::Put, path, summary, handler)
}

pub const fn patch(path: &'static str, summary: &'static str, handler: Handle) -> Route {
    Route::new(Verb::Patch, path, summary, handler)
}

pub const fn delete(path: &'static str, summary: &'static str, handler: Handle) -> Route {
    Route::new(Verb::Delete, path, summary, handler)
}

impl Route {
    const fn new(verb: Verb, path: &'static str, summary: &'static str, handler: Handle) -> Self {
        Self {
            verb,
            path,
            summary,
            handler,
            caller: Caller::Anyone,
            gate: Gate::Open,
            query: &[],
            request: None,
            media: body::JSON,
            reply: None,
        }
    }

    pub const fn by(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    pub const fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    pub const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    pub const fn takes(mut self, shape: &'static str) -> Self {
        self.request = Some(shape);
        self
    }

    /// Takes lines of JSON, of which the first has this shape.
    pub const fn takes_lines(mut self, shape: &'static str) -> Self {
        self.media = body::NDJSON;
        self.takes(shape)
    }

    /// Takes a document in TOML (or the same as JSON).
    pub const fn takes_text(mut self, shape: &'static str) -> Self {
        self.media = "application/toml";
        self.takes(shape)
    }

    pub const fn gives(mut self, shape: &'static str) -> Self {
        self.reply = Some(shape);
        self
    }
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn answers(self, method: &Method) -> bool {
        // HEAD is a GET whose body is not sent.
        method.as_str() == self.name() || (self == Self::Get && method == Method::HEAD)
    }
}

/// The line of the table that answers, given the pattern that a path matched.
pub fn find(routes: &'static [Route], method: &Method, pattern: &str) -> Option<&'static Route> {
    routes
        .iter()
        .find(|route| route.path == pattern && route.verb.answers(method))
}

/// Builds the router from a table: one resource per path, 405 for other methods, 404 for the rest.
pub fn configure(routes: &'static [Route], config: &mut web::ServiceConfig) {
    let mut done: Vec<&str> = Vec::new();
    for route in routes {
        if done.contains(&route.path) {
            continue;
        }
        done.push(route.path);
        let mut resource = web::resource(route.path);
        let mut allowed: Vec<&str> = Vec::new();
        for route in routes.iter().filter(|other| other.path == route.path) {
            let verb = route.verb;
            let guarded =
                web::route().guard(guard::fn_guard(move |c| verb.answers(&c.head().method)));
            resource = resource.route((route.handler)(guarded));
            allowed.push(verb.name());
            allowed.extend((verb == Verb::Get).then_some("HEAD"));
        }
        let allowed = allowed.join(", ");
        let other =
            move || std::future::ready(Err::<&str, _>(Problem::method_not_allowed(&allowed)));
        config.service(resource.default_service(web::to(other)));
    }
}
