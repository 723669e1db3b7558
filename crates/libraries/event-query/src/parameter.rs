//! The names that a search understands, and what the caller wrote under them.

use std::borrow::Cow;

use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::query_string;

/// A parameter of the search. Names are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    AbTestVersions,
    AbTests,
    BounceClasses,
    Campaigns,
    Columns,
    Csv,
    Cursor,
    Delimiter,
    EventIds,
    Events,
    Format,
    From,
    FromAddresses,
    GroupBy,
    IpPools,
    Links,
    MailboxProviderRegions,
    MailboxProviders,
    Messages,
    /// One for each key; the key is in the name.
    Metadata,
    Page,
    PerPage,
    ReasonContains,
    Reasons,
    RecipientDomains,
    Recipients,
    SendingDomains,
    SendingIps,
    Subaccounts,
    Subjects,
    Tags,
    Templates,
    Timezone,
    To,
    TotalCount,
    Transmissions,
}

/// The names of the Events API, each followed by the one that the older Message Events API has for the same, where it
/// differs. Both are understood wherever a search is: java-sparkpost sends the older names to the newer path.
const NAMES: [(&str, Parameter); 41] = [
    ("ab_test_versions", Parameter::AbTestVersions),
    ("ab_tests", Parameter::AbTests),
    ("ab_test_ids", Parameter::AbTests),
    ("bounce_classes", Parameter::BounceClasses),
    ("campaigns", Parameter::Campaigns),
    ("campaign_ids", Parameter::Campaigns),
    ("columns", Parameter::Columns),
    ("csv", Parameter::Csv),
    ("cursor", Parameter::Cursor),
    ("delimiter", Parameter::Delimiter),
    ("event_ids", Parameter::EventIds),
    ("events", Parameter::Events),
    ("format", Parameter::Format),
    ("from", Parameter::From),
    ("from_addresses", Parameter::FromAddresses),
    ("friendly_froms", Parameter::FromAddresses),
    ("group_by", Parameter::GroupBy),
    ("ip_pools", Parameter::IpPools),
    ("links", Parameter::Links),
    (
        "mailbox_provider_regions",
        Parameter::MailboxProviderRegions,
    ),
    ("mailbox_providers", Parameter::MailboxProviders),
    ("messages", Parameter::Messages),
    ("message_ids", Parameter::Messages),
    ("page", Parameter::Page),
    ("per_page", Parameter::PerPage),
    // Not another name of `reasons`: this one finds parts of words.
    ("reason", Parameter::ReasonContains),
    ("reasons", Parameter::Reasons),
    ("recipient_domains", Parameter::RecipientDomains),
    ("recipients", Parameter::Recipients),
    ("sending_domains", Parameter::SendingDomains),
    ("sending_ips", Parameter::SendingIps),
    ("subaccounts", Parameter::Subaccounts),
    ("subjects", Parameter::Subjects),
    ("tags", Parameter::Tags),
    ("templates", Parameter::Templates),
    ("template_ids", Parameter::Templates),
    ("timezone", Parameter::Timezone),
    ("to", Parameter::To),
    ("total_count", Parameter::TotalCount),
    ("transmissions", Parameter::Transmissions),
    ("transmission_ids", Parameter::Transmissions),
];

impl Parameter {
    fn from_name(name: &str) -> Option<Self> {
        if metadata_key(name).is_some() {
            return Some(Self::Metadata);
        }
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, parameter)| *parameter)
    }

    /// All names, each with what it stands for.
    pub(crate) fn names() -> impl Iterator<Item = (&'static str, Self)> {
        NAMES.into_iter()
    }

    /// Whether the values of several such parameters add up. Elsewhere a second one would contradict the first.
    const fn is_list(self) -> bool {
        match self {
            Self::AbTestVersions
            | Self::AbTests
            | Self::BounceClasses
            | Self::Campaigns
            | Self::Columns
            | Self::Csv
            | Self::EventIds
            | Self::Events
            | Self::FromAddresses
            | Self::GroupBy
            | Self::IpPools
            | Self::MailboxProviderRegions
            | Self::MailboxProviders
            | Self::Messages
            | Self::Metadata
            | Self::Reasons
            | Self::RecipientDomains
            | Self::Recipients
            | Self::SendingDomains
            | Self::SendingIps
            | Self::Subaccounts
            | Self::Subjects
            | Self::Tags
            | Self::Templates
            | Self::Transmissions => true,
            Self::Cursor
            | Self::Delimiter
            | Self::Format
            | Self::From
            | Self::Links
            | Self::Page
            | Self::PerPage
            | Self::ReasonContains
            | Self::Timezone
            | Self::To
            | Self::TotalCount => false,
        }
    }
}

/// The names of all parameters of a search but those of metadata, which are `metadata.` and a key.
pub fn parameter_names() -> impl Iterator<Item = &'static str> {
    Parameter::names()
        .filter(|(_, parameter)| Endpoint::Search.takes(*parameter))
        .map(|(name, _)| name)
}

