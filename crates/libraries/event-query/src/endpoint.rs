//! What each path of the API takes.

use crate::error::ParamError;
use crate::parameter::Parameter;

/// A path, or several that take the same parameters. What one does not take is refused, as it would have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Search,
    Counts,
    /// One event, by its id in the path.
    Event,
    Samples,
}

/// How much of an unknown name is repeated, in characters.
const MAX_SHOWN: usize = 64;

/// Names of members and of other APIs that are taken for a parameter, where it is not spelled alike.
const MEANT: [(&str, &str); 9] = [
    ("email", "recipients"),
    ("end", "to"),
    ("limit", "per_page"),
    ("rcpt_meta", "metadata.<key>"),
    ("rcpt_tags", "tags"),
    ("rcpt_to", "recipients"),
    ("since", "from"),
    ("start", "from"),
    ("type", "events"),
];

impl Endpoint {
    pub(crate) const fn takes(self, parameter: Parameter) -> bool {
        match parameter {
            Parameter::Delimiter => true,
            Parameter::Events => matches!(self, Self::Search | Self::Counts | Self::Samples),
            Parameter::Format => matches!(self, Self::Search | Self::Counts | Self::Event),
            Parameter::Columns | Parameter::Csv => matches!(self, Self::Search | Self::Event),
            Parameter::GroupBy => matches!(self, Self::Counts),
            Parameter::Cursor
            | Parameter::Links
            | Parameter::Page
            | Parameter::PerPage
            | Parameter::TotalCount => matches!(self, Self::Search),
            Parameter::AbTestVersions
            | Parameter::AbTests
            | Parameter::BounceClasses
            | Parameter::Campaigns
            | Parameter::EventIds
            | Parameter::From
            | Parameter::FromAddresses
            | Parameter::IpPools
            | Parameter::MailboxProviderRegions
            | Parameter::MailboxProviders
            | Parameter::Messages
            | Parameter::Metadata
            | Parameter::ReasonContains
            | Parameter::Reasons
            | Parameter::RecipientDomains
            | Parameter::Recipients
            | Parameter::SendingDomains
            | Parameter::SendingIps
            | Parameter::Subaccounts
            | Parameter::Subjects
            | Parameter::Tags
            | Parameter::Templates
            | Parameter::Timezone
            | Parameter::To
            | Parameter::Transmissions => matches!(self, Self::Search | Self::Counts),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Search => "a search",
            Self::Counts => "counts",
            Self::Event => "one event",
            Self::Samples => "samples",
        }
    }

    /// What to tell who gave a parameter of another path.
    pub(crate) fn misplaced(self, name: String) -> ParamError {
        ParamError::new(
            name,
            format!("has no effect on {}; leave it out", self.name()),
        )
    }

    /// What to tell who gave a name that no path knows.
    pub(crate) fn unknown(self, name: &str) -> ParamError {
        let shown: String = name.chars().take(MAX_SHOWN).collect();
        let is_of_metadata = name.starts_with("metadata") && self.takes(Parameter::Metadata);
        let meant = MEANT.iter().find(|(taken, _)| *taken == name);
        let closest = match meant {
            Some((_, meant)) if matches!(self, Self::Search | Self::Counts) => meant,
            Some(_) | None if is_of_metadata => "metadata.<key>",
            Some(_) | None => self.closest(&shown),
        };
        ParamError::new(
            shown,
            format!(
                "is no parameter of {}; the closest is {closest}, and /openapi.json has all",
                self.name()
            ),
        )
    }

    /// The name with the fewest letters to change, where those at the beginning count for it: `from_date` is nearer to
    /// `from` than to `format`.
    fn closest(self, name: &str) -> &'static str {
        let name = name.to_ascii_lowercase();
        let distance = |known: &str| {
            let changes = changes(&name, known);
            let begins_alike = name
                .chars()
                .zip(known.chars())
                .take_while(|(one, other)| one == other)
                .count();
            (changes + MAX_SHOWN - begins_alike, changes)
        };
        Parameter::names()
            .filter(|(_, parameter)| self.takes(*parameter))
            .map(|(known, _)| known)
            .min_by_key(|known| distance(known))
            .unwrap_or("delimiter")
    }
}

/// How many letters to insert, delete or replace (the distance of Levenshtein).
fn changes(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (above, known) in row.iter_mut().skip(1).zip(&other) {
            let cost = diagonal + usize::from(letter != *known);
            diagonal = *above;
            left = cost.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parameter::RawParams;

    fn refusal(query: &str, endpoint: Endpoint) -> String {
        RawParams::parse(query, endpoint).unwrap_err().to_string()
    }

    #[test]
    fn unknown_name_is_told_the_closest_that_is_known_there() {
        for (name, closest) in [
            ("recipient", "recipients"),
            ("rcpt_to", "recipients"),
            ("Events", "events"),
            ("event", "events"),
            ("event_type", "event_ids"),
            ("from_date", "from"),
            ("to_date", "to"),
            ("campaign", "campaigns"),
            ("compaigns", "campaigns"),
            ("perpage", "per_page"),
            ("friendly_from", "friendly_froms"),
            ("subject", "subjects"),
            ("metadata", "metadata.<key>"),
            ("metadata_user", "metadata.<key>"),
            ("group_bye", "from"),
        ] {
            let told = refusal(&format!("{name}=x"), Endpoint::Search);
            assert!(
                told.starts_with(&format!(
                    "{name} is no parameter of a search; the closest is {closest},"
                )),
                "{told}"
            );
        }
        let told = refusal("groupby=type", Endpoint::Counts);
        assert!(told.contains("the closest is group_by,"), "{told}");
    }

    #[test]
    fn parameters_of_other_paths_are_refused() {
        for (query, endpoint) in [
            ("group_by=type", Endpoint::Search),
            ("group_by=type&per_page=10", Endpoint::Counts),
            ("cursor=initial", Endpoint::Counts),
            ("csv=raw", Endpoint::Counts),
            ("recipients=a", Endpoint::Event),
            ("from=2026-01-01", Endpoint::Samples),
            ("metadata.a=b", Endpoint::Event),
        ] {
            assert!(
                refusal(query, endpoint).contains("has no effect on"),
                "{query}"
            );
        }
        assert!(RawParams::parse("format=csv&columns=type", Endpoint::Event).is_ok());
    }

    #[test]
    fn long_names_are_cut() {
        assert!(refusal(&format!("{}=1", "ä".repeat(3_000)), Endpoint::Search).len() < 300);
    }

    proptest! {
        #[test]
        fn distance_is_none_only_between_equals(one in "[a-c]{0,5}", other in "[a-c]{0,5}") {
            prop_assert_eq!(changes(&one, &other) == 0, one == other);
            prop_assert_eq!(changes(&one, &other), changes(&other, &one));
            prop_assert!(changes(&one, &other) >= one.len().abs_diff(other.len()));
        }
    }
}
