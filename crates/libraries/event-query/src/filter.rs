//! The conditions of a search, apart from its time range. All of them must hold; within one condition, any value is
//! enough.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

use event_model::sparkpost::{EventType, fold, fold_address};
use sha2::{Digest, Sha256};

use crate::error::ParamError;
use crate::indexed_keys::IndexedKeys;
use crate::keyword::{KeywordField, Keywords, Phrase};
use crate::parameter::Parameter;
use crate::provider::ProviderName;
use crate::raw_params::{Item, RawParams};
use crate::type_name::TypeName;

/// Values are sorted and distinct, so that equivalent requests are the same search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    EventTypes(BTreeSet<TypeName>),
    Text {
        field: TextField,
        values: BTreeSet<String>,
    },
    BounceClasses(BTreeSet<i16>),
    /// 0 stands for the account itself.
    Subaccounts(BTreeSet<i32>),
    Keywords(Keywords),
    /// An event that names none is SparkPost's.
    Providers(BTreeSet<ProviderName>),
    /// One of the recipient's tags.
    Tags(BTreeSet<String>),
    /// The sender's metadata of the recipient under one key.
    Metadata {
        key: String,
        values: BTreeSet<String>,
    },
    /// Normalized, with white space as spaces; matches any part of the reason.
    ReasonContains(String),
    /// The whole text of a field, normalized, beside the words that the index finds.
    Whole {
        field: KeywordField,
        values: BTreeSet<String>,
    },
}

/// A text that is compared completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextField {
    AbTestVersion,
    EventId,
    /// Normalized.
    FriendlyFrom,
    MessageId,
    /// Normalized.
    RcptTo,
    SendingIp,
    TransmissionId,
}

/// The conditions in an order that does not depend on the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filters(Vec<Filter>);

impl Filters {
    pub(crate) fn parse(given: &RawParams, indexed_keys: &IndexedKeys) -> Result<Self, ParamError> {
        let delimiter = given.delimiter();
        let is_exact = parse_match(given)?;
        let mut filters = Vec::new();
        for parameter in FILTERS {
            let items: Vec<_> = given.items(parameter, delimiter).collect();
            if items.is_empty() {
                continue;
            }
            let filter = parse_filter(parameter, &items)?;
            let whole = match &filter {
                Some(Filter::Keywords(keywords)) if is_exact => Some(Filter::Whole {
                    field: keywords.field,
                    values: whole_texts(keywords.field, &items),
                }),
                Some(_) | None => None,
            };
            filters.extend(filter);
            filters.extend(whole);
        }
        filters.extend(parse_metadata(given, delimiter, indexed_keys)?);
        // Reasons are sentences with commas, so this parameter is not split.
        if let Some(given) = given.single(Parameter::ReasonContains) {
            // Trimmed afterwards, as invisible characters become spaces.
            let folded = fold(Cow::Borrowed(&given.value));
            filters.push(Filter::ReasonContains(
                folded.trim().replace(['\t', '\r', '\n'], " "),
            ));
        }

        let versions = given.items(Parameter::AbTestVersions, delimiter).next();
        if let Some(item) = versions
            && given.items(Parameter::AbTests, delimiter).next().is_none()
        {
            return Err(item.error("needs ab_tests beside it, as every test has the same versions"));
        }
        Ok(Self(filters))
    }

    pub(crate) fn of_event(event_id: &str) -> Self {
        Self(vec![Filter::Text {
            field: TextField::EventId,
            // As a search for this id has them.
            values: BTreeSet::from([event_id.trim().to_owned(), event_id.to_owned()]),
        }])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.0.iter()
    }

