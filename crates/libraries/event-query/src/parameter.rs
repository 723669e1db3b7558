//! The names of search parameters.

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
    Limit,
    Links,
    MailboxProviderRegions,
    MailboxProviders,
    Match,
    Messages,
    /// One for each key; the key is part of the name.
    Metadata,
    Order,
    Page,
    PerPage,
    Pipeline,
    Provider,
    ReasonContains,
    Reasons,
    RecipientDomains,
    Recipients,
    SendingDomains,
    SendingIps,
    Status,
    Subaccounts,
    Subjects,
    Tags,
    Templates,
    Timezone,
    To,
    TotalCount,
    Transmissions,
    Unique,
    Zeros,
}

/// The names of the Events API, each followed by its name in the older Message Events API where that differs. Every
/// search accepts both: java-sparkpost sends the older names to the newer path.
const NAMES: [(&str, Parameter); 49] = [
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
    ("limit", Parameter::Limit),
    ("links", Parameter::Links),
    (
        "mailbox_provider_regions",
        Parameter::MailboxProviderRegions,
    ),
    ("mailbox_providers", Parameter::MailboxProviders),
    ("match", Parameter::Match),
    ("messages", Parameter::Messages),
    ("message_ids", Parameter::Messages),
    ("order", Parameter::Order),
    ("page", Parameter::Page),
    ("per_page", Parameter::PerPage),
    ("pipeline", Parameter::Pipeline),
    ("provider", Parameter::Provider),
    // Not another name of `reasons`: this one matches parts of words.
    ("reason", Parameter::ReasonContains),
    ("reasons", Parameter::Reasons),
    ("recipient_domains", Parameter::RecipientDomains),
    ("recipients", Parameter::Recipients),
    ("sending_domains", Parameter::SendingDomains),
    ("sending_ips", Parameter::SendingIps),
    ("status", Parameter::Status),
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
    ("unique", Parameter::Unique),
    ("zeros", Parameter::Zeros),
];

impl Parameter {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if metadata_key(name).is_some() {
            return Some(Self::Metadata);
        }
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, parameter)| *parameter)
    }

    /// All names, each with its parameter.
    pub(crate) fn names() -> impl Iterator<Item = (&'static str, Self)> {
        NAMES.into_iter()
    }

    /// Whether the values of several such parameters are combined. Elsewhere a second one would contradict the first.
    pub(crate) const fn is_list(self) -> bool {
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
            | Self::Pipeline
            | Self::Provider
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
            | Self::Limit
            | Self::Links
            | Self::Match
            | Self::Order
            | Self::Page
            | Self::PerPage
            | Self::ReasonContains
            | Self::Status
            | Self::Timezone
            | Self::To
            | Self::TotalCount
            | Self::Unique
            | Self::Zeros => false,
        }
    }
}

/// `user_id` of `metadata.user_id`.
pub(crate) fn metadata_key(name: &str) -> Option<&str> {
    name.strip_prefix("metadata.").filter(|key| !key.is_empty())
}
