//! Which provider an event is from. SparkPost's events do not say: it is their feed that the others are translated to.
//!
//! An index has the events that name a provider. It has no entries for SparkPost's, so it costs nothing where there are no others.
//! `event-store` creates it, one partition after the other. A search must name the expression as the index does, or the index is not used.

use std::collections::BTreeSet;
use std::str::FromStr;

use event_model::is_sender_name;

/// The provider of an event that names none.
const SPARKPOST: &str = "sparkpost";

/// None of SparkPost's events.
const NAMED: &str = "event->>'provider'";

/// The provider of any event.
pub(crate) const AS_SQL: &str = "coalesce(event->>'provider', 'sparkpost')";

/// The definition of the index: what follows `create index … on email_events`.
pub fn index_definition() -> String {
    format!("(({NAMED}), ts) where {NAMED} is not null")
}

/// The expression in which events of these providers are searched for: the indexed one, if none of them is SparkPost.
pub(crate) fn expression(names: &BTreeSet<ProviderName>) -> &'static str {
    let is_sparkpost_among = names.iter().any(|name| name.as_str() == SPARKPOST);
    if is_sparkpost_among { AS_SQL } else { NAMED }
}

/// The name of a provider, which is that of a sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProviderName(String);

/// A text that cannot be the name of a provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoProviderName;

impl ProviderName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderName {
    type Err = NoProviderName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_sender_name(text) && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoProviderName)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<ProviderName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn events_that_name_no_provider_are_sparkposts() {
        assert_eq!(expression(&names(&["postmark", "resend"])), NAMED);
        assert_eq!(expression(&names(&["postmark", "sparkpost"])), AS_SQL);
        assert!(AS_SQL.contains(NAMED) && AS_SQL.contains(&format!("'{SPARKPOST}'")));
    }

    #[test]
    fn names_of_no_provider_are_refused() {
        for text in ["", "SendGrid", "7", "-a", "a b", "a'", "é", &"x".repeat(65)] {
            assert_eq!(text.parse::<ProviderName>(), Err(NoProviderName), "{text}");
        }
    }
}
