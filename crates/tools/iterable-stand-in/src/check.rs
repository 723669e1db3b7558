//! The requirements of a body, by the definitions `TrackRequest`, `OptionalApiUser`, `TrackPurchaseRequest` and `CommerceItem`
//! of Iterable's Swagger file.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The longest `id`, in bytes, of letters, digits and hyphens only
/// (<https://support.iterable.com/hc/en-us/articles/206430615-Custom-Event-Properties>).
const MAX_ID_BYTES: usize = 512;
const MAX_USER_ID_CHARS: usize = 52;
/// 1 January 3000. Anything later is milliseconds.
const MAX_SECONDS: i64 = 32_503_680_000;

/// A problem and where it is: `obj.events[1].createdAt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) detail: &'static str,
}

/// The types of fields.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Object,
    Texts,
    Anything,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Texts => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Anything => true,
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Text => "String value expected",
            Self::Integer => "Integer value expected",
            Self::Number => "Number value expected",
            Self::Boolean => "Boolean value expected",
            Self::Object => "Object value expected",
            Self::Texts => "Array of strings expected",
            Self::Anything => "Value expected",
        }
    }
}

type Fields = &'static [(&'static str, Kind, bool)];

const TRACK: Fields = &[
    ("email", Kind::Text, false),
    ("userId", Kind::Text, false),
    ("eventName", Kind::Text, true),
    ("id", Kind::Text, false),
    ("createdAt", Kind::Integer, false),
    ("dataFields", Kind::Object, false),
    ("campaignId", Kind::Integer, false),
    ("templateId", Kind::Integer, false),
    ("createNewFields", Kind::Boolean, false),
];

const USER: Fields = &[
    ("email", Kind::Text, false),
    ("userId", Kind::Text, false),
    ("dataFields", Kind::Object, false),
    ("preferUserId", Kind::Boolean, false),
    ("mergeNestedObjects", Kind::Boolean, false),
    ("createNewFields", Kind::Boolean, false),
];

const FORGET: Fields = &[("email", Kind::Text, false), ("userId", Kind::Text, false)];

const PURCHASE: Fields = &[
    ("user", Kind::Object, true),
    ("items", Kind::Anything, true),
    ("total", Kind::Number, true),
    ("id", Kind::Text, false),
    ("createdAt", Kind::Integer, false),
    ("dataFields", Kind::Object, false),
    ("campaignId", Kind::Integer, false),
    ("templateId", Kind::Integer, false),
];

const ITEM: Fields = &[
    ("id", Kind::Text, true),
    ("name", Kind::Text, true),
    ("price", Kind::Number, true),
    ("quantity", Kind::Integer, true),
    ("sku", Kind::Text, false),
    ("description", Kind::Text, false),
    ("categories", Kind::Texts, false),
    ("url", Kind::Text, false),
    ("imageUrl", Kind::Text, false),
    ("dataFields", Kind::Object, false),
];

/// Checks the events of a `trackBulk` body.
pub(crate) fn events(body: &Value) -> Result<&Vec<Value>, Vec<Problem>> {
    let events = list(body, "events")?;
    let mut problems = each(events, "obj.events", TRACK);
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        let path = format!("obj.events[{index}]");
        user(event, &path, &mut problems);
        id_and_time(event, &path, &mut problems);
        if event.get("eventName").and_then(Value::as_str) == Some("") {
            problem(
                &mut problems,
                format!("{path}.eventName"),
                "Must not be empty",
            );
        }
        let id = event.get("id").and_then(Value::as_str);
        if id.is_some_and(|id| seen.insert(id, index).is_some()) {
            problem(
                &mut problems,
                format!("{path}.id"),
                "The same id twice in one request",
            );
        }
    }
    if problems.is_empty() {
        Ok(events)
    } else {
        Err(problems)
    }
}

/// Checks the users of a `bulkUpdate` body.
pub(crate) fn users(body: &Value) -> Result<&Vec<Value>, Vec<Problem>> {
    let users = list(body, "users")?;
    let mut problems = each(users, "obj.users", USER);
    for (index, update) in users.iter().enumerate() {
        user(update, &format!("obj.users[{index}]"), &mut problems);
    }
    if problems.is_empty() {
        Ok(users)
    } else {
        Err(problems)
    }
}

