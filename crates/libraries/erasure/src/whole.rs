//! The person in an object that is not split into items: it stays or goes as a whole.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use lake_files::record_ranges;

use crate::{Names, text::any_text};

/// What separates cells. Results of queries have commas, and those of statements tabs.
const SEPARATORS: [char; 4] = [',', '\t', '\n', '\r'];
/// JSON may be a text in JSON. Firehose keeps a record in base64 in one.
const MAX_INSIDE: u32 = 3;

/// Whether the object has one of the person's names anywhere: in its text, or as a value of its JSON or a cell of its table, which may be
/// an id that is too short to be looked for in texts.
pub fn is_anywhere_in(object: &[u8], person: &impl Names) -> bool {
    let text = String::from_utf8_lossy(object);
    let is_wanted = |text: &str| is_value(text, person, MAX_INSIDE);
    person.is_mentioned_in(&text)
        || is_wanted(&text)
        || record_ranges(object)
            .into_iter()
            .any(|record| is_wanted(&String::from_utf8_lossy(&object[record.bytes])))
        || any_cell(&text, is_wanted)
}

/// Whether the text is one of the names, or JSON with one of them.
fn is_value(text: &str, person: &impl Names, inside: u32) -> bool {
    let text = text.trim();
    if !is_container(text) {
        return person.has_name(text);
    }
    any_text(text, |value| {
        person.is_mentioned_in(value)
            || inside > 0 && json_in(value).is_some_and(|json| is_value(&json, person, inside - 1))
    })
}

fn is_container(text: &str) -> bool {
    text.starts_with(['{', '['])
}

/// The JSON that a text is, or has in base64.
fn json_in(text: &str) -> Option<Cow<'_, str>> {
    if is_container(text) {
        return Some(Cow::Borrowed(text));
    }
    let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    is_container(&decoded).then_some(Cow::Owned(decoded))
}

fn any_cell(text: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let (cell, after) = take_quoted(rest).unwrap_or_else(|| take_plain(rest));
        if is_wanted(&cell) {
            return true;
        }
        rest = after;
    }
    false
}

/// The cell in quotes that a text begins with, without them, and what follows its separator.
fn take_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let quoted = text.strip_prefix('"')?;
    let mut end = 0;
    loop {
        end += quoted.get(end..)?.find('"')?;
        let after = quoted.get(end + 1..)?;
        if !after.starts_with('"') {
            let cell = quoted.get(..end)?.replace("\"\"", "\"");
            return Some((Cow::Owned(cell), take_plain(after).1));
        }
        end += 2;
    }
}

/// The text before the next separator, and what follows that.
fn take_plain(text: &str) -> (Cow<'_, str>, &str) {
    let (cell, after) = text.split_once(SEPARATORS).unwrap_or((text, ""));
    (Cow::Borrowed(cell), after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Person;

    #[test]
    fn names_are_found_in_values_cells_and_escapes_and_short_ids_only_as_whole_ones() {
        let person = Person::new(&["jane@x.org", "jane+n@x.org"], &["42"]).unwrap();
        let in_base64 = STANDARD.encode(r#"{"userId":42,"event":"view"}"#);
        let undelivered = format!(r#"{{"attemptsMade":4,"rawData":"{in_base64}"}}"#);
        for (object, expected) in [
            (r#"{"to":"Jane \u003cjane@x.org\u003e"}"#, true),
            (r#"{"to":"jane\u0040x.org"#, true),
            (r#"{"to":"jane\u002Bn@x.org"}"#, true),
            (r#"{"user":{"id":42}}"#, true),
            (r#"[{"id":"42"},"#, true),
            (r#"{"body":"{\"id\":\"42\"}"}"#, true),
            ("{\"id\":1}\n{\"id\":42}\n", true),
            (undelivered.as_str(), true),
            ("\"userid\",\"n\"\n\"42\",\"7\"\n", true),
            ("\"_extra\"\n\"{\"\"id\"\":\"\"42\"\"}\"\n", true),
            ("userid\tn\n7\t42", true),
            ("42", true),
            ("\"a \"\"42\"\" b\",\"142\"\n", false),
            (r#"{"n":421,"text":"42 days","at":"2026-11-42"}"#, false),
            ("\"", false),
            ("\"\"", false),
            ("", false),
        ] {
            let found = is_anywhere_in(object.as_bytes(), &person);
            assert_eq!(found, expected, "{object}");
        }
    }

    #[test]
    fn deep_and_damaged_objects_are_read() {
        let person = Person::new(&[""; 0], &["42"]).unwrap();
        for object in [
            "[".repeat(100_000),
            "{\"a\":".repeat(50_000),
            "\"".repeat(99_999),
        ] {
            assert!(!is_anywhere_in(object.as_bytes(), &person), "{object:.9}");
        }
    }
}
