//! The parameters of each path of the API.

use strsim::levenshtein;

use crate::error::ParamError;
use crate::parameter::Parameter;

/// A path, or several with the same parameters. Other parameters are refused, because they would have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Search,
    Counts,
    /// One event, by its id in the path.
    Event,
    Samples,
    /// What could not be used, of all pipelines.
    Rejected,
    /// The accounts of each day.
    Sums,
    /// A statement of the caller's.
    Sql,
}

/// How much of an unknown name an error repeats, in characters.
const MAX_SHOWN: usize = 64;

/// Names of members and of other APIs that are used for a parameter with a different spelling.
const MEANT: [(&str, &str); 8] = [
    ("email", "recipients"),
    ("end", "to"),
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
            Parameter::Delimiter => !matches!(self, Self::Sums),
            Parameter::Events => matches!(self, Self::Search | Self::Counts | Self::Samples),
            Parameter::Format => {
                matches!(self, Self::Search | Self::Counts | Self::Event | Self::Sql)
            }
            Parameter::Csv => {
                matches!(self, Self::Search | Self::Event | Self::Counts | Self::Sql)
            }
            Parameter::Columns => matches!(self, Self::Search | Self::Event),
            Parameter::GroupBy
            | Parameter::Limit
            | Parameter::Order
            | Parameter::Unique
            | Parameter::Zeros => matches!(self, Self::Counts),
            Parameter::Cursor | Parameter::PerPage => matches!(self, Self::Search | Self::Rejected),
            Parameter::Pipeline | Parameter::Status => matches!(self, Self::Rejected),
            Parameter::Links | Parameter::Page | Parameter::TotalCount => {
                matches!(self, Self::Search)
            }
            Parameter::From | Parameter::Timezone | Parameter::To => {
                matches!(
                    self,
                    Self::Search | Self::Counts | Self::Rejected | Self::Sums
                )
            }
            Parameter::ReasonContains => {
                matches!(self, Self::Search | Self::Counts | Self::Rejected)
            }
            Parameter::AbTestVersions
            | Parameter::AbTests
            | Parameter::BounceClasses
            | Parameter::Campaigns
            | Parameter::EventIds
            | Parameter::FromAddresses
            | Parameter::IpPools
            | Parameter::MailboxProviderRegions
            | Parameter::MailboxProviders
            | Parameter::Match
            | Parameter::Messages
            | Parameter::Metadata
            | Parameter::Provider
            | Parameter::Reasons
            | Parameter::RecipientDomains
            | Parameter::Recipients
            | Parameter::SendingDomains
            | Parameter::SendingIps
            | Parameter::Subaccounts
            | Parameter::Subjects
            | Parameter::Tags
            | Parameter::Templates
            | Parameter::Transmissions => matches!(self, Self::Search | Self::Counts),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Search => "a search",
            Self::Counts => "counts",
            Self::Event => "one event",
            Self::Samples => "samples",
            Self::Rejected => "rejected items",
            Self::Sums => "sums",
            Self::Sql => "a statement",
        }
    }

    /// The advice for a parameter of another path.
    pub(crate) fn misplaced(self, name: String) -> ParamError {
        ParamError::new(
            name,
            format!("has no effect on {}; leave it out", self.name()),
        )
    }

    /// The advice for a name that no path has.
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

    /// The name at the smallest edit distance, with changes at the beginning weighted more: `from_date` is nearer to
    /// `from` than to `format`.
    fn closest(self, name: &str) -> &'static str {
        let name = name.to_ascii_lowercase();
        let distance = |known: &str| {
            let changes = levenshtein(&name, known);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::raw_params::RawParams;

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
            ("columns=type", Endpoint::Counts),
            ("limit=3&zeros=true", Endpoint::Search),
            ("recipients=a", Endpoint::Rejected),
            ("cursor=initial", Endpoint::Sums),
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
            prop_assert_eq!(levenshtein(&one, &other) == 0, one == other);
            prop_assert_eq!(levenshtein(&one, &other), levenshtein(&other, &one));
            prop_assert!(levenshtein(&one, &other) >= one.len().abs_diff(other.len()));
        }
    }
}
