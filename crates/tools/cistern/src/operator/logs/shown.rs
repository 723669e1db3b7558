//! A log line for a person: the time, the level, the function, the message and its fields.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::table::printable;

/// How serious a line is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// A line that names no level was written by Lambda or a panic: it is always of interest.
    pub(super) fn of(record: Option<&Map<String, Value>>) -> Self {
        match record
            .and_then(|record| record.get("level"))
            .and_then(Value::as_str)
        {
            Some("TRACE") => Self::Trace,
            Some("DEBUG") => Self::Debug,
            Some("INFO") => Self::Info,
            Some("WARN") => Self::Warn,
            _ => Self::Error,
        }
    }
}

/// The members of a line of a function, if it is JSON.
pub(super) fn record(message: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(message) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// Whether a line is about the invocation or a metric rather than about the work.
pub(super) fn is_background(message: &str, record: Option<&Map<String, Value>>) -> bool {
    let is_of_lambda = [
        "START RequestId: ",
        "END RequestId: ",
        "REPORT RequestId: ",
        "INIT_START ",
    ]
    .iter()
    .any(|start| message.starts_with(start));
    let is_a_metric = record.is_some_and(|members| members.contains_key("_aws"));
    // Lambda's lines in JSON have a type such as platform.start.
    let is_of_platform = record
        .and_then(|members| members.get("type")?.as_str())
        .is_some_and(|kind| kind.starts_with("platform."));
    is_of_lambda || is_a_metric || is_of_platform
}

/// One line of text.
pub(super) fn text(
    time: &str,
    function: &str,
    message: &str,
    record: Option<&Map<String, Value>>,
) -> String {
    let Some(members) = record else {
        return format!("{time}        {function:<12} {}", printable(message));
    };
    let level = members.get("level").and_then(Value::as_str).unwrap_or("");
    let said = members.get("message").and_then(Value::as_str).unwrap_or("");
    let mut line = format!(
        "{time}  {:<5} {function:<12} {}",
        printable(level),
        printable(said)
    );
    let fields = members.iter().filter(|(name, _)| {
        !["timestamp", "level", "message", "spans", "target"].contains(&name.as_str())
    });
    for (name, value) in fields {
        push_field(&mut line, name, value);
    }
    // What the work was about is in the spans, such as the object's key; the ids of the invocation are left to --json.
    let spans = members.get("spans").and_then(Value::as_array);
    for span in spans.into_iter().flatten().filter_map(Value::as_object) {
        let about = span
            .iter()
            .filter(|(name, _)| !["name", "requestId", "xrayTraceId"].contains(&name.as_str()));
        for (name, value) in about {
            push_field(&mut line, name, value);
        }
    }
    line
}

fn push_field(line: &mut String, name: &str, value: &Value) {
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let _infallible = write!(line, "  {}={}", printable(name), printable(&value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_what_happened_and_to_what() {
        let message = r#"{"timestamp":"…","level":"INFO","message":"batch loaded","stored":1,"spans":[
            {"requestId":"r","name":"Lambda runtime invoke"},{"object.key":"raw/\u001b[2J","name":"object"}]}"#;
        let record = record(message);

        assert_eq!(
            text("21:20:41", "loader", message, record.as_ref()),
            "21:20:41  INFO  loader       batch loaded  stored=1  object.key=raw/␛[2J"
        );
        assert_eq!(
            text("21:20:41", "loader", "thread panicked", None),
            "21:20:41        loader       thread panicked"
        );
    }

    #[test]
    fn lines_about_invocations_and_metrics_are_told_from_others() {
        for (message, expected) in [
            ("START RequestId: 1 Version: $LATEST", true),
            (r#"{"_aws":{},"stored":1}"#, true),
            (r#"{"type":"platform.report","time":"…"}"#, true),
            (r#"{"level":"INFO","message":"batch loaded"}"#, false),
            ("thread 'main' panicked", false),
        ] {
            assert_eq!(
                is_background(message, record(message).as_ref()),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn levels_are_ordered_and_a_line_without_one_is_serious() {
        assert!(Level::of(record(r#"{"level":"WARN"}"#).as_ref()) > Level::Info);
        assert_eq!(Level::of(None), Level::Error);
    }
}
