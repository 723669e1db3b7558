//! JSON pointers (<https://www.rfc-editor.org/rfc/rfc6901>) into the text of an event, so that numbers keep every digit.

use serde_json::{Map, Value};

use crate::fields::{Fields, to_list};

const MAX_BYTES: usize = 256;
const MAX_STEPS: usize = 8;

/// A path to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    pub(super) const EXPECTED: &str = "must be a JSON pointer of at most 8 steps, such as /data/recipient, with ~1 for / and ~0 for ~";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/').filter(|_| text.len() <= MAX_BYTES)?;
        let steps: Option<Vec<String>> = steps.split('/').map(unescape).collect();
        steps.filter(|steps| steps.len() <= MAX_STEPS).map(Self)
    }

    /// The JSON text of the value; none if it is not there or null.
    pub(super) fn find<'a>(&self, json: &'a str) -> Option<&'a str> {
        self.0.iter().try_fold(json, |json, step| {
            if json.starts_with('[') {
                let place = index(step)?;
                to_list(json)
                    .get(place)
                    .copied()
                    .filter(|item| *item != "null")
            } else {
                Fields::of(json).json(step)
            }
        })
    }

    /// Writes a value to where the pointer points, with the objects and lists on the way to it.
    pub(super) fn write(&self, target: &mut Value, value: Value) {
        let mut place = target;
        for step in &self.0 {
            place = match (index(step), place) {
                (Some(0), place) if place.is_null() || place.is_array() => {
                    if place.is_null() {
                        *place = Value::Array(vec![Value::Null]);
                    }
                    match place.get_mut(0) {
                        Some(first) => first,
                        None => return,
                    }
                }
                (_, place) => {
                    if !place.is_object() {
                        *place = Value::Object(Map::new());
                    }
                    match place {
                        Value::Object(members) => {
                            members.entry(step.as_str()).or_insert(Value::Null)
                        }
                        _ => return,
                    }
                }
            };
        }
        *place = value;
    }
}

fn unescape(step: &str) -> Option<String> {
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    if step.contains(char::is_control) || !step.split('~').skip(1).all(is_escaped) {
        return None;
    }
    Some(step.replace("~1", "/").replace("~0", "~"))
}

/// The index of an item, which has no leading zero.
fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    step.parse().ok().filter(|_| is_index)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_find_what_the_standard_says() {
        let event = r#"{"a/b":1,"m~n":2,"":3,"list":[{"x":4},null,9007199254740993],"n":null}"#;
        for (pointer, found) in [
            ("/a~1b", Some("1")),
            ("/m~0n", Some("2")),
            ("/", Some("3")),
            ("/list/0/x", Some("4")),
            ("/list/1", None),
            ("/list/2", Some("9007199254740993")),
            ("/list/3", None),
            ("/list/00", None),
            ("/list/-", None),
            ("/n", None),
            ("/list/2/x", None),
        ] {
            assert_eq!(
                Pointer::parse(pointer).unwrap().find(event),
                found,
                "{pointer}"
            );
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in [
            "",
            "a",
            "a/b",
            "/~2",
            "/a~",
            "#/a",
            "/a/b/c/d/e/f/g/h/i",
            "/a\nb",
        ] {
            assert_eq!(Pointer::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn values_are_written_where_they_are_found() {
        let mut event = Value::Null;
        for pointer in ["/data/0/to", "/data/0/id", "/type"] {
            Pointer::parse(pointer)
                .unwrap()
                .write(&mut event, pointer.into());
        }

        assert_eq!(
            event,
            json!({"data": [{"to": "/data/0/to", "id": "/data/0/id"}], "type": "/type"})
        );
    }
}
