//! The event types that a search may name.

use std::fmt;
use std::str::FromStr;

use event_model::sparkpost::EventType;

/// The name of an event type, documented or not.
///
/// The feed is open: "from time to time … additional fields or event types will be added", says SparkPost of its webhooks
/// (<https://github.com/SparkPost/support-docs>, "Webhook Data Streams"). Such events are stored, so they can be asked for.
/// The alphabet makes a name safe as a literal of SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeName(String);

/// A little more than twice the longest documented name.
const MAX_BYTES: usize = 64;

impl TypeName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a literal of SQL.
    pub(crate) fn as_sql(&self) -> String {
        format!("'{}'", self.0)
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be the name of an event type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoTypeName;

impl FromStr for TypeName {
    type Err = NoTypeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // No provider sends both, so this is a typing error, which an empty response would hide.
        let is_known_in_another_case = EventType::ALL
            .into_iter()
            .map(EventType::as_str)
            .any(|known| known != text && known.eq_ignore_ascii_case(text));
        let is_well_formed = (1..=MAX_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
        if is_well_formed && !is_known_in_another_case {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoTypeName)
        }
    }
}

#[cfg(test)]
mod tests {
    use event_model::sparkpost::EventClass;

    use super::*;

    #[test]
    fn every_documented_type_and_class_is_a_name() {
        for known in EventType::ALL {
            assert_eq!(known.as_str().parse(), Ok(TypeName(known.to_string())));
        }
        // An event without a type is stored under its class.
        assert!(EventClass::Track.as_str().parse::<TypeName>().is_ok());
    }

    #[test]
    fn names_of_no_type_are_refused() {
        for text in [
            "",
            "a b",
            "Bounce",
            "OUT_OF_BAND",
            "a;b",
            "a'b",
            "a\"b",
            "a\\b",
            "$1",
            "é",
            &"x".repeat(MAX_BYTES + 1),
        ] {
            assert_eq!(text.parse::<TypeName>(), Err(NoTypeName), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn names_are_taken_as_they_are_and_stay_within_their_quotes(text in "[a-zA-Z0-9_.-]{1,64}|\\PC{0,8}") {
            if let Ok(name) = text.parse::<TypeName>() {
                proptest::prop_assert_eq!(name.as_str(), &text);
                let inner = name.as_sql().trim_matches('\'').to_owned();
                proptest::prop_assert!(inner == text && !inner.contains(['\'', '\\']));
            } else {
                proptest::prop_assert!(!text.bytes().all(|b| b.is_ascii_alphanumeric()) || text.is_empty());
            }
        }
    }
}
