//! The parameters of a query string as the caller wrote them.

use std::borrow::Cow;

use event_model::sparkpost::fold_beyond_ascii;

use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::parameter::{Parameter, metadata_key};
use crate::query_string;

/// The names of all parameters of a search except those of metadata, which are `metadata.` and a key.
pub fn parameter_names() -> impl Iterator<Item = &'static str> {
    Parameter::names()
        .filter(|(_, parameter)| Endpoint::Search.takes(*parameter))
        .map(|(name, _)| name)
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
/// SparkPost ignores unknown names. Here they are refused, because a filter with a typing error in its name would
/// otherwise match everything, unnoticed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RawParams(Vec<RawParam>);

impl RawParams {
    pub(crate) fn parse(query: &str, endpoint: Endpoint) -> Result<Self, ParamError> {
        let mut all: Vec<RawParam> = Vec::new();
        for pair in query_string::pairs(query) {
            let name = pair.name().into_owned();
            let value = pair.value();
            let is_empty = value.as_ref().is_ok_and(|value| is_blank(value));
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

    /// The only parameter of this kind.
    pub(crate) fn single(&self, parameter: Parameter) -> Option<&RawParam> {
        self.iter().find(|given| given.parameter == parameter)
    }

    /// What separates the values of a list.
    pub(crate) fn delimiter(&self) -> &str {
        self.single(Parameter::Delimiter)
            .map_or(",", |given| &given.value)
    }

    /// The same as the parameters of a search for one id, which is one value whatever it holds: lists get another delimiter, if theirs
    /// is in the id.
    pub(crate) fn with_event_id(mut self, event_id: &str) -> Self {
        let delimiter = self.delimiter().to_owned();
        if event_id.contains(&delimiter) {
            self.separate_lists_by(&delimiter, unused_character(&self.0, event_id));
        }
        self.0.push(RawParam {
            parameter: Parameter::EventIds,
            name: "event_ids".to_owned(),
            value: event_id.to_owned(),
        });
        self
    }

    fn separate_lists_by(&mut self, former: &str, delimiter: char) {
        let delimiter = delimiter.to_string();
        self.0
            .retain(|given| given.parameter != Parameter::Delimiter);
        for given in &mut self.0 {
            if given.parameter.is_list() {
                given.value = given.value.replace(former, &delimiter);
            }
        }
        self.0.push(RawParam {
            parameter: Parameter::Delimiter,
            name: "delimiter".to_owned(),
            value: delimiter,
        });
    }

    /// The values of all lists of one kind, each with its position.
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
            .filter(|item| !is_blank(item.text))
    }
}

/// A character that is in none of the values, if possible one that links need not encode.
fn unused_character(given: &[RawParam], event_id: &str) -> char {
    let unreserved = ['-', '.', '_', '~'].into_iter();
    let unreserved = unreserved
        .chain('0'..='9')
        .chain('A'..='Z')
        .chain('a'..='z');
    unreserved
        .chain('!'..=char::MAX)
        .find(|c| !event_id.contains(*c) && given.iter().all(|given| !given.value.contains(*c)))
        .unwrap_or(char::MAX)
}

/// Whether nothing is left of a value once it is compared: invisible characters become spaces.
pub fn is_blank(value: &str) -> bool {
    fold_beyond_ascii(Cow::Borrowed(value)).trim().is_empty()
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
    /// The value with and without surrounding white space: stored values may have some.
    pub(crate) fn spellings(&self) -> [&'a str; 2] {
        [self.text, self.asked]
    }

    /// The key of a metadata parameter.
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