    /// A digest that distinguishes these conditions from all others; a cursor carries it.
    pub(crate) fn digest(&self) -> [u8; 8] {
        let mut hasher = Sha256::new();
        for filter in self.iter() {
            // Counts and lengths are hashed first, so that different lists never give the same bytes.
            let values = filter.values();
            hasher.update((values.len() as u64).to_be_bytes());
            for text in
                std::iter::once(filter.name().as_ref()).chain(values.iter().map(String::as_str))
            {
                hasher.update((text.len() as u64).to_be_bytes());
                hasher.update(text);
            }
        }
        let digest: [u8; 32] = hasher.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// Whether texts that are searched by words must be those words and nothing else.
fn parse_match(given: &RawParams) -> Result<bool, ParamError> {
    match given.single(Parameter::Match) {
        None => Ok(false),
        Some(given) => match given.value.as_str() {
            "words" => Ok(false),
            "exact" => Ok(true),
            _ => Err(given.error("must be words or exact")),
        },
    }
}

/// The lists that narrow a search, in the order of their conditions.
const FILTERS: [Parameter; 22] = [
    Parameter::Events,
    Parameter::EventIds,
    Parameter::Messages,
    Parameter::Transmissions,
    Parameter::Recipients,
    Parameter::FromAddresses,
    Parameter::SendingIps,
    Parameter::Subaccounts,
    Parameter::BounceClasses,
    Parameter::Subjects,
    Parameter::Reasons,
    Parameter::Campaigns,
    Parameter::Templates,
    Parameter::RecipientDomains,
    Parameter::SendingDomains,
    Parameter::IpPools,
    Parameter::MailboxProviders,
    Parameter::MailboxProviderRegions,
    Parameter::AbTests,
    Parameter::AbTestVersions,
    Parameter::Tags,
    Parameter::Provider,
];

/// `None` for parameters that are not lists.
fn parse_filter(parameter: Parameter, items: &[Item<'_>]) -> Result<Option<Filter>, ParamError> {
    let filter = match parameter {
        Parameter::Events => Filter::EventTypes(parse_event_types(items)?),
        Parameter::EventIds => text(TextField::EventId, items),
        Parameter::Messages => text(TextField::MessageId, items),
        Parameter::Transmissions => text(TextField::TransmissionId, items),
        // SparkPost lower-cases rcpt_to (raw_rcpt_to keeps the case), so an address is found in any spelling.
        Parameter::Recipients => addresses(TextField::RcptTo, items),
        Parameter::FromAddresses => addresses(TextField::FriendlyFrom, items),
        Parameter::SendingIps => ip_addresses(items),
        Parameter::AbTestVersions => text(TextField::AbTestVersion, items),
        Parameter::Subaccounts => Filter::Subaccounts(parse_all(items, &|| {
            "must hold subaccount ids only, which are whole numbers; 0 is the account itself"
                .to_owned()
        })?),
        Parameter::BounceClasses => Filter::BounceClasses(parse_all(items, &|| {
            "must hold bounce classes only, which are whole numbers like 10".to_owned()
        })?),
        Parameter::Subjects => keywords(KeywordField::Subject, items)?,
        Parameter::Reasons => keywords(KeywordField::Reason, items)?,
        Parameter::Campaigns => keywords(KeywordField::Campaign, items)?,
        Parameter::Templates => keywords(KeywordField::Template, items)?,
        Parameter::RecipientDomains => keywords(KeywordField::RecipientDomain, items)?,
        Parameter::SendingDomains => keywords(KeywordField::SendingDomain, items)?,
        Parameter::IpPools => keywords(KeywordField::IpPool, items)?,
        Parameter::MailboxProviders => keywords(KeywordField::MailboxProvider, items)?,
        Parameter::MailboxProviderRegions => keywords(KeywordField::MailboxProviderRegion, items)?,
        Parameter::AbTests => keywords(KeywordField::AbTest, items)?,
        Parameter::Tags => Filter::Tags(texts(items)),
        Parameter::Provider => Filter::Providers(parse_all(items, &|| {
            "must hold names of providers only, which are in lower case, such as sparkpost or sendgrid".to_owned()
        })?),
        Parameter::Columns
        | Parameter::Csv
        | Parameter::Cursor
        | Parameter::Delimiter
        | Parameter::Format
        | Parameter::From
        | Parameter::GroupBy
        | Parameter::Limit
        | Parameter::Links
        | Parameter::Match
        | Parameter::Metadata
        | Parameter::Order
        | Parameter::Page
        | Parameter::PerPage
        | Parameter::Pipeline
        | Parameter::ReasonContains
        | Parameter::Status
        | Parameter::Timezone
        | Parameter::To
        | Parameter::TotalCount
        | Parameter::Unique
        | Parameter::Zeros => return Ok(None),
    };
    Ok(Some(filter))
}

fn text(field: TextField, items: &[Item<'_>]) -> Filter {
    Filter::Text {
        field,
        values: texts(items),
    }
}

fn addresses(field: TextField, items: &[Item<'_>]) -> Filter {
    let folded = |item: &Item<'_>| fold_address(Cow::Borrowed(item.text)).into_owned();
    Filter::Text {
        field,
        values: items.iter().map(folded).collect(),
    }
}

/// IP addresses as given, and as RFC 5952 writes them: IPv6 addresses have many spellings. They are stored as they were
/// sent.
fn ip_addresses(items: &[Item<'_>]) -> Filter {
    let values = items.iter().flat_map(|item| {
        let canonical = item.text.parse::<IpAddr>().ok();
        let spellings = canonical.map(|address| {
            let written = address.to_string();
            [written.to_uppercase(), written]
        });
        let asked = item.spellings().map(str::to_owned);
        asked.into_iter().chain(spellings.into_iter().flatten())
    });
    Filter::Text {
        field: TextField::SendingIp,
        values: values.collect(),
    }
}

/// Values that are compared byte by byte: as given, and without surrounding white space, which people type after a
/// comma.
fn texts(items: &[Item<'_>]) -> BTreeSet<String> {
    items
        .iter()
        .flat_map(Item::spellings)
        .map(str::to_owned)
        .collect()
}

/// Texts that are compared from beginning to end, normalized as stored ones are: as given, and without surrounding white space.
fn whole_texts(field: KeywordField, items: &[Item<'_>]) -> BTreeSet<String> {
    items
        .iter()
        .flat_map(Item::spellings)
        .map(|text| field.whole(text))
        .collect()
}

/// One condition for each requested key.
fn parse_metadata(
    given: &RawParams,
    delimiter: &str,
    indexed_keys: &IndexedKeys,
) -> Result<Vec<Filter>, ParamError> {
    let mut values_by_key: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for item in given.items(Parameter::Metadata, delimiter) {
        let Some(key) = item.metadata_key() else {
            continue;
        };
        if !indexed_keys.contains(key) {
            return Err(item.error(indexed_keys.advice()));
        }
        values_by_key
            .entry(key)
            .or_default()
            .extend(item.spellings().into_iter().map(str::to_owned));
    }
    let filters = values_by_key
        .into_iter()
        .map(|(key, values)| Filter::Metadata {
            key: key.to_owned(),
            values,
        });
    Ok(filters.collect())
}

/// The event types that a request names.
pub(crate) fn event_types(given: &RawParams) -> Result<BTreeSet<TypeName>, ParamError> {
    let items: Vec<_> = given.items(Parameter::Events, given.delimiter()).collect();
    parse_event_types(&items)
}

fn parse_event_types(items: &[Item<'_>]) -> Result<BTreeSet<TypeName>, ParamError> {
    parse_all(items, &|| {
        let known = EventType::ALL.map(EventType::as_str).join(", ");
        format!(
            "must hold names of event types only: up to 64 letters, digits, _, - and . each, with known ones in lower case; known are {known}"
        )
    })
}

fn parse_all<T: FromStr + Ord>(
    items: &[Item<'_>],
    message: &dyn Fn() -> String,
) -> Result<BTreeSet<T>, ParamError> {
    items
        .iter()
        .map(|item| item.text.parse().map_err(|_| item.error(message())))
        .collect()
}

fn keywords(field: KeywordField, items: &[Item<'_>]) -> Result<Filter, ParamError> {
    let mut phrases = BTreeSet::new();
    for item in items {
        let phrase = field.parse(item.text).ok_or_else(|| {
            item.error("must hold words, and one of its values is punctuation only")
        })?;
        phrases.insert(phrase);
    }
    Ok(Filter::Keywords(Keywords { field, phrases }))
}

impl Filter {
    /// The names are distinct for all kinds of conditions; only metadata has a period in its name.
    fn name(&self) -> Cow<'static, str> {
        match self {
            Self::EventTypes(_) => "type".into(),
            Self::Text { field, .. } => field.name().into(),
            Self::BounceClasses(_) => "bounce_class".into(),
            Self::Subaccounts(_) => "subaccount_id".into(),
            Self::Keywords(keywords) => keywords.field.name().into(),
            Self::Providers(_) => "provider".into(),
            Self::Tags(_) => "rcpt_tags".into(),
            Self::Metadata { key, .. } => format!("rcpt_meta.{key}").into(),
            Self::ReasonContains(_) => "part of reason".into(),
            Self::Whole { field, .. } => format!("whole {}", field.name()).into(),
        }
    }

    fn values(&self) -> Vec<String> {
        match self {
            Self::EventTypes(types) => types.iter().map(ToString::to_string).collect(),
            Self::Text { values, .. }
            | Self::Metadata { values, .. }
            | Self::Tags(values)
            | Self::Whole { values, .. } => values.iter().cloned().collect(),
            Self::ReasonContains(part) => vec![part.clone()],
            Self::BounceClasses(classes) => classes.iter().map(ToString::to_string).collect(),
            Self::Subaccounts(ids) => ids.iter().map(ToString::to_string).collect(),
            Self::Providers(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            Self::Keywords(keywords) => keywords.phrases.iter().map(Phrase::spaced).collect(),
        }
    }
}

impl TextField {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AbTestVersion => "ab_test_version",
            Self::EventId => "event_id",
            Self::FriendlyFrom => "friendly_from",
            Self::MessageId => "message_id",
            Self::RcptTo => "rcpt_to",
            Self::SendingIp => "sending_ip",
            Self::TransmissionId => "transmission_id",
        }
    }
}

#[cfg(test)]
mod tests;