/// Checks a `trackPurchase` body.
pub(crate) fn purchase(body: &Value) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    fields(body, "obj", PURCHASE, &mut problems);
    id_and_time(body, "obj", &mut problems);
    let buyer = body.get("user").unwrap_or(&Value::Null);
    fields(buyer, "obj.user", USER, &mut problems);
    user(buyer, "obj.user", &mut problems);
    match body.get("items").and_then(Value::as_array) {
        Some(items) => problems.extend(each(items, "obj.items", ITEM)),
        None => problem(
            &mut problems,
            "obj.items".to_owned(),
            "Array value expected",
        ),
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Checks a body that asks to forget a user.
pub(crate) fn forget(body: &Value) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    fields(body, "obj", FORGET, &mut problems);
    user(body, "obj", &mut problems);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Whether Iterable accepts this name.
pub(crate) fn is_well_formed_user(field: &str, name: &str) -> bool {
    let no_controls = !name.chars().any(char::is_control);
    if field == "email" {
        let parts = name.split_once('@');
        return no_controls
            && parts.is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    }
    let printable = name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    printable && !name.ends_with(' ') && (1..=MAX_USER_ID_CHARS).contains(&name.len())
}

fn list<'v>(body: &'v Value, name: &'static str) -> Result<&'v Vec<Value>, Vec<Problem>> {
    let mut problems = Vec::new();
    for key in body.as_object().into_iter().flat_map(Map::keys) {
        if key != name && key != "createNewFields" {
            problem(&mut problems, format!("obj.{key}"), "Unknown field");
        }
    }
    match body.get(name).and_then(Value::as_array) {
        Some(items) if problems.is_empty() && !items.is_empty() => Ok(items),
        Some(items) => {
            if items.is_empty() {
                problem(&mut problems, format!("obj.{name}"), "Must not be empty");
            }
            Err(problems)
        }
        None => {
            problem(&mut problems, format!("obj.{name}"), "Array value expected");
            Err(problems)
        }
    }
}

fn each(items: &[Value], path: &str, known: Fields) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, item) in items.iter().enumerate() {
        fields(item, &format!("{path}[{index}]"), known, &mut problems);
    }
    problems
}

fn fields(value: &Value, path: &str, known: Fields, problems: &mut Vec<Problem>) {
    let Some(object) = value.as_object() else {
        return problem(problems, path.to_owned(), "Object value expected");
    };
    for key in object.keys() {
        if !known.iter().any(|(name, ..)| name == key) {
            problem(problems, format!("{path}.{key}"), "Unknown field");
        }
    }
    for (name, kind, is_required) in known {
        match object.get(*name) {
            Some(value) if !kind.fits(value) => {
                problem(problems, format!("{path}.{name}"), kind.expected());
            }
            None if *is_required => problem(problems, format!("{path}.{name}"), kind.expected()),
            _ => {}
        }
    }
}

/// "Provide an email or a userId, but not both."
fn user(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let has = |name: &str| value.get(name).is_some();
    if has("email") == has("userId") {
        problem(
            problems,
            path.to_owned(),
            "Either email or userId expected, and not both",
        );
    }
}

fn id_and_time(value: &Value, path: &str, problems: &mut Vec<Problem>) {
    if let Some(id) = value.get("id").and_then(Value::as_str) {
        let is_of_alphabet = id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if id.is_empty() || id.len() > MAX_ID_BYTES || !is_of_alphabet {
            problem(
                problems,
                format!("{path}.id"),
                "1 to 512 letters, digits and hyphens expected",
            );
        }
    }
    let created_at = value.get("createdAt").and_then(Value::as_i64);
    if created_at.is_some_and(|seconds| !(0..=MAX_SECONDS).contains(&seconds)) {
        problem(
            problems,
            format!("{path}.createdAt"),
            "Seconds since 1970 expected",
        );
    }
}

fn problem(problems: &mut Vec<Problem>, path: String, detail: &'static str) {
    problems.push(Problem { path, detail });
}

#[cfg(test)]
mod tests;
