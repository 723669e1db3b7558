//! As much of JSON Schema as `openapi.json` uses.

use serde_json::Value;

/// Panics with the JSON path of the first mismatch between `value` and `schema`. References are resolved in `document`.
pub(crate) fn assert_valid(document: &Value, schema: &Value, value: &Value, place: &str) {
    let problems = problems(document, schema, value, place);
    assert!(problems.is_empty(), "{problems:#?}");
}

fn problems(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        let target = document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
        return problems(document, target, value, place);
    }
    if *schema == Value::Bool(true) {
        return vec![];
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices
            .iter()
            .filter(|choice| problems(document, choice, value, place).is_empty())
            .count();
        return if fitting == 1 {
            vec![]
        } else {
            vec![format!("{place}: fits {fitting} of oneOf")]
        };
    }

    let mut found = Vec::new();
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => vec![],
        one => vec![one.clone()],
    };
    let is_of = |wanted: &Value| is_of_type(wanted.as_str().unwrap(), value);
    if !types.is_empty() && !types.iter().any(is_of) {
        return vec![format!("{place}: not of type {}", schema["type"])];
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|choices| !choices.contains(value))
    {
        found.push(format!("{place}: not one of {}", schema["enum"]));
    }
    if let Some(items) = value.as_array() {
        if u64::try_from(items.len()).unwrap() < schema["minItems"].as_u64().unwrap_or(0) {
            found.push(format!("{place}: too few items"));
        }
        for (index, item) in items.iter().enumerate() {
            found.extend(problems(
                document,
                &schema["items"],
                item,
                &format!("{place}/{index}"),
            ));
        }
    }
    if let Some(members) = value.as_object() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                found.push(format!("{place}: {name} is missing"));
            }
        }
        for (name, member) in members {
            let place = format!("{place}/{name}");
            match (
                schema["properties"].get(name),
                &schema["additionalProperties"],
            ) {
                (Some(schema), _) => found.extend(problems(document, schema, member, &place)),
                (None, Value::Bool(false)) => found.push(format!("{place}: is not documented")),
                (None, Value::Object(_)) => {
                    found.extend(problems(
                        document,
                        &schema["additionalProperties"],
                        member,
                        &place,
                    ));
                }
                (None, _) => {}
            }
        }
    }
    found
}

fn is_of_type(wanted: &str, value: &Value) -> bool {
    match wanted {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("{other} is not among the types that the document uses"),
    }
}