/// `user_id` of `metadata.user_id`.
fn metadata_key(name: &str) -> Option<&str> {
    name.strip_prefix("metadata.").filter(|key| !key.is_empty())
}

/// One parameter as the caller wrote it, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawParam {
    pub(crate) parameter: Parameter,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl RawParam {
    /// An error that names the parameter as the caller did.
    pub(crate) fn error(&self, message: impl Into<Cow<'static, str>>) -> ParamError {
        ParamError::new(self.name.clone(), message)
    }
}

/// The parameters of a query string, in the caller's order. One without a value counts as not given, because clients send
/// the empty fields of a form.
///
/// SparkPost ignores names that it does not know. Here they are refused: a filter with a slip in its name would else find
/// everything, unnoticed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RawParams(Vec<RawParam>);

impl RawParams {
    pub(crate) fn parse(query: &str, endpoint: Endpoint) -> Result<Self, ParamError> {
        let mut all: Vec<RawParam> = Vec::new();
        for pair in query_string::pairs(query) {
            let name = pair.name().into_owned();
            let value = pair.value();
            let is_empty = value.as_ref().is_ok_and(|value| value.trim().is_empty());
            if is_empty || name.is_empty() {
                continue;
            }
            let parameter = Parameter::from_name(&name).ok_or_else(|| endpoint.unknown(&name))?;
            if !endpoint.takes(parameter) {
                return Err(endpoint.misplaced(name));
            }
            let value = value.map_err(|message| ParamError::new(name.clone(), message))?;
            let given = RawParam {
                parameter,
                name,
                value,
            };
            if !parameter.is_list() && all.iter().any(|earlier| earlier.parameter == parameter) {
                return Err(given.error("must be given only once"));
            }
            all.push(given);
        }
        Ok(Self(all))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RawParam> {
        self.0.iter()
    }

    /// The only one of its kind.
    pub(crate) fn single(&self, parameter: Parameter) -> Option<&RawParam> {
        self.iter().find(|given| given.parameter == parameter)
    }

    /// What separates the values of a list.
    pub(crate) fn delimiter(&self) -> &str {
        self.single(Parameter::Delimiter)
            .map_or(",", |given| &given.value)
    }

    /// The values of all lists of one kind, each with where it stood.
    pub(crate) fn items<'a>(
        &'a self,
        parameter: Parameter,
        delimiter: &'a str,
    ) -> impl Iterator<Item = Item<'a>> {
        self.iter()
            .filter(move |given| given.parameter == parameter)
            .flat_map(move |given| {
                given.value.split(delimiter).map(move |asked| Item {
                    given,
                    asked,
                    text: asked.trim(),
                })
            })
            .filter(|item| !item.text.is_empty())
    }
}

/// One value of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    /// Without white space around it.
    pub(crate) text: &'a str,
    asked: &'a str,
    given: &'a RawParam,
}

impl<'a> Item<'a> {
    /// The value without white space around it, and with it: what is stored may have some.
    pub(crate) fn spellings(&self) -> [&'a str; 2] {
        [self.text, self.asked]
    }

    /// The key that the name asks for, if it is one of metadata.
    pub(crate) fn metadata_key(&self) -> Option<&'a str> {
        metadata_key(&self.given.name)
    }

    /// An error that names the list as the caller did.
    pub(crate) fn error(&self, message: impl Into<Cow<'static, str>>) -> ParamError {
        self.given.error(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<RawParams, ParamError> {
        RawParams::parse(query, Endpoint::Search)
    }

    fn values(query: &str) -> Vec<String> {
        let given = parse(query).unwrap();
        given
            .iter()
            .map(|given| format!("{}={}", given.name, given.value))
            .collect()
    }

    #[test]
    fn empty_parameters_are_left_out_whatever_their_name() {
        let query = "Events=&from_date=+&flag&events=&to=+&recipients=a%40b.c&&__proto__=";

        assert_eq!(values(query), ["recipients=a@b.c"]);
    }

    #[test]
    fn unreadable_value_is_an_error_of_its_name() {
        assert_eq!(parse("whatever=%ff%00").unwrap_err().param, "whatever");
        assert_eq!(parse("recipients=%ff").unwrap_err().param, "recipients");
    }

    #[test]
    fn lists_may_repeat_and_single_values_may_not() {
        assert_eq!(
            values("events=click&events=open"),
            ["events=click", "events=open"]
        );
        assert_eq!(
            parse("from=a&from=b").unwrap_err().to_string(),
            "from must be given only once"
        );
    }

    #[test]
    fn lists_of_both_vocabularies_add_up() {
        let given = parse("campaigns=a,b&campaign_ids= c ,,d").unwrap();

        let items: Vec<_> = given
            .items(Parameter::Campaigns, ",")
            .map(|item| item.text)
            .collect();
        assert_eq!(items, ["a", "b", "c", "d"]);
    }
}
