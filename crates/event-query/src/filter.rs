//! The conditions of a search, apart from its time range. All of them must hold; within one, any value will do.

use std::collections::BTreeSet;

use event_model::sparkpost::EventType;
use sha2::{Digest, Sha256};

use crate::error::ParamError;
use crate::parameter::{Given, GivenParameters, Parameter};

/// Values are sorted and distinct, so that two ways of asking the same are the same search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    EventTypes(BTreeSet<EventType>),
    Text {
        column: TextColumn,
        values: BTreeSet<String>,
    },
}

/// A text column of `events` that is compared as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TextColumn {
    RcptTo,
}

impl TextColumn {
    pub(crate) const fn as_sql(self) -> &'static str {
        match self {
            Self::RcptTo => "rcpt_to",
        }
    }
}

/// The conditions in an order that does not depend on the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filters(Vec<Filter>);

impl Filters {
    pub(crate) fn parse(given: &GivenParameters, delimiter: &str) -> Result<Self, ParamError> {
        let mut filters = Vec::new();

        let mut event_types = BTreeSet::new();
        for (given, item) in items(given, Parameter::Events, delimiter) {
            event_types.insert(parse_event_type(given, item)?);
        }
        if !event_types.is_empty() {
            filters.push(Filter::EventTypes(event_types));
        }

        // SparkPost lower-cases rcpt_to (raw_rcpt_to keeps the case), so an address is found however it is written.
        let recipients: BTreeSet<String> = items(given, Parameter::Recipients, delimiter)
            .map(|(_, item)| item.to_lowercase())
            .collect();
        if !recipients.is_empty() {
            filters.push(Filter::Text {
                column: TextColumn::RcptTo,
                values: recipients,
            });
        }

        Ok(Self(filters))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.0.iter()
    }

    /// Tells these conditions from any others; a cursor carries it.
    pub(crate) fn digest(&self) -> [u8; 8] {
        let mut hasher = Sha256::new();
        for filter in self.iter() {
            match filter {
                Filter::EventTypes(types) => update(
                    &mut hasher,
                    "type",
                    types.iter().map(|known| known.as_str()),
                ),
                Filter::Text { column, values } => {
                    update(
                        &mut hasher,
                        column.as_sql(),
                        values.iter().map(String::as_str),
                    );
                }
            }
        }
        let digest: [u8; 32] = hasher.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// The values of all parameters of one kind, each with where it stood.
fn items<'a>(
    given: &'a GivenParameters,
    parameter: Parameter,
    delimiter: &'a str,
) -> impl Iterator<Item = (&'a Given, &'a str)> {
    given
        .iter()
        .filter(move |given| given.parameter == parameter)
        .flat_map(move |given| {
            given
                .value
                .split(delimiter)
                .map(move |item| (given, item.trim()))
        })
        .filter(|(_, item)| !item.is_empty())
}

fn parse_event_type(given: &Given, item: &str) -> Result<EventType, ParamError> {
    item.parse().map_err(|_| {
        let known = EventType::ALL.map(EventType::as_str).join(", ");
        given.error(format!("must hold known event types only: {known}"))
    })
}

/// Counts and lengths go in front, so that no two lists run into the same bytes.
fn update<'a>(hasher: &mut Sha256, name: &'a str, values: impl ExactSizeIterator<Item = &'a str>) {
    hasher.update((values.len() as u64).to_be_bytes());
    for text in std::iter::once(name).chain(values) {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, delimiter: &str) -> Result<Filters, ParamError> {
        Filters::parse(&GivenParameters::parse(query).unwrap(), delimiter)
    }

    #[test]
    fn order_case_and_repetition_do_not_make_another_search() {
        let one = parse("recipients=b@x.org,A@x.org&events=click,bounce", ",").unwrap();
        let other = parse(
            "events=bounce&recipients=a@x.org&events=click,click&recipients=,B@X.ORG ,",
            ",",
        )
        .unwrap();

        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn delimiter_splits_every_list() {
        let semicolon = parse("events=click;open&recipients=a,b@x.org;c@x.org", ";").unwrap();

        let types = BTreeSet::from([EventType::Click, EventType::Open]);
        let values = ["a,b@x.org", "c@x.org"].map(str::to_owned).into();
        assert_eq!(
            semicolon,
            Filters(vec![
                Filter::EventTypes(types),
                Filter::Text {
                    column: TextColumn::RcptTo,
                    values
                }
            ])
        );
    }

    #[test]
    fn list_without_items_is_no_condition() {
        assert_eq!(
            parse("events=,&recipients= , ,", ",").unwrap(),
            Filters(vec![])
        );
    }

    #[test]
    fn unknown_event_type_names_the_parameter_and_the_choice() {
        let error = parse("events=bounce,bounced", ",").unwrap_err();

        assert_eq!(error.param, "events");
        assert!(error.message.contains("out_of_band") && !error.message.contains("bounced"));
    }

    #[test]
    fn digest_tells_searches_apart() {
        let digests = [
            "",
            "events=click",
            "events=open",
            "recipients=click",
            "recipients=a;b",
            "recipients=a,b",
        ]
        .map(|query| parse(query, ";").unwrap().digest());

        let distinct: BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}
