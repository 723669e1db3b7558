//! The fast way to read an event: as one that was read before.
//!
//! The events of a stream mostly have the same keys in the same order, so all that differs from one to the next are the
//! values. A template is what was between the values of an event; where it matches, nothing has to be parsed but the values.
//! What has no column may be any JSON value: it is skipped by the parser and copied. A template makes no decisions: an event that
//! does not match to the last byte, or has a string that takes more than copying, is left to the general reader, and the two
//! agree on every event that both can read. (Conversion as a whole is 1.2 to 1.6 times as fast with it.)

use std::ops::Range;

use super::json;
use crate::short::fast_eq;

/// How many templates are kept. A stream has a few kinds of events, with and without optional keys.
const MAX_TEMPLATES: usize = 8;

/// A value of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Where it goes.
    pub(crate) target: FieldTarget,
    /// Where it is, as it is written.
    pub(crate) value: Range<usize>,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldTarget {
    /// The column of that index, found by the `source`th of its paths.
    Column { column_index: usize, source: usize },
    /// To `_extra`, as no column is for its key, which has so many bytes and begins so many before the value.
    Extra { key_len: usize, key_back: usize },
}

/// Templates, the one that matched last in front.
#[derive(Debug, Default)]
pub(crate) struct Templates(Vec<Template>);

#[derive(Debug)]
struct Template {
    fields: Vec<TemplateField>,
    /// What follows the last value.
    end: Box<[u8]>,
}

#[derive(Debug)]
struct TemplateField {
    /// What precedes the value, from the event's start or the value before.
    before: Box<[u8]>,
    target: FieldTarget,
}

impl Templates {
    /// Finds the fields of the event at the start of `tail`, if it is like one that was learned. Returns the event's length.
    pub(crate) fn find(&mut self, tail: &[u8], fields: &mut Vec<Field>) -> Option<usize> {
        let (column_index, len) =
            self.0
                .iter()
                .enumerate()
                .find_map(|(column_index, template)| {
                    Some((column_index, template.match_start(tail, fields)?))
                })?;
        self.0[..=column_index].rotate_right(1);
        Some(len)
    }

    /// Learns `event`, of which everything but the values of `fields` is bound to be the same in others like it.
    pub(crate) fn learn(&mut self, event: &[u8], fields: &[Field]) {
        let mut end = 0;
        let fields = fields
            .iter()
            .map(|field| {
                let before = &event[end..field.value.start];
                end = field.value.end;
                TemplateField {
                    before: before.into(),
                    target: field.target,
                }
            })
            .collect();
        self.0.truncate(MAX_TEMPLATES - 1);
        self.0.push(Template {
            fields,
            end: event[end..].into(),
        });
    }
}

impl Template {
    fn match_start(&self, tail: &[u8], found: &mut Vec<Field>) -> Option<usize> {
        found.clear();
        let mut at = 0;
        for field in &self.fields {
            at += prefix_len(&tail[at..], &field.before)?;
            let len = match field.target {
                FieldTarget::Column { .. } => value_len(&tail[at..])?,
                FieldTarget::Extra { .. } => json::value_len(&tail[at..]).ok()?,
            };
            found.push(Field {
                target: field.target,
                value: at..at + len,
            });
            at += len;
        }
        Some(at + prefix_len(&tail[at..], &self.end)?)
    }
}

fn prefix_len(bytes: &[u8], prefix: &[u8]) -> Option<usize> {
    fast_eq(bytes.get(..prefix.len())?, prefix).then_some(prefix.len())
}

/// The length of a string without escapes, or of what is between here and the next comma or brace. The caller must check that the latter is a
/// value.
fn value_len(bytes: &[u8]) -> Option<usize> {
    match bytes.split_first()? {
        (b'"', rest) => Some(plain_len(rest)? + 2),
        _ => bytes.iter().position(|byte| matches!(byte, b',' | b'}')),
    }
}

/// The length of the string whose opening quote was just passed, up to its closing quote. `None` when there is an escape or
/// a control character before that, or no quote.
fn plain_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            at += stops.trailing_zeros() as usize / 8;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    let stop = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    (rest[stop] == b'"').then_some(at + stop)
}

/// The high bit of the first of eight bytes that is a quote, a backslash or a control character, and perhaps of others
/// after it (<https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>).
const fn stops(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(EACH * limit as u64) & !word & (EACH << 7)
    }
    below(word, 0x20)
        | below(word ^ (EACH * b'"' as u64), 1)
        | below(word ^ (EACH * b'\\' as u64), 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(column_index: usize, value: Range<usize>) -> Field {
        Field {
            target: FieldTarget::Column {
                column_index,
                source: 0,
            },
            value,
        }
    }

    fn learned() -> Templates {
        let mut templates = Templates::default();
        templates.learn(
            br#"{"a":"x","b":{"c":1}}"#,
            &[field(0, 5..8), field(1, 18..19)],
        );
        templates
    }

    #[test]
    fn values_are_found_where_the_rest_is_the_same() {
        let mut fields = Vec::new();

        let len = learned().find(br#"{"a":null,"b":{"c":-1.5e3}} more"#, &mut fields);

        assert_eq!(len, Some(27));
        assert_eq!(fields, [field(0, 5..9), field(1, 19..25)]);
    }

    #[test]
    fn what_has_no_column_may_be_any_value() {
        let mut templates = Templates::default();
        let target = FieldTarget::Extra {
            key_len: 1,
            key_back: 3,
        };
        templates.learn(
            br#"{"a":"x","b":1}"#,
            &[
                field(0, 5..8),
                Field {
                    target,
                    value: 13..14,
                },
            ],
        );
        let mut fields = Vec::new();

        let event = br#"{"a":"yy","b":{"c":["}\\"]}}"#;
        assert_eq!(templates.find(event, &mut fields), Some(event.len()));
        assert_eq!(fields[1].value, 14..event.len() - 1);
        assert_eq!(
            templates.find(br#"{"a":"yy","b":{"c":}}"#, &mut fields),
            None
        );
    }

    #[test]
    fn anything_else_is_left_alone() {
        for event in [
            r#"{"a":"x","b":{"c":1}"#,
            r#"{"a":"x","b":{"c":1,"d":2}}"#,
            r#"{"a":"x", "b":{"c":1}}"#,
            r#"{"b":{"c":1},"a":"x"}"#,
            r#"{"a":"x\n","b":{"c":1}}"#,
            "{\"a\":\"x\n\",\"b\":{\"c\":1}}",
            r#"{"a":"x"#,
            "",
        ] {
            assert_eq!(
                learned().find(event.as_bytes(), &mut Vec::new()),
                None,
                "{event}"
            );
        }
    }

    #[test]
    fn the_last_match_is_tried_first_and_the_oldest_is_forgotten() {
        let mut templates = Templates::default();
        for key in 0..20 {
            templates.learn(format!(r#"{{"{key}":1}}"#).as_bytes(), &[field(key, 6..7)]);
            assert!(templates.find(br#"{"0":1}"#, &mut Vec::new()).is_some() || key == 0);
        }

        assert_eq!(templates.0.len(), MAX_TEMPLATES);
    }

    proptest! {
        #[test]
        fn plain_strings_end_at_their_quote(text in "([ -~]|[äöü€\u{1f600}]|[\\\\\"\n\0]){0,40}") {
            let expected = text.find(|c: char| c == '"' || c == '\\' || c < ' ').filter(|at| text[*at..].starts_with('"'));

            prop_assert_eq!(plain_len(text.as_bytes()), expected);
        }
    }
}
