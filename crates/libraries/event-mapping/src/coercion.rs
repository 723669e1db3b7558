//! The types that attributes are sent with.
//!
//! Iterable keeps one type for each field of an event of one name, and refuses events that send another. mParticle's
//! attributes are strings, but senders other than its SDKs send numbers and booleans.

use std::borrow::Cow;

use serde::Deserialize;

use event_model::mparticle::{Field, Int64, Kind};

/// How the values of attributes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coercion {
    /// Everything is a string, as mParticle defines it. Lists and objects are unchanged.
    #[default]
    Strings,
    /// Every value is unchanged.
    AsSent,
    /// Like mParticle's own connection to Iterable, for event names that it already created: `true` and `false` become
    /// booleans, 32-bit integers become integers, other numbers decimals.
    Mparticle,
}

/// The type of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A string.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// A number, with its digits as sent.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Coercion {
    /// The value as JSON; `None` if there is none.
    pub(super) fn apply(self, field: Field<'_>) -> Option<Cow<'_, str>> {
        let json = field.json()?;
        match (self, field.kind()) {
            (_, Kind::Absent) => None,
            (Self::Strings, Kind::Boolean | Kind::Number) => {
                Some(Cow::Owned(format!("\"{json}\"")))
            }
            (Self::Strings | Self::AsSent, Kind::String) => Some(string_json(field, json)),
            (Self::Mparticle, Kind::String) => {
                let text = field.string()?;
                Some(like_mparticle(&text).unwrap_or_else(|| string_json(field, json)))
            }
            _ => Some(Cow::Borrowed(json)),
        }
    }
}

impl FieldType {
    /// The value as JSON of this type; `None` if it cannot be read as one.
    pub(super) fn apply(self, field: Field<'_>) -> Option<Cow<'_, str>> {
        match self {
            Self::String => Coercion::Strings.apply(field),
            Self::Integer => field
                .integer()
                .map(|value: Int64| Cow::Owned(value.to_string())),
            Self::Number => field
                .decimal()
                .map(|value| Cow::Owned(value.as_json().to_owned())),
            Self::Boolean => field
                .boolean()
                .map(|value| Cow::Borrowed(if value { "true" } else { "false" })),
        }
    }
}

/// A string's JSON. One with escapes is written again, because it may have lone surrogates.
pub(super) fn string_json<'a>(field: Field<'a>, json: &'a str) -> Cow<'a, str> {
    if !json.contains('\\') {
        return Cow::Borrowed(json);
    }
    let text = field.string().unwrap_or_default();
    Cow::Owned(serde_json::Value::from(text.as_ref()).to_string())
}

/// Reads a string as mParticle's connection to Iterable does, in Java: `Boolean`, then `Double.parseDouble`, and for an
/// integral value `Integer.parseInt`; `None` if it stays a string.
///
/// So `1.0`, `1e3` and integers beyond 32 bits stay strings, and ` 2.5 ` and `1.5f` become numbers. `NaN` and
/// `Infinity`, which are not JSON, stay strings, and so do hexadecimal fractions.
fn like_mparticle(text: &str) -> Option<Cow<'static, str>> {
    if text.eq_ignore_ascii_case("true") {
        return Some(Cow::Borrowed("true"));
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(Cow::Borrowed("false"));
    }
    let value = java_double(text)?;
    if value.fract() == 0.0 {
        return text
            .parse::<i32>()
            .ok()
            .map(|whole| Cow::Owned(whole.to_string()));
    }
    serde_json::Number::from_f64(value).map(|number| Cow::Owned(number.to_string()))
}

/// Java trims characters up to a space at both ends, and accepts a type letter.
fn java_double(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let digits = trimmed
        .strip_suffix(['f', 'F', 'd', 'D'])
        .unwrap_or(trimmed);
    // Rust reads words such as "inf" that Java does not.
    let plain = digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain {
        return None;
    }
    digits.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Field<'_> {
        serde_json::from_str(json).unwrap()
    }

    fn coerced(how: Coercion, json: &str) -> Option<String> {
        how.apply(field(json)).map(Cow::into_owned)
    }

    #[test]
    fn strings_makes_scalars_strings() {
        for (json, expected) in [
            (r#""a""#, r#""a""#),
            (r#""é\u00e9\n""#, "\"éé\\n\""),
            (r#""\ud800""#, "\"\u{fffd}\""),
            ("1", r#""1""#),
            ("9007199254740993", r#""9007199254740993""#),
            ("1.50", r#""1.50""#),
            ("true", r#""true""#),
            ("[1, 2]", "[1, 2]"),
        ] {
            assert_eq!(coerced(Coercion::Strings, json).as_deref(), Some(expected));
        }
        assert_eq!(coerced(Coercion::Strings, "null"), None);
    }

    #[test]
    fn as_sent_changes_nothing() {
        for json in [r#""a""#, "1.50", "true", r#"{"a":1}"#] {
            assert_eq!(coerced(Coercion::AsSent, json).as_deref(), Some(json));
        }
    }

    #[test]
    fn mparticle_reads_strings_as_its_own_connection_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("True", "true"),
            ("FALSE", "false"),
            ("42", "42"),
            ("+5", "5"),
            ("-7", "-7"),
            ("2147483647", "2147483647"),
            ("2147483648", r#""2147483648""#),
            ("2.5", "2.5"),
            (" 2.5 ", "2.5"),
            ("1.5f", "1.5"),
            ("1.0", r#""1.0""#),
            ("1e3", r#""1e3""#),
            (" 2 ", r#"" 2 ""#),
            ("NaN", r#""NaN""#),
            ("Infinity", r#""Infinity""#),
            ("inf", r#""inf""#),
            ("1e999", r#""1e999""#),
            ("12 monkeys", r#""12 monkeys""#),
        ] {
            let json = format!("\"{text}\"");

            assert_eq!(
                coerced(Coercion::Mparticle, &json).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(
            coerced(Coercion::Mparticle, "1.50").as_deref(),
            Some("1.50")
        );
    }

    #[test]
    fn field_types_convert_or_give_nothing() {
        let apply =
            |field_type: FieldType, json| field_type.apply(field(json)).map(Cow::into_owned);

        assert_eq!(
            apply(FieldType::Integer, r#""-196509116834317511""#).unwrap(),
            "-196509116834317511"
        );
        assert_eq!(apply(FieldType::Integer, "2.5"), None);
        assert_eq!(apply(FieldType::Number, r#""11.90""#).unwrap(), "11.90");
        assert_eq!(apply(FieldType::Number, r#""cheap""#), None);
        assert_eq!(apply(FieldType::Boolean, r#""True""#).unwrap(), "true");
        assert_eq!(apply(FieldType::Boolean, "1"), None);
        assert_eq!(apply(FieldType::String, "false").unwrap(), r#""false""#);
    }
}
