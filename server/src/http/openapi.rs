//! `/openapi.json` (OpenAPI 3.1), made from the URL table and the shapes and from nothing else.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use super::problem::CODES;
use super::route::{Caller, Gate, Route};

/// The description of `routes`.
pub fn describe(routes: &[Route], shapes: &[(&str, &str, &str)]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.verb.name().to_lowercase()] = operation(route);
    }
    let schemas: Map<String, Value> = shapes
        .iter()
        .map(|(name, meaning, example)| ((*name).to_owned(), shape(meaning, example)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kadian",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
            "description": "Registers people at checkpoints and keeps grid lists, on phones that may be offline for days. \
    Phones use /v1/sync alone; the rest is for consoles and other systems. Errors are problem documents (RFC 9457) with a stable code.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "A refusal; /problems lists every code",
                "content": { "application/problem+json": { "schema": reference("Problem") } },
            } },
            "securitySchemes": {
                "operator": { "type": "http", "scheme": "bearer", "description": "The token of the metrics; from the machine itself it is not needed" },
                "device": { "type": "http", "scheme": "bearer", "description": "The token of an enrolled device" },
                "session": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A console session of 15 minutes" },
            },
        },
        "x-problem-codes": CODES.iter().map(|code| json!({ "code": code.code, "status": code.status, "title": code.title })).collect::<Vec<_>>(),
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [tag(route.path)],
        "security": security(route.caller),
        "responses": { "default": { "$ref": "#/components/responses/Problem" } },
    });
    operation["responses"]["200"] = match route.reply {
        Some(name) => json!({
            "description": "Done",
            "content": { "application/json": { "schema": reference(name) } },
        }),
        None => json!({ "description": "Done" }),
    };
    if let Some(name) = route.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": { route.media: { "schema": reference(name) } },
        });
    }
    let in_path = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
        })
    });
    let in_query = route.query.iter().map(|(name, meaning)| json!({
        "name": name, "in": "query", "required": false, "description": meaning, "schema": { "type": "string" },
    }));
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Caller::Console(roles) = route.caller {
        operation["x-roles"] = json!(roles);
    }
    if route.gate != Gate::Open {
        operation["x-rate-limited"] = json!("per address");
    }
    operation
}

fn security(caller: Caller) -> Value {
    match caller {
        Caller::Anyone => json!([]),
        Caller::Operator => json!([{ "operator": [] }]),
        Caller::Device => json!([{ "device": [] }]),
        Caller::Console(_) => json!([{ "session": [] }]),
        Caller::Member => json!([{ "device": [] }, { "session": [] }]),
    }
}

/// `get_v1_limits`: unique, because method and path are.
fn operation_id(route: &Route) -> String {
    let path: String = route
        .path
        .chars()
        .filter(|letter| !matches!(letter, '{' | '}'))
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    format!("{}{path}", route.verb.name().to_lowercase())
}

fn tag(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next()) {
        (Some("v1"), Some(resource)) => resource,
        _ => "server",
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn shape(meaning: &str, example: &str) -> Value {
    let example: Value = serde_json::from_str(example).unwrap_or(Value::Null);
    let mut schema = schema(&example);
    schema["description"] = json!(meaning);
    schema["examples"] = json!([plain(&example)]);
    schema
}

/// The schema that an example suggests.
fn schema(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => match items.first() {
            Some(item) => json!({ "type": "array", "items": schema(item) }),
            None => json!({ "type": "array" }),
        },
        Value::Object(members) => {
            let mut properties = Map::new();
            let mut required = BTreeSet::new();
            for (name, value) in members {
                let bare = name.strip_suffix('?');
                if bare.is_none() {
                    required.insert(name);
                }
                properties.insert(bare.unwrap_or(name).to_owned(), schema(value));
            }
            json!({ "type": "object", "properties": properties, "required": required })
        }
    }
}

/// The example without the marks of what may be missing.
fn plain(example: &Value) -> Value {
    match example {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.trim_end_matches('?').to_owned(), plain(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::ROUTES;
    use crate::http::shapes::SHAPES;

    #[test]
    fn the_description_names_every_route_of_the_table_and_no_other() {
        let listed: BTreeSet<(String, String)> = ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.verb.name().to_lowercase()))
            .collect();
        assert_eq!(listed.len(), ROUTES.len(), "a route is listed twice");
        let document = describe(ROUTES, SHAPES);
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, verbs)| {
                verbs
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|verb| (path.clone(), verb.clone()))
            })
            .collect();
        assert_eq!(listed, described);
        let ids: BTreeSet<_> = ROUTES.iter().map(operation_id).collect();
        assert_eq!(ids.len(), ROUTES.len(), "two operations share an id");
    }

    #[test]
    fn every_shape_is_an_example_in_json_and_every_named_shape_exists() {
        for (name, _, example) in SHAPES {
            assert!(
                serde_json::from_str::<Value>(example).is_ok(),
                "{name} is not JSON"
            );
        }
        let names: BTreeSet<_> = SHAPES.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), SHAPES.len(), "a shape is listed twice");
        for route in ROUTES {
            for name in route.request.iter().chain(&route.reply) {
                assert!(
                    names.contains(name),
                    "{} names the shape {name}, which shapes.rs lacks",
                    route.path
                );
            }
        }
    }

    #[test]
    fn a_member_that_may_be_missing_is_not_required() {
        let found = shape("x", r#"{"a":1,"b?":[{"c":true}]}"#);
        assert_eq!(found["required"], json!(["a"]));
        assert_eq!(found["properties"]["b"]["items"]["required"], json!(["c"]));
        assert_eq!(found["examples"], json!([{ "a": 1, "b": [{ "c": true }] }]));
    }
}
