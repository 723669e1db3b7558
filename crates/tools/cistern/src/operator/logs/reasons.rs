//! Why messages failed, by what a function logged of them.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Map, Value};

use super::{
    WARNINGS, selected,
    shown::{Level, record},
    source::Source,
};
use crate::operator::target::StackTarget;

/// What a function logged last of each message and of each object that it could not finish.
#[derive(Debug, Default)]
pub(in crate::operator) struct Reasons(HashMap<String, String>);

impl Reasons {
    /// Reads the log of a function from a time on, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(in crate::operator) async fn read(
        target: &StackTarget,
        stack_name: &str,
        function: &str,
        since_ms: i64,
    ) -> Result<Self> {
        let source = Source::of(target.local.as_ref().map(|(_, stack)| stack))?;
        let mut reasons = Self::default();
        for group in selected(source.groups(stack_name).await?, Some(function))? {
            // A busy function logs many other lines.
            let mut found = source.lines(&group, since_ms, Some(WARNINGS)).await?;
            if found.lacks_oldest {
                eprintln!(
                    "note: {function} logged more warnings than are kept: the oldest are missing, and so the reasons of messages that failed then"
                );
            }
            found
                .lines
                .make_contiguous()
                .sort_by_key(|logged| logged.at_ms);
            for line in &found.lines {
                reasons.note(&line.message);
            }
        }
        Ok(reasons)
    }

    /// The last reason of the first of these names, ids of messages or keys of objects, that has one.
    pub(in crate::operator) fn of<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<&str> {
        let mut reasons = names.into_iter().filter_map(|name| self.0.get(name));
        reasons.next().map(String::as_str)
    }

    fn note(&mut self, line: &str) {
        let Some(record) = record(line) else { return };
        if Level::of(Some(&record)) < Level::Warn {
            return;
        }
        let spans = record.get("spans").and_then(Value::as_array);
        let spans = spans.into_iter().flatten().filter_map(Value::as_object);
        let names = [&record].into_iter().chain(spans).flat_map(|members| {
            let name = |member: &str| members.get(member)?.as_str();
            [name("message.id"), name("object.key")]
        });
        let reason = reason(&record);
        for name in names.flatten() {
            self.0.insert(name.to_owned(), reason.clone());
        }
    }
}

/// `object not loaded: reading the object: timed out`
fn reason(record: &Map<String, Value>) -> String {
    let parts = ["message", "error", "reason", "detail"];
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| record.get(*part)?.as_str())
        .collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_warning_about_a_message_or_its_object_is_its_reason() {
        let spans = r#""spans":[{"message.id":"m-1","name":"message"},{"object.key":"raw/a","name":"object"}]"#;
        let mut reasons = Reasons::default();

        for line in [
            format!(
                r#"{{"level":"WARN","message":"object deferred","reason":"out of time",{spans}}}"#
            ),
            format!(
                r#"{{"level":"ERROR","message":"object not loaded","error":"no access",{spans}}}"#
            ),
            format!(r#"{{"level":"INFO","message":"object begun",{spans}}}"#),
            r#"{"level":"WARN","message":"moved","message.id":"m-2"}"#.to_owned(),
            "thread panicked".to_owned(),
        ] {
            reasons.note(&line);
        }

        let why = Some("object not loaded: no access");
        assert_eq!(reasons.of(["m-1"]), why);
        assert_eq!(reasons.of(["m-9", "raw/a"]), why);
        assert_eq!(reasons.of(["m-2", "m-1"]), Some("moved"));
        assert_eq!(reasons.of(["m-9"]), None);
    }
}
