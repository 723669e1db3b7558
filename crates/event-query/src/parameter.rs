//! The names that a search understands, and what the caller wrote under them.

use std::borrow::Cow;

use crate::error::ParamError;
use crate::query_string;

/// A parameter of the search. Names are case-sensitive; any other name is ignored, as SparkPost's API conventions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Cursor,
    Delimiter,
    Events,
    From,
    PerPage,
    Recipients,
    Timezone,
    To,
}

impl Parameter {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "cursor" => Self::Cursor,
            "delimiter" => Self::Delimiter,
            "events" => Self::Events,
            "from" => Self::From,
            "per_page" => Self::PerPage,
            "recipients" => Self::Recipients,
            "timezone" => Self::Timezone,
            "to" => Self::To,
            _ => return None,
        })
    }

    /// Whether the values of several such parameters add up. Elsewhere a second one would contradict the first.
    const fn is_list(self) -> bool {
        match self {
            Self::Events | Self::Recipients => true,
            Self::Cursor
            | Self::Delimiter
            | Self::From
            | Self::PerPage
            | Self::Timezone
            | Self::To => false,
        }
    }
}

/// One parameter as the caller wrote it, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) parameter: Parameter,
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Given {
    /// An error that names the parameter as the caller did.
    pub(crate) fn error(&self, message: impl Into<Cow<'static, str>>) -> ParamError {
        ParamError::new(self.name.clone(), message)
    }
}

/// The known parameters of a query string, in the caller's order. One without a value counts as not given, because
/// clients send the empty fields of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenParameters(Vec<Given>);

impl GivenParameters {
    pub(crate) fn parse(query: &str) -> Result<Self, ParamError> {
        let mut all: Vec<Given> = Vec::new();
        for pair in query_string::pairs(query) {
            let name = pair.name();
            let Some(parameter) = Parameter::from_name(&name) else {
                continue;
            };
            let name = name.into_owned();
            let value = pair
                .value()
                .map_err(|message| ParamError::new(name.clone(), message))?;
            if value.trim().is_empty() {
                continue;
            }
            let given = Given {
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.0.iter()
    }

    /// The only one of its kind.
    pub(crate) fn single(&self, parameter: Parameter) -> Option<&Given> {
        self.iter().find(|given| given.parameter == parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(query: &str) -> Vec<String> {
        GivenParameters::parse(query)
            .unwrap()
            .iter()
            .map(|given| format!("{}={}", given.name, given.value))
            .collect()
    }

    #[test]
    fn unknown_and_empty_parameters_are_left_out() {
        let query =
            "Events=click&EVENTS=click&from_date=x&events=&to=+&recipients=a%40b.c&&__proto__=1";

        assert_eq!(values(query), ["recipients=a@b.c"]);
    }

    #[test]
    fn unreadable_value_matters_only_under_a_known_name() {
        assert_eq!(values("whatever=%ff%00"), Vec::<String>::new());
        assert_eq!(
            GivenParameters::parse("recipients=%ff").unwrap_err().param,
            "recipients"
        );
    }

    #[test]
    fn lists_may_repeat_and_single_values_may_not() {
        assert_eq!(
            values("events=click&events=open"),
            ["events=click", "events=open"]
        );
        assert_eq!(
            GivenParameters::parse("from=a&from=b")
                .unwrap_err()
                .to_string(),
            "from must be given only once"
        );
    }
}
