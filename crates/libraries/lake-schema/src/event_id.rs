//! The id of an event that is sent twice: which keys hold it, and which values are one.
//!
//! Senders repeat a request whose response they did not receive; each writes the id under its own key (`messageId`, `uuid`, …). `track`,
//! which adds an id to events without one, and the archiver, which reads ids into the lake, both use this definition.

use crate::Table;

impl Table {
    /// The keys under which an event may carry its id, as paths, for any case of letters. The first with a value that is an id
    /// counts.
    pub fn event_id_paths(&self) -> impl Iterator<Item = &str> {
        let indices = self.event_id().iter();
        let columns = indices.filter_map(|index| self.columns().get(*index));
        columns.flat_map(|column| column.from.iter().map(String::as_str))
    }
}

/// Whether a JSON value, as it is written, is an id.
pub fn is_id(json: &str) -> bool {
    match json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(text) => is_text_id(text),
        None => is_number_id(json),
    }
}

/// Whether text is an id: any but the empty one.
pub fn is_text_id(text: &str) -> bool {
    !text.is_empty()
}

/// Whether a number, as it is written, is an id. It stays as it is written: `7` and `7.0` are two.
pub fn is_number_id(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers_are_ids_and_nothing_else_is() {
        for (json, expected) in [
            (r#""x""#, true),
            (r#"" ""#, true),
            (r#""null""#, true),
            (r#""\ud83d""#, true),
            ("0", true),
            ("4711", true),
            ("-1.5e+300", true),
            (r#""""#, false),
            ("null", false),
            ("true", false),
            ("{}", false),
            ("[7]", false),
            ("NaN", false),
            ("-Infinity", false),
            ("", false),
        ] {
            assert_eq!(is_id(json), expected, "{json}");
        }
    }

    /// `track` adds an id after looking at an event's own keys only.
    #[test]
    fn ids_of_product_events_are_beside_their_other_keys() {
        let table = Table::product_events();

        assert!(table.event_id_paths().any(|path| path == "eventId"));
        for path in table.event_id_paths() {
            assert!(!path.contains(['.', '*']), "{path}");
        }
    }
}
