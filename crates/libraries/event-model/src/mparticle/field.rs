//! One value of a JSON object, parsed only when it is read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Decimal, Int64, elements::Elements};
use crate::json::{Text, for_each_member, unescape_literal};

/// A value as sent, or nothing: `null` and an absent key are the same.
///
/// The readers return `None` for a value of another type, so that one malformed field never costs its event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a>(Option<&'a RawValue>);

/// The kinds of JSON values that a [`Field`] can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Absent, or `null`.
    Absent,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// The entries of an object in their order, including repeated keys.
pub type Entries<'a> = Vec<(Cow<'a, str>, Field<'a>)>;

impl<'a> Field<'a> {
    /// The JSON text as sent; `None` if absent.
    pub fn json(self) -> Option<&'a str> {
        self.0.map(RawValue::get)
    }

    /// The type of the value.
    pub fn kind(self) -> Kind {
        match self.json().and_then(|json| json.bytes().next()) {
            None | Some(b'n') => Kind::Absent,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(_) => Kind::Number,
        }
    }

    /// The first usable one of two values; if neither is usable, the first that is present.
    #[must_use]
    pub fn or_usable(self, other: Self, is_usable: impl Fn(Self) -> bool) -> Self {
        if is_usable(self) || !is_usable(other) && self.kind() != Kind::Absent {
            self
        } else {
            other
        }
    }

    /// A string.
    pub fn string(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::String => self.json().map(unescape_literal),
            _ => None,
        }
    }

    /// A string that is not blank, or the digits of a number: the forms of ids.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::String => self.string().filter(|text| !text.trim().is_empty()),
            Kind::Number => self.json().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// A 64-bit integer, sent as a number or as a string.
    pub fn integer(self) -> Option<Int64> {
        Int64::parse(&self.text()?)
    }

    /// A decimal number, sent as a number or as a string.
    pub fn decimal(self) -> Option<Decimal<'a>> {
        Decimal::parse(self.text()?)
    }

    /// `true` or `false`, also as a string in any letter case.
    pub fn boolean(self) -> Option<bool> {
        let text = match self.kind() {
            Kind::Boolean => Cow::Borrowed(self.json()?),
            Kind::String => self.string()?,
            _ => return None,
        };
        match text.trim() {
            yes if yes.eq_ignore_ascii_case("true") => Some(true),
            no if no.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The value as a `T`; the default of `T` if it is not one.
    pub fn read<T: Deserialize<'a> + Default>(self) -> T {
        self.json()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    /// The elements of an array, each read when it is its turn; none for any other type.
    pub fn items(self) -> impl Iterator<Item = Field<'a>> {
        match self.kind() {
            Kind::Array => Elements::of(self.json().unwrap_or_default()),
            Kind::Absent | Kind::Boolean | Kind::Number | Kind::String | Kind::Object => {
                Elements::default()
            }
        }
    }

    /// The entries of an object; empty for any other type.
    ///
    /// # Errors
    /// When a key is not Unicode text.
    pub fn entries(self) -> Result<Entries<'a>, serde_json::Error> {
        let mut entries = Entries::new();
        if let (Some(json), Kind::Object) = (self.0, self.kind()) {
            for_each_member(json.get(), |Text(name), value| {
                entries.push((name, Field(Some(value).filter(|it| it.get() != "null"))));
            })?;
        }
        Ok(entries)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> Field<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_is_absent() {
        assert_eq!(field("null").kind(), Kind::Absent);
        assert_eq!(field("null").text(), None);
    }

    #[test]
    fn ids_are_numbers_or_strings() {
        assert_eq!(field("123456").text().unwrap(), "123456");
        assert_eq!(field(r#"" a1 ""#).text().unwrap(), " a1 ");
        assert_eq!(field(r#"" ""#).text(), None);
        assert_eq!(field("true").text(), None);
        assert_eq!(
            field(r#""-196509116834317511""#)
                .integer()
                .unwrap()
                .to_string(),
            "-196509116834317511"
        );
    }

    #[test]
    fn booleans_are_literals_or_strings() {
        assert_eq!(field("true").boolean(), Some(true));
        assert_eq!(field(r#""False""#).boolean(), Some(false));
        assert_eq!(field("1").boolean(), None);
    }

    #[test]
    fn entries_keep_order_and_repeated_keys() {
        let entries = field(r#"{"b":1,"a":[],"b":"x"}"#).entries().unwrap();

        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert!(field("[1]").entries().unwrap().is_empty());
    }

    #[test]
    fn deep_nesting_is_carried_not_walked() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(field(&deep).kind(), Kind::Array);
    }
}
